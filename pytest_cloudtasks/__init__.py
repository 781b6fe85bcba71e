"""A fake Cloud Tasks service for tests, and a pytest plugin for it.

The names below are imported on first use, because pytest imports this package at every start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._api.aio import AwaitableMethods
    from ._api.clock import ClockView
    from ._api.fake import FakeCloudTasks, current
    from ._api.faults import FaultPlan
    from ._api.oidc import Oidc
    from ._api.queue_record import QueueRecord
    from ._api.retry_schedule import RetrySchedule, retry_schedule
    from ._api.routes import AppEngineMount, Forward, LoopbackForward, Mount, Route
    from ._api.rpc_call import RpcCall
    from ._api.task_request import TaskRequest
    from ._clients.legacy.client import LegacyCloudTasksClient
    from ._server.loopback import CloudTasksServer
    from ._service.task import TaskState
    from ._simulation.exceptions import (
        CloudTasksAssertionError,
        CloudTasksLintWarning,
        CloudTasksWarning,
        DrainLimitReached,
        NoTarget,
    )
    from ._simulation.matching.match import MatchArguments
    from ._simulation.matching.values import exactly
    from ._simulation.records import Attempt, TaskRecord
    from ._simulation.summary import Blocked, BlockedReason, Summary
    from ._targets.answers import TargetResponse
    from ._targets.headers import Headers
    from ._targets.request import TargetRequest

__version__ = "0.1.0"

__all__ = [
    "FakeCloudTasks",
    "ClockView",
    "AwaitableMethods",
    "Oidc",
    "CloudTasksServer",
    "current",
    "exactly",
    "MatchArguments",
    "retry_schedule",
    "RetrySchedule",
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
    "LoopbackForward",
    "TargetRequest",
    "TargetResponse",
    "TaskRequest",
    "Headers",
    "CloudTasksAssertionError",
    "DrainLimitReached",
    "NoTarget",
    "CloudTasksWarning",
    "CloudTasksLintWarning",
]

_HOMES = {
    "FakeCloudTasks": "_api.fake",
    "ClockView": "_api.clock",
    "AwaitableMethods": "_api.aio",
    "Oidc": "_api.oidc",
    "CloudTasksServer": "_server.loopback",
    "current": "_api.fake",
    "exactly": "_simulation.matching.values",
    "MatchArguments": "_simulation.matching.match",
    "retry_schedule": "_api.retry_schedule",
    "RetrySchedule": "_api.retry_schedule",
    "TaskRecord": "_simulation.records",
    "TaskState": "_service.task",
    "Attempt": "_simulation.records",
    "QueueRecord": "_api.queue_record",
    "Summary": "_simulation.summary",
    "Blocked": "_simulation.summary",
    "BlockedReason": "_simulation.summary",
    "RpcCall": "_api.rpc_call",
    "LegacyCloudTasksClient": "_clients.legacy.client",
    "FaultPlan": "_api.faults",
    "Route": "_api.routes",
    "Mount": "_api.routes",
    "AppEngineMount": "_api.routes",
    "Forward": "_api.routes",
    "LoopbackForward": "_api.routes",
    "TargetRequest": "_targets.request",
    "TargetResponse": "_targets.answers",
    "TaskRequest": "_api.task_request",
    "Headers": "_targets.headers",
    "CloudTasksAssertionError": "_simulation.exceptions",
    "DrainLimitReached": "_simulation.exceptions",
    "NoTarget": "_simulation.exceptions",
    "CloudTasksWarning": "_simulation.exceptions",
    "CloudTasksLintWarning": "_simulation.exceptions",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
