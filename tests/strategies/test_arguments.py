"""Arguments: values, strategies, None, and what is rejected when it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import find, given
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy

from pytest_cloudtasks import strategies as cloud
from tests.each import each

from .finding import simplest

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
HTTP = {"url": "https://example.com/"}
METHODS = "'POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'PATCH' or 'OPTIONS'"


def test_a_field_takes_a_value_or_a_strategy() -> None:
    """Both appear in what is drawn; None leaves a field out."""
    task = simplest(
        cloud.tasks(
            http_request=HTTP, dispatch_deadline=st.just(timedelta(seconds=20)), retry_config=None, as_dict=True
        )
    )

    assert task == {"http_request": HTTP, "dispatch_deadline": timedelta(seconds=20)}


def test_a_payload_that_is_given_is_the_one_there_is() -> None:
    """One of the given payloads is drawn; one that is None never is."""

    @given(
        cloud.tasks(app_engine_http_request=None, as_dict=True), cloud.tasks(app_engine_http_request={}, as_dict=True)
    )
    def check(http: dict[str, Any], app_engine: dict[str, Any]) -> None:
        assert "http_request" in http
        assert "app_engine_http_request" in app_engine

    check()


def test_drawn_fields_fit_the_given_ones() -> None:
    """A method without a body, a body, a URL without TLS and a long backoff get fitting fields."""

    @given(
        cloud.http_requests(http_method="GET", as_dict=True),
        cloud.http_requests(body=b"a", as_dict=True),
        cloud.http_requests(url="http://example.com/", as_dict=True),
        cloud.retry_configs(min_backoff=timedelta(hours=2), as_dict=True),
        cloud.retry_configs(max_backoff=timedelta(milliseconds=50), as_dict=True),
    )
    def check(get: Any, with_body: Any, plain: Any, late: Any, early: Any) -> None:
        assert "body" not in get
        assert with_body["http_method"] in ("POST", "PUT", "PATCH")
        assert not {"oidc_token", "oauth_token"} & set(plain)
        assert late["max_backoff"] >= timedelta(hours=2)
        assert early["min_backoff"] <= timedelta(milliseconds=50)

    check()


def test_what_v2_calls_a_field_is_spelled_for_the_version() -> None:
    """v2beta2 has other names, and a field of its own for attempts without a limit."""
    rates = cloud.rate_limits(
        max_dispatches_per_second=1.0, max_concurrent_dispatches=None, version="v2beta2", as_dict=True
    )
    retry = cloud.retry_configs(max_attempts=-1, version="v2beta2", as_dict=True)
    request = cloud.app_engine_http_requests(body=b"a", relative_uri="/a", version="v2beta2", as_dict=True)

    assert find(rates, lambda one: "max_burst_size" not in one) == {"max_tasks_dispatched_per_second": 1.0}
    assert find(retry, lambda one: len(one) == 1) == {"unlimited_attempts": True}
    assert simplest(request) == {"relative_url": "/a", "http_method": "POST", "payload": b"a"}


INSTANT = 'schedule_time takes an aware datetime or a text such as "2030-01-01T00:00:00Z", but got '
NAIVE = f"{INSTANT}datetime.datetime(2030, 1, 1, 0, 0)."
WRONG: dict[str, tuple[Callable[[], SearchStrategy[Any]], str]] = {
    "refused request": (
        lambda: cloud.http_requests(
            url="ftp://example.com/", http_method="POST", headers=None, body=None, oidc_token=None
        ),
        "Cloud Tasks rejects this Task: HttpTarget.url must start with 'http://' or 'https://'. It is {'http_request':"
        " {'url': 'ftp://example.com/', 'http_method': 'POST'}}.",
    ),
    "refused task": (
        lambda: cloud.tasks(http_request=HTTP, dispatch_deadline=timedelta(seconds=1), retry_config=None),
        "Cloud Tasks rejects this Task: Task.dispatchDeadline must be between [15s, 30m]. It is {'http_request':"
        " {'url': 'https://example.com/'}, 'dispatch_deadline': datetime.timedelta(seconds=1)}.",
    ),
    "refused limits": (
        lambda: cloud.rate_limits(max_dispatches_per_second=501.0, max_concurrent_dispatches=None),
        "Cloud Tasks rejects this Queue: RateLimits.maxDispatchesPerSecond must be less than or equal to 500. It is"
        " {'name': 'projects/test-project/locations/us-central1/queues/0', 'rate_limits': {'max_dispatches_per_second':"
        " 501.0}}.",
    ),
    "unknown method": (
        lambda: cloud.http_requests(http_method="FOO"),
        f"http_request.http_method takes {METHODS}, but got 'FOO'.",
    ),
    "method in lower case": (
        lambda: cloud.app_engine_http_requests(http_method="get"),
        f"app_engine_http_request.http_method takes {METHODS}, but got 'get'. Did you mean 'GET'?",
    ),
    "unknown method within": (
        lambda: cloud.tasks(http_request={**HTTP, "http_method": "FOO"}),
        f"http_request.http_method takes {METHODS}, but got 'FOO'.",
    ),
    "no method": (
        lambda: cloud.http_requests(http_method=1.5),
        f"http_request.http_method takes {METHODS}, but got 1.5.",
    ),
    "unknown view": (
        lambda: cloud.create_task_requests(response_view="ALL"),
        "response_view takes 'BASIC' or 'FULL', but got 'ALL'.",
    ),
    "unknown field": (
        lambda: cloud.queues(retry_config={"max_attemps": 1}),
        "retry_config.max_attemps is no field of Google's RetryConfig. Did you mean 'max_attempts'? Its fields are"
        " max_attempts, max_retry_duration, min_backoff, max_backoff and max_doublings, durations as a timedelta or a"
        ' text such as "10s".',
    ),
    "unknown field of another version": (
        lambda: cloud.queues(rate_limits={"max_brust_size": 1}, version="v2beta2"),
        "rate_limits.max_brust_size is no field of Google's RateLimits. Did you mean 'max_burst_size'? Its fields are"
        " max_dispatches_per_second, max_burst_size and max_concurrent_dispatches.",
    ),
    "unknown field within": (
        lambda: cloud.queues(app_engine_routing_override={"servce": "a"}, version="v2beta3"),
        "app_engine_http_queue.app_engine_routing_override.servce is no field of Google's AppEngineRouting. Did you"
        " mean 'service'? Its fields are service, version, instance and host.",
    ),
    "unknown field of a request": (
        lambda: cloud.tasks(http_request={"uri": "https://x.test"}),
        "http_request.uri is no field of Google's HttpRequest. Did you mean 'url'? Its fields are url,"
        " http_method, headers, body, oauth_token and oidc_token.",
    ),
    "headers in a list": (
        lambda: cloud.http_requests(headers=["a"]),  # type: ignore[arg-type]
        "http_request.headers takes a mapping of names to values, but got ['a'].",
    ),
    "header that is a number": (
        lambda: cloud.http_requests(headers={"A": 1}),  # type: ignore[dict-item]
        "http_request.headers['A'] takes a text, but got 1.",
    ),
    "name of a header that is a number": (
        lambda: cloud.http_requests(headers={1: "A"}),  # type: ignore[dict-item]
        "http_request.headers takes a mapping of names to values, but got the name 1.",
    ),
    "URL that is a number": (
        lambda: cloud.http_requests(url=1),  # type: ignore[arg-type]
        "http_request.url takes a text, but got 1.",
    ),
    "no payload": (
        lambda: cloud.tasks(http_request=None, app_engine_http_request=None),
        "tasks() needs a payload: http_request and app_engine_http_request are both None",
    ),
    "unknown version": (
        lambda: cloud.tasks(version="v3"),  # type: ignore[arg-type]
        "version='v3' must be one of 'v2', 'v2beta3', 'v2beta2'",
    ),
    "field of another version": (
        lambda: cloud.tasks(dispatch_deadline=timedelta(seconds=20), version="v2beta2"),
        "tasks(dispatch_deadline=datetime.timedelta(seconds=20)): a Task of v2beta2 has no such field",
    ),
    "queue's field of another version": (
        lambda: cloud.queues(task_ttl=timedelta(days=20)),
        "queues(task_ttl=datetime.timedelta(days=20)): a Queue of v2 has no such field",
    ),
    "naive now": (
        lambda: cloud.schedule_times(now=datetime(2030, 1, 1)),
        "schedule_times(now=datetime.datetime(2030, 1, 1, 0, 0)) takes an aware datetime, such as"
        " cloud_tasks.clock.now()",
    ),
    "naive schedule time": (
        lambda: cloud.tasks(schedule_time=datetime(2030, 1, 1)),
        NAIVE,
    ),
    "naive schedule time that is drawn": (
        lambda: cloud.tasks(schedule_time=st.just(datetime(2030, 1, 1)), version="v2beta3", as_dict=True),
        NAIVE,
    ),
    "naive schedule time of a request": (
        lambda: cloud.create_task_requests(task={"http_request": HTTP, "schedule_time": datetime(2030, 1, 1)}),
        NAIVE,
    ),
    "too wide": (
        lambda: cloud.schedule_times(now=NOW, within=timedelta(days=31)),
        "schedule_times(within=…) takes a duration of 720 h at most, but got datetime.timedelta(days=31).",
    ),
    "kind of name": (
        lambda: cloud.resource_names(of="project"),  # type: ignore[arg-type]
        "of='project' must be one of 'location', 'queue', 'task'",
    ),
    "parent of a location": (
        lambda: cloud.resource_names(of="location", parent="a"),
        "parent='a': a location has none; give project and location",
    ),
    "name": (
        lambda: cloud.resource_names(parent="a"),
        "resource_names takes a location's full name, but got 'a'.",
    ),
    "success": (
        lambda: cloud.outcomes(success=200),  # type: ignore[arg-type]
        "outcomes(success=200) takes True, False or None",
    ),
    "naive now of invalid tasks": (
        lambda: cloud.invalid_tasks(now=datetime(2030, 1, 1)),
        "invalid_tasks(now=datetime.datetime(2030, 1, 1, 0, 0)) takes an aware datetime",
    ),
    "parent of invalid tasks": (
        lambda: cloud.invalid_tasks(parent="work"),
        "invalid_tasks(parent='work') takes a queue's full name",
    ),
    "parent of invalid queues": (
        lambda: cloud.invalid_queues(parent="work"),
        "invalid_queues(parent='work') takes a location's full name",
    ),
}


@each("name", WRONG)
def test_what_cannot_be_drawn_is_an_invalid_argument(name: str) -> None:
    """Making the strategy raises nothing; drawing from it says what is wrong."""
    make, text = WRONG[name]
    strategy = make()

    with pytest.raises(InvalidArgument) as refusal:
        simplest(strategy)

    assert str(refusal.value) == text


@pytest.mark.needs("batches")
def test_an_unknown_field_in_a_list_is_an_invalid_argument() -> None:
    """Lists of messages are looked through, too."""
    header = {"key": "X-Queue", "valu": "a"}

    with pytest.raises(InvalidArgument) as refusal:
        simplest(cloud.queues(http_target={"header_overrides": [{"header": header}]}))

    assert str(refusal.value) == (
        "http_target.header_overrides[0].header.valu is no field of Google's Header. Did you mean 'value'? Its fields"
        " are key and value."
    )


def test_a_value_that_only_the_library_can_read_is_an_invalid_argument() -> None:
    """The sentence says what the field takes."""
    with pytest.raises(InvalidArgument) as refusal:
        simplest(cloud.tasks(http_request=HTTP, schedule_time="tomorrow", dispatch_deadline=None, retry_config=None))  # type: ignore[arg-type]

    assert str(refusal.value) == f"{INSTANT}'tomorrow'."


def test_the_librarys_own_words_end_in_one_full_stop() -> None:
    """A value that is not a mapping of fields is rejected with the library's text."""
    with pytest.raises(InvalidArgument) as refusal:
        simplest(cloud.create_task_requests(task=3))  # type: ignore[arg-type]

    said = str(refusal.value.__cause__)
    assert str(refusal.value) == f"This is no Task: {said.rstrip('.')}. It is 3."
