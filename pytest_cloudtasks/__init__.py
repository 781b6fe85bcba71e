"""Google's real Cloud Tasks client against a deterministic in-process queue whose time the test owns.

The names below are imported when they are first used: pytest imports this package at start-up, on behalf of the plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._handle.failing import CloudTasksAssertionError, DrainLimitReached, NoTarget
    from ._handle.fake import FakeCloudTasks, current
    from ._handle.matching import exactly
    from ._handle.on_commit import CloudTasksWarning
    from ._handle.records import Attempt, TaskRecord
    from ._handle.single_request import TaskRequest
    from ._handle.summary import Blocked, BlockedReason, Summary
    from ._handle.world import RpcCall
    from ._model.task import TaskState
    from ._targets.headers import Headers
    from ._targets.request import TargetRequest
    from ._targets.routes import Mount, Route

__version__ = "0.1.0"

__all__ = [
    "FakeCloudTasks",
    "current",
    "exactly",
    "TaskRecord",
    "TaskState",
    "Attempt",
    "Summary",
    "Blocked",
    "BlockedReason",
    "RpcCall",
    "Route",
    "Mount",
    "TargetRequest",
    "TaskRequest",
    "Headers",
    "CloudTasksAssertionError",
    "DrainLimitReached",
    "NoTarget",
    "CloudTasksWarning",
]

_HOMES = {
    "FakeCloudTasks": "_handle.fake",
    "current": "_handle.fake",
    "exactly": "_handle.matching",
    "TaskRecord": "_handle.records",
    "TaskState": "_model.task",
    "Attempt": "_handle.records",
    "Summary": "_handle.summary",
    "Blocked": "_handle.summary",
    "BlockedReason": "_handle.summary",
    "RpcCall": "_handle.world",
    "Route": "_targets.routes",
    "Mount": "_targets.routes",
    "TargetRequest": "_targets.request",
    "TaskRequest": "_handle.single_request",
    "Headers": "_targets.headers",
    "CloudTasksAssertionError": "_handle.failing",
    "DrainLimitReached": "_handle.failing",
    "NoTarget": "_handle.failing",
    "CloudTasksWarning": "_handle.on_commit",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
