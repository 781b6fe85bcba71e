"""UploadQueueYaml: App Engine's queue.yaml, which says what queues an application has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from . import errors
from . import resource_names as names
from .app_engine import OVERRIDE
from .queue_settings import QueueType, Settings, queue_config_from
from .retention import LONGEST, TOMBSTONE_TTL_RANGE

if TYPE_CHECKING:
    from .service import Service

_MASK = ("rate_limits", "retry_config", OVERRIDE, "type")
"""What an upload decides on; the type is that of a queue that it creates."""


class UploadedQueue(NamedTuple):
    """One queue of a queue.yaml."""

    settings: Settings
    is_paused: bool = False


def upload(service: Service, now: int, location: str, queues: Mapping[str, UploadedQueue]) -> None:
    """Set up the queues of a location, by their IDs; those that the file leaves out are disabled. All or nothing.

    Their tasks are kept as long as there is a duration for, and their names for 9 days. Evidence: documented; our
    choice (that other queues are disabled whoever made them, and that a file which can't be is refused as a whole).
    """
    named = {f"{location}/queues/{queue_id}": queue for queue_id, queue in queues.items()}
    for name, uploaded in named.items():
        _check(service, now, location, name, uploaded.settings)
    for name, uploaded in named.items():
        queue = service.update_queue(now, name, uploaded.settings, _MASK)
        config = replace(queue.config, task_ttl=LONGEST, tombstone_ttl=TOMBSTONE_TTL_RANGE[1])
        if uploaded.settings.get("retry_config", {}).get("max_doublings") == 0:
            config = replace(config, retry_config=config.retry_config._replace(max_doublings=0))
        queue.reconfigure(config, now)
        service.dispatcher.reconfigured(queue, now)
        (service.pause_queue if uploaded.is_paused else service.resume_queue)(now, name)
    for name in service.queues:
        if names.location_of(name) == location and name not in named:
            service.disable_queue(now, name)


def _check(service: Service, now: int, location: str, name: str, settings: Settings) -> None:
    names.check_new_queue(name, location)
    queue_config_from(settings, service.knobs)
    queue = service.queues.get(name)
    if queue is not None and queue.config.type is not settings.get("type", QueueType.PUSH):
        raise errors.QUEUE_TYPE_IMMUTABLE.error()
    if queue is None and service.is_reserved(now, name):
        raise errors.QUEUE_DELETED_TOO_RECENTLY.error()
