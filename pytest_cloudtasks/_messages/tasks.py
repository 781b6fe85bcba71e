"""Translation between Task messages and the service's values, for one API version."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from types import ModuleType
from typing import Any

from .._service import errors
from .._service.request import AppEngineTarget, HeaderPairs, HttpTarget, OAuthToken, OidcToken, PullMessage, Routing
from .._service.task import Attempt, Task, TaskSpec
from .._service.validation import NO_INSTANT
from .._units import SECOND, truncated
from .proto import field_name, nanoseconds, proto_class, set_instant, wrapped, wrapper_of
from .queues import QueueMessages

VIEW_BASIC, VIEW_FULL = 1, 2


class Messages(QueueMessages):
    """Reads requests and writes responses with the messages in ``types``."""

    def __init__(self, types: ModuleType) -> None:
        super().__init__(types)
        self._task = proto_class(types.Task)
        self._list_response = proto_class(types.ListTasksResponse)
        descriptor = self._task.DESCRIPTOR
        methods = proto_class(types.AppEngineHttpRequest).DESCRIPTOR.fields_by_name["http_method"].enum_type
        self._method_names = {number: value.name for number, value in methods.values_by_number.items()}
        self._method_names[0] = "POST"  # for an unspecified method, or for a number without a name
        self._method_numbers = {name: value.number for name, value in methods.values_by_name.items()}
        self._task_fields = frozenset(descriptor.fields_by_name)
        self._has_http, self._has_deadline, self._has_retry, self._has_pull = (
            name in self._task_fields for name in ("http_request", "dispatch_deadline", "retry_config", "pull_message")
        )
        self._views = frozenset(descriptor.fields_by_name["view"].enum_type.values_by_number)
        self._wrap = wrapper_of(types.Task)
        self._alike = lru_cache(maxsize=64)(self._http_message)
        self._payload = next(name for name in ("message_type", "payload_type") if name in descriptor.oneofs_by_name)
        app_engine = descriptor.fields_by_name["app_engine_http_request"].message_type
        self._relative_uri = field_name(app_engine, "relative_uri")
        self._body = field_name(app_engine, "body")
        status = descriptor.fields_by_name.get("status")
        self._has_status = status is not None
        counts = descriptor if status is None else status.message_type
        self._dispatch_count, self._response_count = (
            field_name(counts, f"{counted}_count") for counted in ("dispatch", "response")
        )
        self._first_attempt, self._last_attempt = (
            field_name(counts, f"{which}_attempt") for which in ("first", "last")
        )

    # --- reading -------------------------------------------------------------------------------------------------

    def task_spec(self, message: Any) -> TaskSpec:
        """Return the request of a CreateTask from its Task message."""
        spec = TaskSpec(None, message.name)
        kind = message.WhichOneof(self._payload)
        if kind == "http_request":
            spec.target = self._read_http(message.http_request)
        elif kind == "app_engine_http_request":
            spec.target = self._read_app_engine(message.app_engine_http_request)
        elif kind == "pull_message":
            spec.target = self._read_pull(message.pull_message)
        if message.HasField("schedule_time"):
            is_instant = 0 <= message.schedule_time.nanos < SECOND
            spec.schedule_time = nanoseconds(message.schedule_time) if is_instant else NO_INSTANT
        if self._has_deadline and message.HasField("dispatch_deadline"):
            spec.dispatch_deadline = nanoseconds(message.dispatch_deadline)
        if self._has_retry and message.HasField("retry_config"):
            spec.retry_config = self.retry_settings(message.retry_config)
        return spec

    def _read_http(self, request: Any) -> HttpTarget:
        token = request.WhichOneof("authorization_header")
        oidc = oauth = None
        if token == "oidc_token":
            oidc = OidcToken(request.oidc_token.service_account_email, request.oidc_token.audience)
        elif token == "oauth_token":
            oauth = OAuthToken(request.oauth_token.service_account_email, request.oauth_token.scope)
        return HttpTarget(
            request.url,
            self._method_names.get(request.http_method, "POST"),
            _pairs(request.headers),
            request.body,
            oidc,
            oauth,
        )

    def _read_app_engine(self, request: Any) -> AppEngineTarget:
        routing = request.app_engine_routing
        return AppEngineTarget(
            getattr(request, self._relative_uri) or "/",
            self._method_names.get(request.http_method, "POST"),
            _pairs(request.headers),
            getattr(request, self._body),
            Routing(routing.service, routing.version, routing.instance),
        )

    def _read_pull(self, message: Any) -> PullMessage:
        if not self.has_pull_queues:
            raise errors.MESSAGE_CANNOT_BE_SET.error()
        return PullMessage(message.payload, message.tag)

    # --- writing -------------------------------------------------------------------------------------------------

    def task(self, task: Task, *, full: bool) -> Any:
        """Return a Task message of the library's."""
        return self._wrap(self.task_proto(task, full=full))

    def task_proto(self, task: Task, *, full: bool) -> Any:
        """Return a Task message. The FULL view has the body, the BASIC view does not. Evidence: recorded."""
        target = task.target
        view = VIEW_FULL if full else VIEW_BASIC
        if isinstance(target, HttpTarget) and self._has_http:
            message = self._task()
            message.CopyFrom(
                self._alike(
                    target.url,
                    target.method,
                    target.headers,
                    target.oidc,
                    target.oauth,
                    view,
                    task.schedule_time,
                    task.create_time,
                    task.dispatch_deadline,
                )
            )
            if full:
                message.http_request.body = target.body
        else:
            message = self._task(view=view)
            if isinstance(target, AppEngineTarget):
                self._write_app_engine(message.app_engine_http_request, target, full)
            elif isinstance(target, PullMessage) and self._has_pull:
                self._write_pull(message, target, full)
            self._write_times(message, task.schedule_time, task.create_time, task.dispatch_deadline)
        message.name = task.name
        if task.dispatch_count:
            self._write_counts(message.status if self._has_status else message, task)
        if task.retry_config is not None and self._has_retry:
            self.write_retry(message.retry_config, task.retry_config)
        return message

    def task_in_view(self, task: Task, view: int) -> Any:
        """Return a Task message in a ``response_view``. An unknown view is treated as unspecified."""
        message = self.task_proto(task, full=view == VIEW_FULL)
        if view not in self._views:
            message.ClearField("view")
        return self._wrap(message)

    def stored_size(self, task: Task) -> int:
        """Return the bytes of the stored message, which has no view.

        Evidence: recorded. A draft will get an ID of 20 digits.
        """
        message = self.task_proto(task, full=True)
        message.name = task.name or f"{task.queue_name}/tasks/{'0' * 20}"
        message.ClearField("view")
        return message.ByteSize()  # type: ignore[no-any-return]

    def _http_message(
        self,
        url: str,
        method: str,
        headers: HeaderPairs,
        oidc: OidcToken | None,
        oauth: OAuthToken | None,
        view: int,
        schedule_time: int,
        create_time: int,
        dispatch_deadline: int | None,
    ) -> Any:
        """Return the fields that tasks with different names and bodies have in common, to be copied.

        Copying is much faster than setting the fields, and most tasks of a test are alike.
        """
        message = self._task(view=view)
        request = message.http_request
        request.url = url
        request.http_method = self._method_numbers[method]
        for name, value in headers:
            request.headers[name] = value
        if oidc is not None:
            request.oidc_token.service_account_email = oidc.service_account_email
            request.oidc_token.audience = oidc.audience
        elif oauth is not None:
            request.oauth_token.service_account_email = oauth.service_account_email
            request.oauth_token.scope = oauth.scope
        self._write_times(message, schedule_time, create_time, dispatch_deadline)
        return message

    def _write_times(self, message: Any, schedule_time: int, create_time: int, dispatch_deadline: int | None) -> None:
        set_instant(message.schedule_time, schedule_time)
        message.create_time.seconds = create_time // SECOND
        if dispatch_deadline is not None and self._has_deadline:
            set_instant(message.dispatch_deadline, dispatch_deadline)

    def _write_app_engine(self, request: Any, target: AppEngineTarget, full: bool) -> None:
        setattr(request, self._relative_uri, target.relative_uri)
        request.http_method = self._method_numbers[target.method]
        for name, value in target.headers:
            request.headers[name] = value
        if full:
            setattr(request, self._body, target.body)
        assert target.routing is not None, "a stored task has one, with its host"
        routing = request.app_engine_routing
        routing.service, routing.version = target.routing.service, target.routing.version
        routing.instance, routing.host = target.routing.instance, target.routing.host

    def _write_pull(self, message: Any, content: PullMessage, full: bool) -> None:
        """Write a pull message. Where pull queues exist, only the FULL view has the payload. Documented."""
        if full:
            message.pull_message.payload = content.body
        if full or self.has_pull_queues:
            message.pull_message.SetInParent()
            message.pull_message.tag = content.tag

    def _write_counts(self, message: Any, task: Task) -> None:
        """Write counters. Of a pull task only its leases count. Evidence: documented."""
        setattr(message, self._dispatch_count, task.dispatch_count)
        setattr(message, self._response_count, task.response_count)
        if task.attempts:
            if task.attempts[0].reached_target:
                first = getattr(message, self._first_attempt)
                set_instant(first.dispatch_time, truncated(task.attempts[0].dispatch_time, 1_000))
            self._write_attempt(getattr(message, self._last_attempt), task.attempts[-1])

    def _write_attempt(self, message: Any, attempt: Attempt) -> None:
        """Write an attempt. An attempt of RunTask that has not ended has only its schedule time. Evidence: recorded."""
        set_instant(message.schedule_time, truncated(attempt.schedule_time, 1_000))
        if not attempt.reached_target:
            return
        set_instant(message.dispatch_time, truncated(attempt.dispatch_time, 1_000))
        if attempt.response_time is not None and attempt.outcome is not None:
            set_instant(message.response_time, truncated(attempt.response_time, 1_000))
            message.response_status.code = attempt.outcome.rpc_status.value
            message.response_status.message = attempt.outcome.message

    def list_tasks_response(self, tasks: Iterable[Task], next_page_token: str, *, full: bool) -> Any:
        """Return a ListTasksResponse."""
        tasks_shown = [self.task_proto(task, full=full) for task in tasks]
        response = self._list_response(tasks=tasks_shown, next_page_token=next_page_token)
        return wrapped(self.types.ListTasksResponse, response)


def _pairs(headers: Any) -> HeaderPairs:
    """Return the pairs of a map of protobuf's, whose own items() takes three times as long."""
    return tuple([(name, headers[name]) for name in headers])
