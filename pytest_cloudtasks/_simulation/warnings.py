"""The category of lints, apart from what they need: pytest imports it for the filters of an ini file."""

from __future__ import annotations

from .django_on_commit import CloudTasksWarning


class CloudTasksLintWarning(CloudTasksWarning):
    """A call that the service accepts, and that is probably a mistake of the application."""


CloudTasksLintWarning.__module__ = "pytest_cloudtasks"
