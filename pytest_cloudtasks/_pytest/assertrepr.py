"""The failing comparisons that the plugin explains. It loads little, because it sees those of the whole suite."""

from __future__ import annotations

from .._messages.proto import is_message


def explanation(left: object, right: object) -> list[str] | None:
    """Return the lines about two values, one of which is ours; None leaves them to pytest.

    pytest also explains a value whose own methods raise.
    """
    try:
        if not (is_explained(left) or is_explained(right)):
            return None
        from .._diagnostics.diff import compared  # imports the model, which only our own comparisons need

        return compared(left, right)
    except Exception:
        return None


def is_explained(value: object) -> bool:
    """Whether ``value`` is one of Google's messages for tasks, wrapped or not, or a record of a task or an attempt."""
    kind = type(value)
    is_record = kind.__module__ == _RECORDS and kind.__qualname__ in ("TaskRecord", "Attempt")
    return is_record or is_message(value)


_RECORDS = "pytest_cloudtasks._simulation.records"
