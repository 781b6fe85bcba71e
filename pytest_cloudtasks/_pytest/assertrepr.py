"""Which failing comparisons the plugin explains. It loads nothing: every failing comparison of a suite comes by."""

from __future__ import annotations

from .._messages.proto import is_message


def is_explained(value: object) -> bool:
    """Whether ``value`` is one of Google's messages for tasks, wrapped or not, or a task of the handle."""
    kind = type(value)
    return (
        is_message(value)
        or f"{kind.__module__}.{kind.__qualname__}" == "pytest_cloudtasks._simulation.records.TaskRecord"
    )
