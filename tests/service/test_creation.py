"""CreateTask: its checks, and what is stored."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.request import AppEngineTarget, Headers, HttpTarget, OAuthToken, OidcToken, Routing
from pytest_cloudtasks._service.task import TaskSpec
from pytest_cloudtasks._service.validation import NO_INSTANT
from pytest_cloudtasks._units import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND
from tests.each import each

from .driving import QUEUE, START, URL, assert_refused, service_with

APP_ENGINE_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
HTTP_DEADLINE = "Task.dispatchDeadline must be between [15s, 30m]."
APP_ENGINE_DEADLINE = "Task.dispatchDeadline must be between [15s, 24h15s]."
TOKEN_NEEDS_HTTPS = "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header"
URL_SCHEME = "HttpTarget.url must start with 'http://' or 'https://'."
RELATIVE_URI = "AppEngineHttpRequest.relativeUri must begin with '/' and contain no spaces."

REFUSED = [
    pytest.param(TaskSpec(None), "Task.payload_type is not set.", id="no target"),
    pytest.param(TaskSpec(HttpTarget("")), "HttpRequest.url is required.", id="no url"),
    pytest.param(TaskSpec(HttpTarget("worker.test/run")), URL_SCHEME, id="no scheme"),
    pytest.param(TaskSpec(HttpTarget("ftp://worker.test")), URL_SCHEME, id="ftp"),
    pytest.param(
        TaskSpec(HttpTarget("http://worker.test", oidc=OidcToken("a@b.c"))), TOKEN_NEEDS_HTTPS, id="oidc over http"
    ),
    pytest.param(
        TaskSpec(HttpTarget("http://worker.test", oauth=OAuthToken("a@b.c"))), TOKEN_NEEDS_HTTPS, id="oauth over http"
    ),
    *(
        pytest.param(
            TaskSpec(HttpTarget(URL, method, body=b"x")),
            "Body can only be set if the http_method is POST, PUT, or PATCH.",
            id=f"body with {method}",
        )
        for method in ("GET", "HEAD", "DELETE", "OPTIONS")
    ),
    *(
        pytest.param(
            TaskSpec(AppEngineTarget("/", method, body=b"x")),
            "Body can only be set if the http_method is POST or PUT.",
            id=f"App Engine body with {method}",
        )
        for method in ("GET", "PATCH")
    ),
    pytest.param(
        TaskSpec(HttpTarget(f"{URL}?q={'x' * 2083}")),
        f"HttpRequest.url must be no longer than 2083 characters after encoding, and has {len(URL) + 3 + 2083}.",
        id="url too long",
    ),
    pytest.param(
        TaskSpec(HttpTarget(URL, headers=(*((f"X-{n}", "x" * 8185) for n in range(10)), ("X", "x" * 11)))),
        "HttpRequest.headers must be smaller than 80 KB in total.",
        id="headers too large",
    ),
    pytest.param(
        TaskSpec(AppEngineTarget(f"/{'x' * 2083}")),
        "AppEngineHttpRequest.relativeUri must be no longer than 2083 characters after encoding, and has 2084.",
        id="relative uri too long",
    ),
    pytest.param(TaskSpec(AppEngineTarget("run")), RELATIVE_URI, id="uri without slash"),
    pytest.param(TaskSpec(AppEngineTarget("/a b")), RELATIVE_URI, id="uri with space"),
    *(
        pytest.param(TaskSpec(HttpTarget(URL), dispatch_deadline=deadline), HTTP_DEADLINE, id=f"deadline {deadline}")
        for deadline in (-SECOND, 0, 15 * SECOND - 1, 30 * MINUTE + 1)
    ),
    *(
        pytest.param(
            TaskSpec(AppEngineTarget(), dispatch_deadline=deadline),
            APP_ENGINE_DEADLINE,
            id=f"App Engine deadline {deadline}",
        )
        for deadline in (-SECOND, 15 * SECOND - 1, 24 * HOUR + 15 * SECOND + 1)
    ),
    pytest.param(
        # 2023-11-14T22:13:20Z and 720 hours make 2023-12-14T22:13:20Z, which is 14:13:20 in California
        TaskSpec(HttpTarget(URL), schedule_time=START + 720 * HOUR + 500 * MILLISECOND),
        "The Task.scheduleTime, 2023-12-14T14:13:20.5-08:00, is too far in the future. Schedule time must be no more"
        " than 720h in the future.",
        id="schedule time too far",
    ),
    pytest.param(
        # 2024-06-01T00:00:00Z, in summer time
        TaskSpec(HttpTarget(URL), schedule_time=1_717_200_000 * SECOND),
        "The Task.scheduleTime, 2024-05-31T17:00:00-07:00, is too far in the future. Schedule time must be no more"
        " than 720h in the future.",
        id="schedule time too far, in summer",
    ),
    pytest.param(
        TaskSpec(HttpTarget(URL), schedule_time=NO_INSTANT),
        "Request contains an invalid argument.",
        id="schedule time after the year 9999",
    ),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED)
def test_what_the_service_refuses_is_not_created(spec: TaskSpec, message: str) -> None:
    """A bad task is refused in the service's words, and nothing changes."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: service.create_task(START, QUEUE, spec))


@each(
    "spec",
    [
        TaskSpec(HttpTarget("http://worker.test")),
        TaskSpec(HttpTarget("http://example.com/%zz")),
        TaskSpec(HttpTarget(f"{URL}?{'x' * (2083 - len(URL) - 1)}")),
        TaskSpec(HttpTarget(URL, headers=(*((f"X-{n}", "x" * 8185) for n in range(10)), ("X", "x" * 10)))),
        TaskSpec(HttpTarget(URL, headers=(("X-Much", "x" * (80 * 1024)),))),  # dropped, so that it doesn't count
        TaskSpec(AppEngineTarget(f"/{'x' * 2082}")),
        TaskSpec(HttpTarget(URL, oidc=OidcToken("a@b.c"))),
        TaskSpec(HttpTarget(URL, "PATCH", body=b"x")),
        TaskSpec(HttpTarget(URL, "GET")),
        TaskSpec(AppEngineTarget("/x", "PUT", body=b"x")),
        TaskSpec(AppEngineTarget("/x", "DELETE")),
        TaskSpec(HttpTarget(URL), dispatch_deadline=15 * SECOND),
        TaskSpec(HttpTarget(URL), dispatch_deadline=30 * MINUTE),
        TaskSpec(AppEngineTarget(), dispatch_deadline=24 * HOUR + 15 * SECOND),
        TaskSpec(HttpTarget(URL), schedule_time=START + 720 * HOUR),
        TaskSpec(HttpTarget(URL), schedule_time=-62_135_596_801 * SECOND),  # before the year 1
    ],
)
def test_what_is_just_within_the_rules_is_created(spec: TaskSpec) -> None:
    """The ends of every range are allowed, and the service does not parse the URL."""
    service = service_with()
    task = service.create_task(START, QUEUE, spec)
    assert service.accepted == [task]


@pytest.mark.parametrize(
    ("asked", "stored"),
    [
        (None, START),
        (START - SECOND, START),
        (START, START),
        (START + 1999, START + MICROSECOND),
        (START + SECOND, START + SECOND),
    ],
)
def test_the_schedule_time_is_now_or_later_and_kept_to_the_microsecond(asked: int | None, stored: int) -> None:
    """A time that is missing or past becomes the instant of the call."""
    service = service_with()
    task = service.create_task(START, QUEUE, TaskSpec(HttpTarget(URL), schedule_time=asked))
    assert task.schedule_time == task.initial_schedule_time == stored


def test_a_task_for_now_is_scheduled_at_the_microsecond_of_the_call() -> None:
    """The instant of the call is cut to the microsecond too, but kept whole as the creation."""
    service = service_with()
    task = service.create_task(START + 1999, QUEUE, TaskSpec(HttpTarget(URL)))
    assert (task.schedule_time, task.create_time) == (START + MICROSECOND, START + 1999)


@pytest.mark.parametrize(
    ("target", "asked", "stored", "in_force"),
    [
        (HttpTarget(URL), None, 10 * MINUTE, 10 * MINUTE),
        (HttpTarget(URL), 20 * SECOND + 1_500_000, 20 * SECOND + MILLISECOND, 20 * SECOND + MILLISECOND),
        (AppEngineTarget(), None, None, 10 * MINUTE),
        (AppEngineTarget(), 0, None, 10 * MINUTE),
        (AppEngineTarget(), HOUR, HOUR, HOUR),
    ],
)
def test_the_dispatch_deadline_is_stored_for_http_and_implied_for_app_engine(
    target: HttpTarget | AppEngineTarget, asked: int | None, stored: int | None, in_force: int
) -> None:
    """HTTP tasks are given 600 s that show; App Engine tasks wait as long without showing it."""
    service = service_with()
    task = service.create_task(START, QUEUE, TaskSpec(target, dispatch_deadline=asked))
    assert (task.dispatch_deadline, task.deadline_in_force) == (stored, in_force)


def stored_http(headers: Headers) -> Headers:
    target = service_with().create_task(START, QUEUE, TaskSpec(HttpTarget(URL, headers=headers, body=b"{}"))).target
    return target.headers


def test_http_headers_are_kept_as_written_beside_the_service_s_own() -> None:
    """Case is kept, no Content-Type is made up, and the user agent is the service's."""
    assert stored_http((("content-type", "text/plain"), ("user-agent", "mine"), ("X-A", "1"))) == (
        ("User-Agent", "Google-Cloud-Tasks"),
        ("X-A", "1"),
        ("content-type", "text/plain"),
    )
    assert stored_http(()) == (("User-Agent", "Google-Cloud-Tasks"),)


@pytest.mark.parametrize("name", ["Host", "content-length", "X-Google-A", "x-appengine-taskname"])
def test_headers_that_the_service_keeps_for_itself_are_dropped(name: str) -> None:
    """Reserved names are dropped in any case, from both families of tasks."""
    assert stored_http(((name, "mine"),)) == (("User-Agent", "Google-Cloud-Tasks"),)
    spec = TaskSpec(AppEngineTarget(headers=((name, "mine"),)))
    assert service_with().create_task(START, QUEUE, spec).target.headers == (("User-Agent", APP_ENGINE_AGENT),)


@pytest.mark.parametrize(
    ("headers", "body", "stored"),
    [
        ((), b"", (("User-Agent", APP_ENGINE_AGENT),)),
        (
            (),
            b"abc",
            (
                ("Content-Length", "3"),
                ("Content-Type", "application/octet-stream"),
                ("User-Agent", APP_ENGINE_AGENT),
            ),
        ),
        (
            (("content-type", "text/plain"), ("User-Agent", "mine"), ("Content-Length", "99")),
            b"abc",
            (
                ("Content-Length", "3"),
                ("User-Agent", f"mine {APP_ENGINE_AGENT}"),
                ("content-type", "text/plain"),
            ),
        ),
    ],
)
def test_app_engine_headers_gain_what_the_body_needs(headers: Headers, body: bytes, stored: Headers) -> None:
    """With a body come its length and a default type; the user agent is appended to."""
    spec = TaskSpec(AppEngineTarget(headers=headers, body=body))
    assert service_with().create_task(START, QUEUE, spec).target.headers == stored


@pytest.mark.parametrize(
    ("routing", "host"),
    [
        (None, "p.uc.r.appspot.com"),
        (Routing(service="worker"), "worker.p.uc.r.appspot.com"),
        (Routing("worker", "v1", "i1", "ignored"), "i1.v1.worker.p.uc.r.appspot.com"),
    ],
)
def test_the_host_of_an_app_engine_task_is_made_from_its_routing(routing: Routing | None, host: str) -> None:
    """Instance, version, service and project, narrowest first; a host of the caller's is not taken."""
    target = service_with().create_task(START, QUEUE, TaskSpec(AppEngineTarget(routing=routing))).target
    assert isinstance(target, AppEngineTarget)
    assert target.routing is not None
    assert target.routing.host == host


def test_the_queue_s_routing_override_wins() -> None:
    """Whatever a task asks for, its queue's override decides where it goes."""
    service = service_with({"app_engine_routing_override": {"service": "fixed"}})
    spec = TaskSpec(AppEngineTarget(routing=Routing(service="worker", version="v1")))
    target = service.create_task(START, QUEUE, spec).target
    assert isinstance(target, AppEngineTarget)
    assert target.routing == Routing(service="fixed", host="fixed.p.uc.r.appspot.com")


def test_what_the_caller_gave_is_copied() -> None:
    """The stored target is another object than the caller's, which stays as it was."""
    mine = HttpTarget(URL, "PUT", (("X-A", "1"),), b"body", OidcToken("a@b.c", "aud"))
    stored = service_with().create_task(START, QUEUE, TaskSpec(mine)).target
    assert stored is not mine
    assert mine.headers == (("X-A", "1"),)
    assert isinstance(stored, HttpTarget)
    assert (stored.url, stored.method, stored.body, stored.oidc) == (URL, "PUT", b"body", OidcToken("a@b.c", "aud"))


def test_a_task_that_is_too_large_takes_no_id() -> None:
    """The next task without a name has the ID that it would have had without the refused one."""
    service, spec = service_with(), TaskSpec(HttpTarget(URL))

    def create() -> object:
        return service.create_task(START, QUEUE, spec, size=2**30)

    assert_refused(service, Code.INVALID_ARGUMENT, "Task size too large", create)
    assert service.create_task(START, QUEUE, spec).name == service_with().create_task(START, QUEUE, spec).name
