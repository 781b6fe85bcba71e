"""Credentials without a file or a metadata server, for the option ``google_auth``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import google.auth
from google.auth import credentials


def anonymous_default(project: str) -> Callable[[], None]:
    """Make ``google.auth.default()`` return anonymous credentials and ``project``. Return what undoes that."""
    before = google.auth.default

    def default(*args: Any, **kwargs: Any) -> tuple[Any, str]:
        return credentials.AnonymousCredentials(), project

    google.auth.default = default

    def undo() -> None:
        google.auth.default = before

    return undo
