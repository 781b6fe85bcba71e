"""Checks of the caller's own fields, so that everything drawn from them is valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hypothesis.errors import InvalidArgument

from .._messages.proto import OURS, mistake_in, proto_of
from .._service.errors import MESSAGE_IN_PUSH_QUEUE, REQUEST_IN_PULL_QUEUE, TASK_TOO_LARGE, ServiceError
from .._service.options import ServiceOptions
from .._service.overrides import with_queue_token
from .._service.queue_settings import queue_config_from
from .._service.request import PullMessage
from .._service.retry import retry_config_from
from .._service.validation import (
    check_new_queue,
    check_new_task,
    check_spec,
    is_location,
    is_queue,
    location_of,
    queue_of,
)
from .versions import Version, message, messages_of, types_of

if TYPE_CHECKING:
    from .._messages.tasks import Messages

_OPTIONS = ServiceOptions()


def check_fields(version: Version, kind: str, fields: object) -> None:
    """Raise InvalidArgument for a key or a value that a version's message ``kind`` can't have, at any depth.

    Google's library checks what is not a mapping.
    """
    mistake = mistake_in(getattr(types_of(version), kind), fields, OURS) if isinstance(fields, Mapping) else ""
    if mistake:
        raise InvalidArgument(mistake)


def check_task(
    version: Version, fields: Mapping[str, Any], parent: str | None = None, *, pulls: bool | None = None
) -> None:
    """Raise InvalidArgument for a task that the service always rejects, with the service's text.

    ``pulls`` says whether ``parent`` is a pull queue, if that is known.
    """
    _check(version, "Task", fields, lambda messages, task: _task(messages, task, parent, pulls))


def check_queue(version: Version, fields: Mapping[str, Any]) -> None:
    """Raise InvalidArgument for a queue that the service rejects, with the service's text."""
    _check(version, "Queue", fields, _queue)


def checked_now(where: str, now: object) -> datetime:
    """Return ``now``, if it is an aware datetime."""
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise InvalidArgument(f"{where}(now={now!r}) takes an aware datetime")
    return now


def checked_parent(where: str, parent: object) -> str:
    """Return ``parent``, if it is a queue's full name."""
    if not isinstance(parent, str) or not is_queue(parent):
        raise InvalidArgument(f"{where}(parent={parent!r}) takes a queue's full name")
    return parent


def checked_location(where: str, parent: object) -> str:
    """Return ``parent``, if it is a location's full name."""
    if not isinstance(parent, str) or not is_location(parent):
        raise InvalidArgument(f"{where}(parent={parent!r}) takes a location's full name")
    return parent


def check_pulls(where: str, version: Version) -> None:
    """Raise InvalidArgument for a version that has no pull queues."""
    if not messages_of(version).has_pull_queues:
        raise InvalidArgument(f"{where}(in_pull_queue=True) takes version='v2beta2', which alone has pull queues")


def _check(version: Version, kind: str, fields: Mapping[str, Any], check: Callable[[Messages, Any], None]) -> None:
    check_fields(version, kind, fields)
    try:
        check(messages_of(version), proto_of(message(version, kind, fields)))
    except ServiceError as error:
        raise InvalidArgument(f"Cloud Tasks rejects this {kind}: {error.message} It is {_shown(fields)}.") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidArgument(f"This is no {kind}: {str(error).rstrip('.')}. It is {_shown(fields)}.") from error


def _shown(fields: Mapping[str, Any]) -> str:
    text = repr(fields)
    return text if len(text) <= 300 else f"{text[:300]} …"


def _task(messages: Messages, task: Any, parent: str | None, pulls: bool | None) -> None:
    spec = messages.task_spec(task)
    if spec.name:
        check_new_task(spec.name, parent or queue_of(spec.name))
    with_queue_token(check_spec(spec, spec.schedule_time or 0), None)
    if spec.retry_config is not None:
        retry_config_from(spec.retry_config)
    if pulls is not None and isinstance(spec.target, PullMessage) is not pulls:
        raise (REQUEST_IN_PULL_QUEUE if pulls else MESSAGE_IN_PUSH_QUEUE).error()
    if task.ByteSize() > _OPTIONS.max_task_size:
        raise TASK_TOO_LARGE.error()


def _queue(messages: Messages, queue: Any) -> None:
    check_new_queue(queue.name, location_of(queue.name))
    queue_config_from(messages.queue_settings(queue), _OPTIONS)
