from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest_cloudtasks

pytest_plugins = ["pytester"]

# pytester forgets what an inner session imported first. A second import of these would bring their C parts down, and
# one of the package's own modules would make two classes of each of theirs.
for _module in ("freezegun", "hypothesis", "time_machine", "google.cloud.tasks_v2"):
    import_module(_module)
for _found in pkgutil.walk_packages(pytest_cloudtasks.__path__, "pytest_cloudtasks."):
    import_module(_found.name)
