"""Hypothesis strategies for tasks, queues and their parts, valid and invalid.

All arguments are keywords. For a field, ``...`` lets the strategy choose, None leaves it unset, and anything else is a
value or a strategy for one. A value that the service would reject raises Hypothesis's InvalidArgument when it is drawn.
"""

from __future__ import annotations

from ._arguments import checked_call
from ._strategies.boundaries import boundary_queues, boundary_tasks
from ._strategies.invalid_queues import invalid_queues
from ._strategies.invalid_tasks import invalid_tasks
from ._strategies.names import queue_ids, resource_names, task_ids
from ._strategies.outcomes import outcomes
from ._strategies.queues import queues, rate_limits, retry_configs
from ._strategies.requests import app_engine_http_requests, http_requests, pull_messages
from ._strategies.tasks import create_task_requests, schedule_times, tasks
from ._strategies.workloads import Step, Workload, workloads

__all__ = [
    "tasks",
    "http_requests",
    "app_engine_http_requests",
    "pull_messages",
    "queues",
    "rate_limits",
    "retry_configs",
    "queue_ids",
    "task_ids",
    "resource_names",
    "schedule_times",
    "create_task_requests",
    "outcomes",
    "workloads",
    "Workload",
    "Step",
    "boundary_tasks",
    "boundary_queues",
    "invalid_tasks",
    "invalid_queues",
]

for _name in __all__:
    if _name.islower():
        globals()[_name] = checked_call(globals()[_name])
