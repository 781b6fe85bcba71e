from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.cloud.tasks_v2 import types

from pytest_cloudtasks._messages.tasks import Messages
from pytest_cloudtasks._service.queue import Queue
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, OAuthToken, OidcToken, Routing
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import NO_RESPONSE, TaskSpec, response

SECOND = 1_000_000_000
NOW = 1_900_000_000 * SECOND + 123_456_789
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
URL = "https://app.test/work"

messages = Messages(types)


def service_with_queue(**settings: Any) -> tuple[Service, Queue]:
    service = Service(lambda: "00000000000000000001")
    return service, service.create_queue(NOW, LOCATION, QUEUE, settings)


def spec(**fields: Any) -> TaskSpec:
    return messages.task_spec(types.Task(**fields)._pb)


def at(nanoseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=nanoseconds // 1_000)


# --- reading -----------------------------------------------------------------------------------------------------


def test_an_http_task_is_read_whole() -> None:
    """URL, method, headers, body, name, times and retry settings of a Task message come out as the model has them."""
    read = spec(
        name=f"{QUEUE}/tasks/t",
        http_request={"url": URL, "http_method": "PUT", "headers": {"X-One": "1"}, "body": b"abc"},
        schedule_time=datetime(2031, 1, 1, tzinfo=timezone.utc),
        dispatch_deadline="20.5s",
        retry_config={"max_attempts": 3, "min_backoff": "0.25s"},
    )
    assert read.name == f"{QUEUE}/tasks/t"
    assert isinstance(read.target, HttpTarget)
    assert (read.target.url, read.target.method, read.target.body) == (URL, "PUT", b"abc")
    assert read.target.headers == (("X-One", "1"),)
    assert (read.target.oidc, read.target.oauth) == (None, None)
    assert read.schedule_time == int(datetime(2031, 1, 1, tzinfo=timezone.utc).timestamp()) * SECOND
    assert read.dispatch_deadline == 20_500_000_000
    assert read.retry_config == {"max_attempts": 3, "min_backoff": 250_000_000}


def test_what_is_unset_stays_unset() -> None:
    """A task that says nothing but its target leaves name, times and retry settings to the service; POST is implied."""
    read = spec(http_request={"url": URL})
    assert isinstance(read.target, HttpTarget)
    assert read.target.method == "POST"
    assert (read.name, read.schedule_time, read.dispatch_deadline, read.retry_config) == ("", None, None, None)


def test_zero_is_not_unset() -> None:
    """A schedule time of 1970 and a deadline of zero were set, and are read as such."""
    read = spec(http_request={"url": URL}, schedule_time={"seconds": 0}, dispatch_deadline={"seconds": 0})
    assert (read.schedule_time, read.dispatch_deadline) == (0, 0)


def test_nanoseconds_are_kept() -> None:
    """Times are read to the nanosecond, before 1970 as well."""
    read = spec(http_request={"url": URL}, schedule_time={"seconds": -1, "nanos": 999_999_999})
    assert read.schedule_time == -1


def test_a_task_without_target_is_read_as_such() -> None:
    """A Task message without a request has no target; the model is the one to reject it."""
    assert spec(name="x").target is None


def test_tokens_are_read() -> None:
    """OIDC and OAuth settings are read, and only the one that is set."""
    oidc = spec(http_request={"url": URL, "oidc_token": {"service_account_email": "a@b", "audience": "me"}}).target
    oauth = spec(http_request={"url": URL, "oauth_token": {"service_account_email": "a@b", "scope": "s"}}).target
    assert isinstance(oidc, HttpTarget)
    assert isinstance(oauth, HttpTarget)
    assert (oidc.oidc, oidc.oauth) == (OidcToken("a@b", "me"), None)
    assert (oauth.oidc, oauth.oauth) == (None, OAuthToken("a@b", "s"))


def test_an_app_engine_task_is_read() -> None:
    """Relative URI, method, body and routing of an App Engine task are read; the host is the server's to fill in."""
    target = spec(
        app_engine_http_request={
            "relative_uri": "/work",
            "http_method": "GET",
            "app_engine_routing": {"service": "s", "version": "v", "instance": "i", "host": "made.up"},
        }
    ).target
    assert isinstance(target, AppEngineTarget)
    assert (target.relative_uri, target.method) == ("/work", "GET")
    assert target.routing == Routing("s", "v", "i")


def test_an_app_engine_task_goes_to_the_root_by_default() -> None:
    """Without a relative URI the task goes to "/" by POST."""
    target = spec(app_engine_http_request={"body": b"x"}).target
    assert isinstance(target, AppEngineTarget)
    assert (target.relative_uri, target.method) == ("/", "POST")


def test_queue_settings_are_the_set_fields_a_caller_may_set() -> None:
    """Name, state, purge time and unset fields are left out; durations are nanoseconds."""
    queue = types.Queue(
        name=QUEUE,
        state="PAUSED",
        purge_time=datetime(2030, 1, 1, tzinfo=timezone.utc),
        rate_limits={"max_dispatches_per_second": 5},
        retry_config={"max_attempts": -1, "max_backoff": "10s"},
        stackdriver_logging_config={"sampling_ratio": 0.5},
        app_engine_routing_override={"service": "s"},
    )
    assert messages.queue_settings(queue._pb) == {
        "rate_limits": {"max_dispatches_per_second": 5.0},
        "retry_config": {"max_attempts": -1, "max_backoff": 10 * SECOND},
        "stackdriver_logging_config": {"sampling_ratio": 0.5},
        "app_engine_routing_override": {"service": "s"},
    }


# --- writing -----------------------------------------------------------------------------------------------------


def test_a_task_is_written_whole() -> None:
    """A task that was read comes back with what the service adds: its name, its times, its headers."""
    service, _ = service_with_queue()
    task = service.create_task(
        NOW,
        QUEUE,
        spec(
            http_request={
                "url": URL,
                "http_method": "PATCH",
                "headers": {"X-One": "1"},
                "body": b"abc",
                "oidc_token": {"service_account_email": "a@b", "audience": "me"},
            },
            retry_config={"max_attempts": 3, "max_retry_duration": "60s"},
        ),
    )
    written = messages.task(task, full=True)
    assert isinstance(written, types.Task)
    assert written == types.Task(
        name=f"{QUEUE}/tasks/00000000000000000001",
        http_request={
            "url": URL,
            "http_method": "PATCH",
            "headers": {"X-One": "1", "User-Agent": "Google-Cloud-Tasks"},
            "body": b"abc",
            "oidc_token": {"service_account_email": "a@b", "audience": "me"},
        },
        schedule_time=at(NOW),
        create_time=at(NOW - NOW % SECOND),
        dispatch_deadline=timedelta(seconds=600),
        view="FULL",
        retry_config={
            "max_attempts": 3,
            "max_retry_duration": "60s",
            "max_doublings": 16,
            "min_backoff": "0.1s",
            "max_backoff": "3600s",
        },
    )


def test_the_basic_view_leaves_out_the_body_alone() -> None:
    """In the BASIC view everything of an HTTP task is there but its body, and the view says so."""
    service, _ = service_with_queue()
    task = service.create_task(NOW, QUEUE, spec(http_request={"url": URL, "body": b"abc"}))
    basic, full = messages.task(task, full=False), messages.task(task, full=True)
    assert basic.http_request.body == b""
    assert basic.view is types.Task.View.BASIC
    full.http_request.body = b""
    full.view = types.Task.View.BASIC
    assert basic == full


def test_an_oauth_token_is_written() -> None:
    """OAuth settings come back as they were given."""
    token = {"service_account_email": "a@b", "scope": "s"}
    service, _ = service_with_queue()
    task = service.create_task(
        NOW, QUEUE, spec(http_request={"url": "https://a.googleapis.com/", "oauth_token": token})
    )
    written = messages.task(task, full=True).http_request
    assert written.oauth_token == types.OAuthToken(**token)
    assert "oidc_token" not in written


def test_an_app_engine_task_is_written() -> None:
    """An App Engine task comes back with its host, and without a deadline if it set none."""
    service, _ = service_with_queue()
    task = service.create_task(
        NOW,
        QUEUE,
        spec(app_engine_http_request={"relative_uri": "/w", "app_engine_routing": {"service": "s"}, "body": b"x"}),
    )
    written = messages.task(task, full=True)
    request = written.app_engine_http_request
    assert (request.relative_uri, request.http_method, request.body) == ("/w", types.HttpMethod.POST, b"x")
    assert request.app_engine_routing == types.AppEngineRouting(service="s", host="s.p.uc.r.appspot.com")
    assert "dispatch_deadline" not in written
    assert messages.task(task, full=False).app_engine_http_request.body == b""


def test_attempts_are_written_to_the_microsecond() -> None:
    """The first attempt has its dispatch time alone; the last one has all its times, its code and its text."""
    service, _ = service_with_queue()
    task = service.create_task(NOW, QUEUE, spec(http_request={"url": URL}))
    attempt = service.begin(NOW, task, forced=True)
    under_way = messages.task(task, full=False)
    assert under_way.dispatch_count == 1
    assert under_way.response_count == 0
    assert under_way.first_attempt == types.Attempt(dispatch_time=at(NOW))
    assert under_way.last_attempt == types.Attempt(schedule_time=at(NOW), dispatch_time=at(NOW))
    ended = NOW + 1_500_001_999
    service.scheduler.record_outcome(attempt, response(503), ended, ended)
    written = messages.task(task, full=False)
    assert written.response_count == 0
    assert written.last_attempt.response_time == at(ended)
    assert written.last_attempt._pb.response_time.nanos % 1_000 == 0
    status = written.last_attempt.response_status
    assert (status.code, status.message) == (14, "UNAVAILABLE(14): HTTP status code 503")


@pytest.mark.parametrize(
    ("http_status", "code", "text"),
    [
        (403, 7, "PERMISSION_DENIED(7): HTTP status code 403"),
        (404, 5, "NOT_FOUND(5): HTTP status code 404"),
        (405, 9, "FAILED_PRECONDITION(9): HTTP status code 405"),
        (500, 13, "INTERNAL(13): HTTP status code 500"),
    ],
)
def test_a_failed_attempts_status_is_written(http_status: int, code: int, text: str) -> None:
    """The response status of an attempt is Google's code for the HTTP status, and names both."""
    service, _ = service_with_queue()
    task = service.create_task(NOW, QUEUE, spec(http_request={"url": URL}))
    service.scheduler.record_outcome(service.begin(NOW, task, forced=True), response(http_status), NOW, NOW)
    status = messages.task(task, full=False).last_attempt.response_status
    assert (status.code, status.message) == (code, text)


def test_a_queue_is_written_with_its_defaults() -> None:
    """A queue that was created from its name has all limits and retry settings but the one on duration."""
    _, queue = service_with_queue()
    written = messages.queue(queue)
    assert isinstance(written, types.Queue)
    assert written == types.Queue(
        name=QUEUE,
        state="RUNNING",
        rate_limits={"max_dispatches_per_second": 500, "max_burst_size": 100, "max_concurrent_dispatches": 1000},
        retry_config={"max_attempts": 100, "max_doublings": 16, "min_backoff": "0.1s", "max_backoff": "3600s"},
    )
    assert "max_retry_duration" not in written.retry_config
    assert "purge_time" not in written
    assert "stackdriver_logging_config" not in written


def test_a_queue_is_written_whole() -> None:
    """Every setting of a queue comes back, its state and the microsecond of its last purge with it."""
    service, queue = service_with_queue(
        retry_config={"max_retry_duration": 60 * SECOND, "min_backoff": 1},
        stackdriver_logging_config={"sampling_ratio": 0.5},
        app_engine_routing_override={"service": "s", "version": "v"},
    )
    service.purge_queue(NOW, QUEUE)
    service.pause_queue(NOW, QUEUE)
    written = messages.queue(queue)
    assert written.state is types.Queue.State.PAUSED
    assert written.purge_time == at(NOW)
    assert written._pb.purge_time.nanos == 123_456_000
    assert written.retry_config.max_retry_duration == timedelta(seconds=60)
    assert "min_backoff" in written.retry_config
    assert written._pb.retry_config.min_backoff.nanos == 1
    assert written.stackdriver_logging_config.sampling_ratio == 0.5
    routing = types.AppEngineRouting(service="s", version="v", host="v.s.p.uc.r.appspot.com")
    assert written.app_engine_routing_override == routing


def test_lists_are_written_with_their_token() -> None:
    """A page of queues or tasks has its members in order and the token of the next one."""
    service, queue = service_with_queue()
    service.create_task(NOW, QUEUE, TaskSpec(HttpTarget(URL, body=b"abc"), name=f"{QUEUE}/tasks/a"))
    service.create_task(NOW, QUEUE, TaskSpec(HttpTarget(URL, body=b"abc"), name=f"{QUEUE}/tasks/b"))
    queues = messages.list_queues_response([queue], "next", messages.queue)
    tasks = messages.list_tasks_response(queue.tasks.values(), "", full=True)
    assert [one.name for one in queues.queues] == [QUEUE]
    assert queues.next_page_token == "next"
    assert [one.name for one in tasks.tasks] == [f"{QUEUE}/tasks/a", f"{QUEUE}/tasks/b"]
    assert [one.http_request.body for one in tasks.tasks] == [b"abc", b"abc"]
    assert tasks.next_page_token == ""
    basic = messages.list_tasks_response(queue.tasks.values(), "", full=False)
    assert [one.http_request.body for one in basic.tasks] == [b"", b""]


def test_an_attempt_without_response_has_a_status_all_the_same() -> None:
    """A dispatch that got no response is UNKNOWN in the message, and counts as no response."""
    service, _ = service_with_queue()
    task = service.create_task(NOW, QUEUE, spec(http_request={"url": URL}))
    service.scheduler.record_outcome(service.begin(NOW, task, forced=True), NO_RESPONSE, NOW, NOW)
    written = messages.task(task, full=False)
    assert (written.dispatch_count, written.response_count) == (1, 0)
    assert written.last_attempt.response_status.code == 2
