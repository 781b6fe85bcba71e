"""Fixtures that a method of a `TestCase` asks for, and does not get."""

from __future__ import annotations

import re
import traceback

from .._text import safe_str

_MISSING = re.compile(r"missing \d+ required positional arguments?: .*'cloud_tasks\w*'")


def advice(error: BaseException) -> str:
    """Return how the test of a `TestCase` finds its fake; "" for any other error."""
    if not isinstance(error, TypeError) or not _MISSING.search(safe_str(error)):
        return ""
    if not any(
        frame.f_globals.get("__name__") == "unittest.case" for frame, _ in traceback.walk_tb(error.__traceback__)
    ):
        return ""
    return (
        "A method of a TestCase gets no fixtures. Mark the class with @pytest.mark.cloud_tasks, and call"
        " pytest_cloudtasks.current() for its fake."
    )
