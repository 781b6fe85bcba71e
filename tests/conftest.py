from __future__ import annotations

import os
import pkgutil
from importlib import import_module

from google.cloud.tasks_v2 import CloudTasksClient

import pytest_cloudtasks

pytest_plugins = ["pytester"]

collect_ignore = (
    []
    if hasattr(CloudTasksClient, "batch_create_tasks")
    else [
        "acceptance/test_betas.py",
        "acceptance/test_http_target.py",
        "acceptance/test_newest_surface.py",
        "acceptance/test_random_sequences.py",
        "google/test_http_targets.py",
        "google/test_newest.py",
        "google/test_operations.py",
    ]
)
"""Tests of messages and RPCs that the installed release doesn't have; google/test_surface.py is for every release."""

# Under CI pytest prints summaries at full length; inner sessions are to look the same everywhere.
for _name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(_name, None)

# pytester forgets what an inner session imported first. A second import of these would bring their C parts down, and
# one of the package's own modules would make two classes of each of theirs.
for _module in (
    "freezegun",
    "hypothesis",
    "time_machine",
    "google.cloud.tasks_v2",
    "google.cloud.tasks_v2beta2",
    "google.cloud.tasks_v2beta3",
):
    import_module(_module)
for _found in pkgutil.walk_packages(pytest_cloudtasks.__path__, "pytest_cloudtasks."):
    import_module(_found.name)
