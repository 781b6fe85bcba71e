"""Hypothesis strategies for tasks, queues and what they are made of, valid and invalid.

All arguments go by keyword. Wherever a field can be given, ``...`` (the default, as a rule) leaves it to the strategy,
None leaves it unset, and anything else is a value or a strategy. What a caller gives and the service would refuse is
an InvalidArgument when it is drawn.
"""

from __future__ import annotations

from ._strategies.invalid import invalid_queues, invalid_tasks
from ._strategies.naming import queue_ids, resource_names, task_ids
from ._strategies.outcomes import outcomes
from ._strategies.queues import queues
from ._strategies.requests import app_engine_http_requests, http_requests
from ._strategies.settings import rate_limits, retry_configs
from ._strategies.tasks import create_task_requests, schedule_times, tasks

__all__ = [
    "tasks",
    "http_requests",
    "app_engine_http_requests",
    "queues",
    "rate_limits",
    "retry_configs",
    "queue_ids",
    "task_ids",
    "resource_names",
    "schedule_times",
    "create_task_requests",
    "outcomes",
    "invalid_tasks",
    "invalid_queues",
]
