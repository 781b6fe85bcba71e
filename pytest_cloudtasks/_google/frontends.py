"""The frontends of the API versions, made when they are first needed."""

from __future__ import annotations

from functools import lru_cache

from .frontend import Frontend


@lru_cache(maxsize=1)
def v2() -> Frontend:
    """The v2 API by the installed library's messages; this imports Google's client."""
    from google.cloud.tasks_v2 import types

    return Frontend(types)
