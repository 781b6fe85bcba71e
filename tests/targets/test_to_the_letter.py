"""What each attempt's request says, on every outcome of those before: one table, for every kind of target.

The recorded sequences are among the cases of tests/conformance; the rest has its evidence in docs/targets.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks

from .receivers import APP_ENGINE_URL, DEADLINE, REFUSED, Seen, Step, attempts, create, receiving

FAMILIES = ["HTTP", "App Engine"]
Row = tuple[str, str, str | None, str | None]
"""RetryCount, ExecutionCount, PreviousResponse and RetryReason of one attempt; None for a header that isn't there."""
FIRST: Row = ("0", "0", None, None)
APP_ERROR, UNAVAILABLE = "App Error", "Instance Unavailable"

TABLE: list[tuple[str, list[Step], list[Row], list[Row]]] = [
    ("200 at once", [200], [FIRST], [FIRST]),
    ("299 at once", [299], [FIRST], [FIRST]),
    ("302", [302, 204], [FIRST, ("1", "1", "302", "")], [FIRST, ("1", "1", "302", APP_ERROR)]),
    ("304", [304, 200], [FIRST, ("1", "1", "304", "")], [FIRST, ("1", "1", "304", APP_ERROR)]),
    ("400", [400, 200], [FIRST, ("1", "1", "400", "")], [FIRST, ("1", "1", "400", APP_ERROR)]),
    ("429", [429, 200], [FIRST, ("1", "1", "429", "")], [FIRST, ("1", "1", "429", APP_ERROR)]),
    ("500", [500, 200], [FIRST, ("1", "0", "500", "")], [FIRST, ("1", "1", "500", APP_ERROR)]),
    ("599", [599, 200], [FIRST, ("1", "0", "599", "")], [FIRST, ("1", "1", "599", APP_ERROR)]),
    ("deadline", [DEADLINE, 200], [FIRST, ("1", "0", "504", "")], [FIRST, ("1", "0", "0", UNAVAILABLE)]),
    ("refused", [REFUSED, 200], [FIRST, ("1", "0", "0", "")], [FIRST, ("1", "0", "0", APP_ERROR)]),
    (
        "504 is an answer",
        [504, DEADLINE, 504, 201],
        [FIRST, ("1", "0", "504", ""), ("2", "0", "504", ""), ("3", "0", "504", "")],
        [FIRST, ("1", "1", "504", APP_ERROR), ("2", "1", "0", UNAVAILABLE), ("3", "2", "504", APP_ERROR)],
    ),
    (
        "everything",
        [503, 404, DEADLINE, 429, 500, REFUSED, 302, 200],
        [
            FIRST,
            ("1", "0", "503", ""),
            ("2", "1", "404", ""),
            ("3", "1", "504", ""),
            ("4", "2", "429", ""),
            ("5", "2", "500", ""),
            ("6", "2", "0", ""),
            ("7", "3", "302", ""),
        ],
        [
            FIRST,
            ("1", "1", "503", APP_ERROR),
            ("2", "2", "404", APP_ERROR),
            ("3", "2", "0", UNAVAILABLE),
            ("4", "3", "429", APP_ERROR),
            ("5", "4", "500", APP_ERROR),
            ("6", "4", "0", APP_ERROR),
            ("7", "5", "302", APP_ERROR),
        ],
    ),
]
FORWARDED = ("200 at once", "deadline", "everything")
"""Few, for each of them opens sockets."""
CASES = [
    pytest.param(kind, family, steps, http if family == "HTTP" else app_engine, id=f"{kind}-{family}-{name}")
    for kind in ("route", "WSGI", "ASGI", "forward")
    for family in FAMILIES
    for name, steps, http, app_engine in TABLE
    if kind != "forward" or name in FORWARDED
]


def expected(family: str, row: Row, eta: str) -> Seen:
    """The whole of an attempt's headers, for the task that the tests make."""
    prefix = "x-cloudtasks-" if family == "HTTP" else "x-appengine-"
    retry_count, execution_count, previous, reason = row
    values: dict[str, str | None] = {
        "content-type": "text/plain",
        "content-length": "5",
        "x-own": "kept",
        f"{prefix}queuename": "work",
        f"{prefix}taskname": "t",
        f"{prefix}taskretrycount": retry_count,
        f"{prefix}taskexecutioncount": execution_count,
        f"{prefix}tasketa": eta,
        f"{prefix}taskpreviousresponse": previous,
        f"{prefix}taskretryreason": reason,
    }
    if family == "HTTP":
        values |= {"host": "app.test", "user-agent": "Google-Cloud-Tasks", "accept-encoding": "gzip"}
    else:
        agent = "AppEngine-Google; (+http://code.google.com/appengine)"
        values |= {"host": APP_ENGINE_URL.removeprefix("http://"), "user-agent": agent}
    return {name: [value] for name, value in values.items() if value is not None}


@pytest.mark.parametrize(("kind", "family", "steps", "rows"), CASES)
@pytest.mark.cloud_tasks(queues={"work": {"retry_config": {"min_backoff": "1.5s"}}})
def test_every_attempt_says_what_was_before(
    cloud_tasks: FakeCloudTasks, kind: str, family: str, steps: list[Step], rows: list[Row]
) -> None:
    """Each request has exactly these headers, each once, and its schedule time without a zero at its end."""
    with receiving(kind, family, cloud_tasks, steps) as receiver:
        create(cloud_tasks, family, headers={"Content-Type": "text/plain", "X-Own": "kept"}, body=b"abcde")
        told = attempts(cloud_tasks, receiver, steps, kind)
        made = cloud_tasks.attempts()
    assert cloud_tasks.tasks() == []
    for one, row, attempt, step in zip(told, rows, made, steps, strict=True):
        if kind == "forward" and isinstance(step, int):
            assert one.pop("x-forwarded-proto") == ["https" if family == "HTTP" else "http"]
        eta = f"{attempt.schedule_time.timestamp():.6f}".rstrip("0").rstrip(".")
        assert one == expected(family, row, eta)


STATUSES: list[tuple[Step, str, str]] = [
    (200, "OK", "OK(0): HTTP status code 200"),
    (204, "OK", "OK(0): HTTP status code 204"),
    (299, "OK", "OK(0): HTTP status code 299"),
    (100, "UNKNOWN", "UNKNOWN(2): HTTP status code 100"),
    (300, "UNKNOWN", "UNKNOWN(2): HTTP status code 300"),
    (302, "UNKNOWN", "UNKNOWN(2): HTTP status code 302"),
    (304, "UNKNOWN", "UNKNOWN(2): HTTP status code 304"),
    (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT(3): HTTP status code 400"),
    (401, "UNAUTHENTICATED", "UNAUTHENTICATED(16): HTTP status code 401"),
    (403, "PERMISSION_DENIED", "PERMISSION_DENIED(7): HTTP status code 403"),
    (404, "NOT_FOUND", "NOT_FOUND(5): HTTP status code 404"),
    (405, "FAILED_PRECONDITION", "FAILED_PRECONDITION(9): HTTP status code 405"),
    (409, "ABORTED", "ABORTED(10): HTTP status code 409"),
    (418, "FAILED_PRECONDITION", "FAILED_PRECONDITION(9): HTTP status code 418"),
    (422, "FAILED_PRECONDITION", "FAILED_PRECONDITION(9): HTTP status code 422"),
    (429, "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED(8): HTTP status code 429"),
    (499, "CANCELLED", "CANCELLED(1): HTTP status code 499"),
    (500, "INTERNAL", "INTERNAL(13): HTTP status code 500"),
    (501, "UNIMPLEMENTED", "UNIMPLEMENTED(12): HTTP status code 501"),
    (502, "INTERNAL", "INTERNAL(13): HTTP status code 502"),
    (503, "UNAVAILABLE", "UNAVAILABLE(14): HTTP status code 503"),
    (504, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED(4): HTTP status code 504"),
    (599, "INTERNAL", "INTERNAL(13): HTTP status code 599"),
    (DEADLINE, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED(4): HTTP status code 504"),
    (REFUSED, "UNKNOWN", "UNKNOWN(2): HTTP status code 0"),
]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("step", "code", "text"), STATUSES, ids=lambda value: str(value))
@pytest.mark.cloud_tasks(queues=["work"])
def test_every_outcome_has_its_status(
    cloud_tasks: FakeCloudTasks, family: str, step: Step, code: str, text: str
) -> None:
    """The attempt's response_status has code and text; no response, and a 5xx to an HTTP task, is not counted."""
    with receiving("route", family, cloud_tasks, [step]) as receiver:
        create(cloud_tasks, family)
        attempts(cloud_tasks, receiver, [step], "route")
    task = cloud_tasks.assert_enqueued(name="t")
    status = task.last_attempt.response_status
    assert (CODES[status.code], status.message) == (code, text)
    assert task.attempts[0].code == code
    assert task.attempts[0].result == (step if isinstance(step, int) else code)
    assert task.dispatch_count == 1
    assert task.response_count == (isinstance(step, int) and (family != "HTTP" or step < 500))


CODES = {
    0: "OK",
    1: "CANCELLED",
    2: "UNKNOWN",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}
"""google.rpc.Code, by number."""

BODIES: list[tuple[str, str, dict[str, Any], list[str] | None, list[str] | None]] = [
    ("HTTP", "no type", {"body": b"abc"}, None, ["3"]),
    ("HTTP", "no body", {}, None, ["0"]),
    ("HTTP", "no body by GET", {"http_method": "GET"}, None, None),
    ("HTTP", "a type without a body", {"headers": {"Content-Type": "text/plain"}}, ["text/plain"], ["0"]),
    ("HTTP", "a type", {"headers": {"content-TYPE": "text/plain"}, "body": b"abc"}, ["text/plain"], ["3"]),
    ("HTTP", "a wrong length", {"headers": {"Content-Length": "99"}, "body": b"abc"}, None, ["3"]),
    ("App Engine", "no type", {"body": b"abc"}, ["application/octet-stream"], ["3"]),
    ("App Engine", "no body", {}, None, ["0"]),
    ("App Engine", "no body by GET", {"http_method": "GET"}, None, None),
    ("App Engine", "a type", {"headers": {"content-TYPE": "text/plain"}, "body": b"abc"}, ["text/plain"], ["3"]),
    (
        "App Engine",
        "a wrong length",
        {"headers": {"Content-Length": "9"}, "body": b"a"},
        ["application/octet-stream"],
        ["1"],
    ),
]


@pytest.mark.parametrize("kind", ["route", "ASGI", "forward"])
@pytest.mark.parametrize(
    ("family", "fields", "content_type", "length"),
    [pytest.param(family, *rest, id=f"{family}-{name}") for family, name, *rest in BODIES],
)
@pytest.mark.cloud_tasks(queues=["work"])
def test_the_type_and_the_length_of_a_body(
    cloud_tasks: FakeCloudTasks,
    kind: str,
    family: str,
    fields: dict[str, Any],
    content_type: list[str] | None,
    length: list[str] | None,
) -> None:
    """HTTP tasks have no default type, App Engine tasks with a body have one; the length is never the task's to say."""
    with receiving(kind, family, cloud_tasks, [200]) as receiver:
        create(cloud_tasks, family, **fields)
        cloud_tasks.drain()
    (headers,) = receiver.seen
    assert (headers.get("content-type"), headers.get("content-length")) == (content_type, length)
    assert receiver.bodies == [fields.get("body", b"")]


AGENTS = [
    ("HTTP", {}, ["Google-Cloud-Tasks"]),
    ("HTTP", {"user-AGENT": "mine/1.0"}, ["Google-Cloud-Tasks"]),
    ("App Engine", {}, ["AppEngine-Google; (+http://code.google.com/appengine)"]),
    ("App Engine", {"user-AGENT": "mine/1.0"}, ["mine/1.0 AppEngine-Google; (+http://code.google.com/appengine)"]),
]


@pytest.mark.parametrize("kind", ["route", "WSGI", "ASGI"])
@pytest.mark.parametrize(("family", "given", "agent"), AGENTS)
@pytest.mark.cloud_tasks(queues=["work"])
def test_the_agent_is_the_services(
    cloud_tasks: FakeCloudTasks, kind: str, family: str, given: dict[str, str], agent: list[str]
) -> None:
    """HTTP tasks come by the service's own agent, App Engine tasks have theirs appended to."""
    with receiving(kind, family, cloud_tasks, [200]) as receiver:
        create(cloud_tasks, family, headers=given)
        cloud_tasks.drain()
    assert receiver.seen[0]["user-agent"] == agent


@pytest.mark.parametrize(
    ("family", "given", "encoding"),
    [
        ("HTTP", {}, ["gzip"]),
        ("HTTP", {"accept-ENCODING": "identity"}, ["gzip"]),
        ("App Engine", {}, None),
        ("App Engine", {"Accept-Encoding": "br"}, None),
    ],
)
@pytest.mark.cloud_tasks(queues=["work"])
def test_http_tasks_accept_gzip(
    cloud_tasks: FakeCloudTasks, family: str, given: dict[str, str], encoding: list[str] | None
) -> None:
    """Whatever the task says, for the service drops that; nothing is known of App Engine's."""
    with receiving("WSGI", family, cloud_tasks, [200]) as receiver:
        create(cloud_tasks, family, headers=given)
        cloud_tasks.drain()
    assert receiver.seen[0].get("accept-encoding") == encoding


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.cloud_tasks(queues=["work"])
def test_the_services_headers_are_its_own(cloud_tasks: FakeCloudTasks, family: str) -> None:
    """A task can't set what the service sets, in whatever case, nor another family's."""
    forged = {
        "host": "evil.test",
        **({"X-cloudtasks-TaskRetryCount": "9"} if family == "HTTP" else {}),
        "x-appengine-queuename": "evil",
        "X-GOOGLE-Anything": "evil",
    }
    with receiving("route", family, cloud_tasks, [200]) as receiver:
        create(cloud_tasks, family, headers=forged)
        cloud_tasks.drain()
    values = {value for values in receiver.seen[0].values() for value in values}
    assert values & {"evil", "evil.test", "9"} == set()
    other = "x-appengine-" if family == "HTTP" else "x-cloudtasks-"
    assert [name for name in receiver.seen[0] if name.startswith((other, "x-google-"))] == []
