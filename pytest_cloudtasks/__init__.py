"""Google's real Cloud Tasks client against a deterministic in-process queue whose time the test owns.

The names below are imported when they are first used: pytest imports this package at start-up, on behalf of the plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._google.legacy.client import LegacyCloudTasksClient
    from ._google.rpc_call import RpcCall
    from ._handle.failing import CloudTasksAssertionError, DrainLimitReached, NoTarget
    from ._handle.fake import FakeCloudTasks, current
    from ._handle.lint_warning import CloudTasksLintWarning
    from ._handle.matching import exactly
    from ._handle.on_commit import CloudTasksWarning
    from ._handle.planning import RetryPlan, plan
    from ._handle.plans import FaultPlan
    from ._handle.queue_view import QueueRecord
    from ._handle.records import Attempt, TaskRecord
    from ._handle.single_request import TaskRequest
    from ._handle.summary import Blocked, BlockedReason, Summary
    from ._model.task import TaskState
    from ._server.loopback import CloudTasksServer
    from ._targets.forwards import Forward
    from ._targets.headers import Headers
    from ._targets.mounts import AppEngineMount, Mount
    from ._targets.request import TargetRequest
    from ._targets.routes import Route

__version__ = "0.1.0"

__all__ = [
    "FakeCloudTasks",
    "CloudTasksServer",
    "current",
    "exactly",
    "plan",
    "RetryPlan",
    "TaskRecord",
    "TaskState",
    "Attempt",
    "QueueRecord",
    "Summary",
    "Blocked",
    "BlockedReason",
    "RpcCall",
    "LegacyCloudTasksClient",
    "FaultPlan",
    "Route",
    "Mount",
    "AppEngineMount",
    "Forward",
    "TargetRequest",
    "TaskRequest",
    "Headers",
    "CloudTasksAssertionError",
    "DrainLimitReached",
    "NoTarget",
    "CloudTasksWarning",
    "CloudTasksLintWarning",
]

_HOMES = {
    "FakeCloudTasks": "_handle.fake",
    "CloudTasksServer": "_server.loopback",
    "current": "_handle.fake",
    "exactly": "_handle.matching",
    "plan": "_handle.planning",
    "RetryPlan": "_handle.planning",
    "TaskRecord": "_handle.records",
    "TaskState": "_model.task",
    "Attempt": "_handle.records",
    "QueueRecord": "_handle.queue_view",
    "Summary": "_handle.summary",
    "Blocked": "_handle.summary",
    "BlockedReason": "_handle.summary",
    "RpcCall": "_google.rpc_call",
    "LegacyCloudTasksClient": "_google.legacy.client",
    "FaultPlan": "_handle.plans",
    "Route": "_targets.routes",
    "Mount": "_targets.mounts",
    "AppEngineMount": "_targets.mounts",
    "Forward": "_targets.forwards",
    "TargetRequest": "_targets.request",
    "TaskRequest": "_handle.single_request",
    "Headers": "_targets.headers",
    "CloudTasksAssertionError": "_handle.failing",
    "DrainLimitReached": "_handle.failing",
    "NoTarget": "_handle.failing",
    "CloudTasksWarning": "_handle.on_commit",
    "CloudTasksLintWarning": "_handle.lint_warning",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
