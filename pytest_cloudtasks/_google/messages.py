"""Between Google's messages and the model's values. One instance serves one API version's message types."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from .._model.attempt import Attempt
from .._model.creation import NO_INSTANT
from .._model.queue import Queue, Settings
from .._model.task import AppEngineTarget, HttpTarget, OAuthToken, OidcToken, Routing, Task, TaskSpec
from .._model.units import SECOND, truncated
from . import http_targets

_QUEUE_SETTINGS = frozenset(
    {"rate_limits", "retry_config", "stackdriver_logging_config", "app_engine_routing_override", "http_target"}
)
VIEW_BASIC, VIEW_FULL = 1, 2


class Messages:
    """Reads requests and writes responses for the API version whose ``types`` it is given."""

    def __init__(self, types: ModuleType) -> None:
        self.types = types
        self._task = types.Task.pb(None)
        self._queue = types.Queue.pb(None)
        methods = types.HttpRequest.pb(None).DESCRIPTOR.fields_by_name["http_method"].enum_type
        self._method_names = {number: value.name for number, value in methods.values_by_number.items()}
        self._method_numbers = {name: value.number for name, value in methods.values_by_name.items()}
        self._task_fields = frozenset(self._task.DESCRIPTOR.fields_by_name)
        self._queue_fields = frozenset(self._queue.DESCRIPTOR.fields_by_name)

    # --- reading -------------------------------------------------------------------------------------------------

    def queue_settings(self, message: Any) -> Settings:
        """The settings in a Queue message, which leaves out what is unset or output only."""
        return {
            field.name: (http_targets.read if field.name == "http_target" else _plain)(value)
            for field, value in message.ListFields()
            if field.name in _QUEUE_SETTINGS
        }

    def task_spec(self, message: Any) -> TaskSpec:
        """What a Task message asks for."""
        spec = TaskSpec(target=None, name=message.name)
        kind = message.WhichOneof("message_type")
        if kind == "http_request":
            spec.target = self._read_http(message.http_request)
        elif kind == "app_engine_http_request":
            spec.target = self._read_app_engine(message.app_engine_http_request)
        if message.HasField("schedule_time"):
            is_instant = 0 <= message.schedule_time.nanos < SECOND
            spec.schedule_time = _nanoseconds(message.schedule_time) if is_instant else NO_INSTANT
        if message.HasField("dispatch_deadline"):
            spec.dispatch_deadline = _nanoseconds(message.dispatch_deadline)
        if "retry_config" in self._task_fields and message.HasField("retry_config"):
            spec.retry_config = _plain(message.retry_config)
        return spec

    def _read_http(self, request: Any) -> HttpTarget:
        token = request.WhichOneof("authorization_header")
        oidc = oauth = None
        if token == "oidc_token":
            oidc = OidcToken(request.oidc_token.service_account_email, request.oidc_token.audience)
        elif token == "oauth_token":
            oauth = OAuthToken(request.oauth_token.service_account_email, request.oauth_token.scope)
        return HttpTarget(
            request.url, self._method(request.http_method), tuple(request.headers.items()), request.body, oidc, oauth
        )

    def _read_app_engine(self, request: Any) -> AppEngineTarget:
        routing = request.app_engine_routing
        return AppEngineTarget(
            request.relative_uri or "/",
            self._method(request.http_method),
            tuple(request.headers.items()),
            request.body,
            Routing(routing.service, routing.version, routing.instance),
        )

    def _method(self, number: int) -> str:
        return self._method_names[number] if number else "POST"

    # --- writing -------------------------------------------------------------------------------------------------

    def queue(self, queue: Queue) -> Any:
        """A Queue message. A limit on duration that isn't set is left out. Evidence: recorded."""
        rates, retry = queue.config.rate_limits, queue.config.retry_config
        message = self._queue(name=queue.name, state=queue.state.value)
        message.rate_limits.max_dispatches_per_second = rates.max_dispatches_per_second
        message.rate_limits.max_burst_size = rates.max_burst_size
        message.rate_limits.max_concurrent_dispatches = rates.max_concurrent_dispatches
        message.retry_config.max_attempts = retry.max_attempts
        message.retry_config.max_doublings = retry.max_doublings
        set_instant(message.retry_config.min_backoff, retry.min_backoff)
        set_instant(message.retry_config.max_backoff, retry.max_backoff)
        if retry.max_retry_duration:
            set_instant(message.retry_config.max_retry_duration, retry.max_retry_duration)
        if queue.purge_time is not None:
            set_instant(message.purge_time, truncated(queue.purge_time, 1_000))
        for name, values in queue.config.other.items():
            part = getattr(message, name)
            if name == "http_target":
                http_targets.write(part, values)
                continue
            part.SetInParent()
            for key, value in values.items():
                setattr(part, key, value)
        return self.types.Queue.wrap(message)

    def task(self, task: Task, *, full: bool) -> Any:
        """A Task message, in the FULL view with the body and in the BASIC without. Evidence: recorded."""
        message = self._task(
            name=task.name,
            dispatch_count=task.dispatch_count,
            response_count=task.response_count,
            view=VIEW_FULL if full else VIEW_BASIC,
        )
        if isinstance(task.target, HttpTarget):
            self._write_http(message.http_request, task.target, full)
        else:
            self._write_app_engine(message.app_engine_http_request, task.target, full)
        set_instant(message.schedule_time, task.schedule_time)
        message.create_time.seconds = task.create_time // SECOND
        if task.dispatch_deadline is not None:
            set_instant(message.dispatch_deadline, task.dispatch_deadline)
        if task.attempts:
            set_instant(message.first_attempt.dispatch_time, truncated(task.attempts[0].dispatch_time, 1_000))
            self._write_attempt(message.last_attempt, task.attempts[-1])
        if task.retry_config is not None:
            config = task.retry_config
            message.retry_config.max_attempts = config.max_attempts
            message.retry_config.max_doublings = config.max_doublings
            set_instant(message.retry_config.min_backoff, config.min_backoff)
            set_instant(message.retry_config.max_backoff, config.max_backoff)
            if config.max_retry_duration:
                set_instant(message.retry_config.max_retry_duration, config.max_retry_duration)
        return self.types.Task.wrap(message)

    def stored_size(self, task: Task) -> int:
        """Bytes of the stored message, which has no view. Evidence: recorded."""
        message = self.task(task, full=True)._pb
        message.ClearField("view")
        return message.ByteSize()  # type: ignore[no-any-return]

    def _write_http(self, request: Any, target: HttpTarget, full: bool) -> None:
        request.url = target.url
        request.http_method = self._method_numbers[target.method]
        for name, value in target.headers:
            request.headers[name] = value
        if full:
            request.body = target.body
        if target.oidc is not None:
            request.oidc_token.service_account_email = target.oidc.service_account_email
            request.oidc_token.audience = target.oidc.audience
        elif target.oauth is not None:
            request.oauth_token.service_account_email = target.oauth.service_account_email
            request.oauth_token.scope = target.oauth.scope

    def _write_app_engine(self, request: Any, target: AppEngineTarget, full: bool) -> None:
        request.relative_uri = target.relative_uri
        request.http_method = self._method_numbers[target.method]
        for name, value in target.headers:
            request.headers[name] = value
        if full:
            request.body = target.body
        if target.routing is not None:
            routing = request.app_engine_routing
            routing.service, routing.version = target.routing.service, target.routing.version
            routing.instance, routing.host = target.routing.instance, target.routing.host

    def _write_attempt(self, message: Any, attempt: Attempt) -> None:
        set_instant(message.schedule_time, truncated(attempt.schedule_time, 1_000))
        set_instant(message.dispatch_time, truncated(attempt.dispatch_time, 1_000))
        if attempt.response_time is not None and attempt.outcome is not None:
            set_instant(message.response_time, truncated(attempt.response_time, 1_000))
            message.response_status.code = attempt.outcome.rpc_status.value
            message.response_status.message = attempt.outcome.message

    def list_queues_response(self, queues: Iterable[Queue], next_page_token: str) -> Any:
        """A ListQueuesResponse."""
        return self.types.ListQueuesResponse(
            queues=[self.queue(queue) for queue in queues], next_page_token=next_page_token
        )

    def list_tasks_response(self, tasks: Iterable[Task], next_page_token: str, *, full: bool) -> Any:
        """A ListTasksResponse."""
        return self.types.ListTasksResponse(
            tasks=[self.task(task, full=full) for task in tasks], next_page_token=next_page_token
        )


def _plain(message: Any) -> Any:
    """The set fields of a message as a dict; durations as nanoseconds."""
    kind = message.DESCRIPTOR.full_name if hasattr(message, "DESCRIPTOR") else None
    if kind is None:
        return message
    if kind in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
        return _nanoseconds(message)
    return {field.name: _plain(value) for field, value in message.ListFields()}


def _nanoseconds(message: Any) -> int:
    """A Timestamp or a Duration as an integer of nanoseconds."""
    return message.seconds * SECOND + message.nanos  # type: ignore[no-any-return]


def set_instant(message: Any, nanoseconds: int) -> None:
    """Write a Timestamp or a non-negative Duration."""
    message.seconds, message.nanos = divmod(nanoseconds, SECOND)
    if not nanoseconds:
        message.SetInParent()  # a duration of zero is set nevertheless
