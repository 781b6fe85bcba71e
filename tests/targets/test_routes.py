from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, NoTarget, TargetRequest
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, Routing
from pytest_cloudtasks._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, response
from pytest_cloudtasks._targets.answers import Answer
from pytest_cloudtasks._targets.base import AppEngineDestination, Destination, destination_of
from pytest_cloudtasks._targets.forwards import ForwardTarget
from pytest_cloudtasks._targets.mounts import MountTarget
from pytest_cloudtasks._targets.registry import Targets
from pytest_cloudtasks._targets.routes import RouteTarget
from tests.each import each

URL = "https://app.test/work"
QUEUE = "projects/p/locations/l/queues/mails"

RequestFor = Callable[..., TargetRequest]


def route(url: str | re.Pattern[str] = URL, **options: Any) -> RouteTarget:
    return RouteTarget(url, **{"method": None, "queue": None, "handler": None, "on_exception": None, **options})


def mount(base_url: str, app: Any = None) -> MountTarget:
    return MountTarget(base_url, app or wsgi_app, None)


def forward(base_url: str) -> ForwardTarget:
    return ForwardTarget(base_url, "http://127.0.0.1:8000", allow_remote=False, timeout=timedelta(seconds=1))


def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("204 No Content", [("X-Path", environ["PATH_INFO"])])
    return []


def to(
    url: str = URL, method: str = "POST", queue_name: str = QUEUE, task_name: str = f"{QUEUE}/tasks/1"
) -> Destination:
    return Destination(url, method, queue_name, task_name=task_name)


# --- matching ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [URL + "/", URL + "?x=1", "http://app.test/work", "https://app.test/WORK", ""])
def test_an_exact_url_matches_itself_alone(url: str) -> None:
    """A URL without a star matches the same URL and no other."""
    assert route().matches(to(URL))
    assert not route().matches(to(url))


@each(
    ("glob", "url", "is_matched"),
    [
        ("https://app.test/*", "https://app.test/a/b?c=d", True),
        ("https://app.test/*", "https://app.test/", True),
        ("https://app.test/*", "https://app.test", True),
        ("https://*.test/work", "https://app.test/work", True),
        ("*", "http:///", True),
        ("https://app.test/*/end", "https://app.test/a/b/end", True),
        ("https://app.test/*/end", "https://app.test/a/b/end?x", False),
        ("https://app.test/a.c*", "https://app.test/abcd", False),
        ("https://app.test/?x=*", "https://app.test/?x=1", True),
        ("https://app.test/[ab]*", "https://app.test/a", False),
        ("https://app.test/*", "https://app.test/line\nbreak", True),
    ],
)
def test_a_star_matches_anything(glob: str, url: str, is_matched: bool) -> None:
    """In a glob only the star is special; it matches any text, and the whole URL has to match."""
    assert route(glob).matches(to(url)) is is_matched


def test_a_pattern_is_searched_for() -> None:
    """A compiled pattern matches wherever it is found in the URL."""
    assert route(re.compile(r"/users/\d+")).matches(to("https://app.test/users/7/mail"))
    assert not route(re.compile(r"/users/\d+$")).matches(to("https://app.test/users/7/mail"))


def test_a_method_limits_a_route() -> None:
    """A route with a method, in any case, takes requests by that method only."""
    assert route(method="put").matches(to(method="PUT"))
    assert not route(method="put").matches(to(method="POST"))


@pytest.mark.parametrize("queue", ["mails", QUEUE])
def test_a_queue_limits_a_route(queue: str) -> None:
    """A route with a queue, by its ID or its full name, takes that queue's tasks only."""
    assert route(queue=queue).matches(to())
    assert not route(queue=queue).matches(to(queue_name="projects/p/locations/l/queues/mails2"))
    assert not route(queue=QUEUE).matches(to(queue_name="projects/other/locations/l/queues/mails"))


@pytest.mark.parametrize("name", ["1", f"{QUEUE}/tasks/1"])
def test_a_task_limits_a_route(name: str) -> None:
    """A route with a name, a task's ID or its full name, takes that task only."""
    assert route(name=name).matches(to())
    assert not route(name=name).matches(to(task_name=f"{QUEUE}/tasks/11"))
    assert not route(name=f"{QUEUE}/tasks/1").matches(to(task_name=f"{QUEUE}2/tasks/1"))


@each(
    ("base", "url", "is_matched"),
    [
        ("https://app.test", "https://app.test", True),
        ("https://app.test", "https://app.test/a?b", True),
        ("https://app.test/", "https://app.test/a", True),
        ("https://app.test/api", "https://app.test/api", True),
        ("https://app.test/api/", "https://app.test/api", True),
        ("https://app.test/api", "https://app.test/api/a", True),
        ("https://app.test/api", "https://app.test/api?x=1", True),
        ("https://app.test/api", "https://app.test/apis", False),
        ("https://app.test/api", "https://app.test/", False),
        ("https://app.test", "http://app.test/", False),
        ("https://app.test", "https://app.test:8443/", False),
        ("https://app.test:443", "https://app.test/", True),
        ("http://app.test", "http://app.test:80/", True),
        ("https://app.test", "https://APP.test/", True),
        ("https://app.test", "https://app.test.evil.test/", False),
    ],
)
def test_a_mount_takes_what_lies_under_its_base(base: str, url: str, is_matched: bool) -> None:
    """A mount matches by origin, default ports and all, and by whole segments of the path."""
    assert mount(base).matches(to(url)) is is_matched


@pytest.mark.parametrize("base", ["app.test", "/api", "ftp://app.test", "https://", ""])
def test_a_mount_needs_a_base_url(base: str) -> None:
    """Only an HTTP URL with a host can be mounted."""
    with pytest.raises(ValueError) as refused:
        mount(base)
    assert str(refused.value) == f"mount() takes a base URL such as https://app.test, but got {base!r}."


@pytest.mark.parametrize(
    ("base", "advice"),
    [
        ("https://app.test/*", "Leave the * out, or use route(), which takes globs."),
        ("https://app.test/work?x=1", "Leave the query string out, or use route(), where it counts."),
        ("https://app.test/#top", "Leave the fragment out; it is never sent."),
    ],
)
def test_a_base_url_has_nothing_that_it_would_not_match(base: str, advice: str) -> None:
    """A star, a query string or a fragment would count for nothing, so mount() and forward() reject them."""
    for what, make in {"mount()": mount, "forward()": forward}.items():
        with pytest.raises(ValueError) as rejected:
            make(base)
        assert str(rejected.value) == (
            f"{what} takes a base URL, which covers every path and every query below it, but got {base!r}. {advice}"
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": 5}, "route(method=…) takes a text, or None for any method, but got 5."),
        ({"queue": b"mails"}, "route(queue=…) takes a text, or None for any queue, but got b'mails'."),
        ({"name": 1}, "route(name=…) takes a text, or None for any task, but got 1."),
        (
            {"handler": 503},
            "route(handler=…) takes a function of a TargetRequest, but got 503. Script a route that always answers the"
            " same, such as .returns(503).",
        ),
        (
            {"handler": lambda: None},
            "route(handler=…) takes a function of one argument, the TargetRequest, but got <lambda>, which can't be"
            " called with one. Write `def handler(request): …`.",
        ),
        (
            {"handler": pow},
            "route(handler=…) takes a function of one argument, the TargetRequest, but got pow, which can't be called"
            " with one. Write `def handler(request): …`.",
        ),
    ],
)
def test_a_routes_options_are_of_their_type(options: dict[str, Any], message: str) -> None:
    """What could never match or answer is rejected when the route is made."""
    with pytest.raises(TypeError) as refused:
        route(**options)
    assert str(refused.value) == message


def test_a_method_that_no_task_has_is_rejected() -> None:
    """A misspelt method would match nothing; its case doesn't matter."""
    with pytest.raises(ValueError) as refused:
        route(method="PSOT")
    assert str(refused.value) == (
        "route(method=…) takes a method that a task can have, POST, GET, HEAD, PUT, DELETE, PATCH, OPTIONS, but got"
        " 'PSOT'."
    )
    assert route(method="options").method == "OPTIONS"


@each(
    ("options", "message"),
    [
        (
            {"method": ""},
            "route(method=…) takes a method that a task can have, POST, GET, HEAD, PUT, DELETE, PATCH, OPTIONS, but"
            " got ''.",
        ),
        ({"queue": ""}, "route(queue=…) takes a queue's ID or full name, or None for any queue, but got ''."),
        ({"queue": "nan s"}, "route(queue=…) takes a queue's ID or full name, or None for any queue, but got 'nan s'."),
        (
            {"queue": "queues/mails"},
            "route(queue=…) takes a queue's ID or full name, or None for any queue, but got 'queues/mails'.",
        ),
        (
            {"queue": "projects/p/locations/l/queues/a b"},
            "route(queue=…) takes a queue's ID or full name, or None for any queue, but got"
            " 'projects/p/locations/l/queues/a b'.",
        ),
        ({"name": ""}, "route(name=…) takes a task's ID or full name, or None for any task, but got ''."),
        ({"name": "a.b"}, "route(name=…) takes a task's ID or full name, or None for any task, but got 'a.b'."),
        (
            {"name": "projects/p/locations/l/queues/q"},
            "route(name=…) takes a task's ID or full name, or None for any task, but got"
            " 'projects/p/locations/l/queues/q'.",
        ),
    ],
)
def test_a_text_that_names_nothing_is_rejected(options: dict[str, Any], message: str) -> None:
    """A route for a queue or a task that can't exist would never answer."""
    with pytest.raises(ValueError) as refused:
        route(**options)
    assert str(refused.value) == message


def test_a_task_has_a_destination(post: Any) -> None:
    """The destination of a task is its URL, method, queue and name; for App Engine the URL has the host."""
    http = post.task(HttpTarget(URL, "PUT"), name="http")
    app_engine = post.task(AppEngineTarget("/work", "GET", routing=Routing("api")), name="app-engine")
    assert destination_of(http) == Destination(URL, "PUT", QUEUE, task_name=http.name)
    assert destination_of(app_engine) == Destination(
        "http://api.p.uc.r.appspot.com/work",
        "GET",
        QUEUE,
        AppEngineDestination("/work", Routing("api", host="api.p.uc.r.appspot.com")),
        app_engine.name,
    )


# --- precedence --------------------------------------------------------------------------------------------------


def test_the_most_specific_target_is_asked_first() -> None:
    """Routes for one task come first, exact URLs before globs, longer globs before shorter, then patterns, mounts."""
    in_order: list[RouteTarget | MountTarget] = [
        route(name="1"),
        route("*", name=f"{QUEUE}/tasks/1"),
        route(re.compile(""), name="1"),
        route(method="POST", queue="mails"),
        route(method="POST"),
        route(),
        route("https://app.test/wor*", queue="mails"),
        route("https://app.test/wor*"),
        route("https://app.test/*"),
        route("*"),
        route(re.compile("work"), method="POST"),
        route(re.compile("a very long pattern that is found nowhere|work")),
        mount("https://app.test/work"),
        mount("https://app.test"),
    ]
    targets = Targets()
    for target in reversed(in_order):
        targets.add(target)
    assert targets.describe() == [target.describe() for target in in_order]
    for index, target in enumerate(in_order):
        remaining = Targets()
        for one in in_order[index:]:
            remaining.add(one)
        assert remaining.find(to()) is target


def test_of_equals_the_later_wins() -> None:
    """A test's route comes before an equally specific one of its fixture."""
    targets, earlier, later = Targets(), route(), route()
    targets.add(earlier)
    targets.add(later)
    assert targets.find(to()) is later


def test_nothing_may_match() -> None:
    """Where no target matches, none is found."""
    targets = Targets()
    assert targets.find(to()) is None
    targets.add(route("https://other.test/*"))
    assert targets.find(to()) is None


# --- answering ---------------------------------------------------------------------------------------------------


def test_a_bare_route_answers_200(request_for: RequestFor) -> None:
    """A route without handler and script always answers 200."""
    bare, request = route(), request_for()
    assert [bare.answer(request).outcome for _ in range(3)] == [response(200)] * 3


def test_a_script_is_played_and_its_last_step_repeats(request_for: RequestFor) -> None:
    """Statuses and exceptions come one a call, in the order they were added; the last one stays."""
    script, request = route(), request_for()
    assert script.returns(503, 429).raises(TimeoutError).raises(ConnectionError("down")).returns(200) is script
    outcomes = [script.answer(request).outcome for _ in range(7)]
    assert outcomes == [response(503), response(429), DEADLINE_EXCEEDED, NO_RESPONSE, *[response(200)] * 3]


def test_a_scripted_exception_is_marked_as_such(request_for: RequestFor) -> None:
    """The answer keeps the exception that the script asked for, a class or an instance."""
    boom = RuntimeError("boom")
    answer = route().raises(boom).answer(request_for())
    assert (answer.outcome, answer.exception, answer.scripted) == (response(500), boom, True)


def test_a_handler_answers(request_for: RequestFor) -> None:
    """A handler gets the request, and its result is the answer."""
    seen: list[TargetRequest] = []

    def handler(request: TargetRequest) -> int:
        seen.append(request)
        return 503

    request = request_for()
    assert route(handler=handler).answer(request).outcome == response(503)
    assert seen == [request]


def test_what_a_handler_raises_comes_through(request_for: RequestFor) -> None:
    """A handler's exception is not turned into anything here."""

    def handler(request: TargetRequest) -> None:
        raise KeyError("order")

    with pytest.raises(KeyError):
        route(handler=handler).answer(request_for())


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (lambda route: route.returns(200), "a script"),
        (lambda route: route.raises(ValueError), "a script"),
        (lambda route: route.then_pass_through(), "then_pass_through()"),
    ],
    ids=["returns", "raises", "then_pass_through"],
)
def test_a_handler_can_have_no_script(
    request_for: RequestFor, script: Callable[[RouteTarget], RouteTarget], what: str
) -> None:
    """A route has a handler or a script; the handler stays as it is."""
    one = route(handler=lambda request: 202)
    with pytest.raises(ValueError) as refused:
        script(one)
    assert str(refused.value) == f"The route {URL} has a handler, so it can't have {what} as well. Use one of them."
    assert one.answer(request_for()).outcome == response(202)
    assert one.matches(to())


def test_a_handler_may_be_a_coroutine_function(request_for: RequestFor) -> None:
    """It is called at once, and what it answers is known when it has been awaited."""

    async def handler(request: TargetRequest) -> tuple[int, dict[str, str]]:
        return 429, {"Retry-After": "5"}

    one = route(handler=handler)
    assert one.is_async
    assert not route(handler=lambda request: 200).is_async
    coming = one.answer(request_for())
    assert not isinstance(coming, Answer)
    answer = asyncio.run(coming)
    assert (answer.outcome, answer.headers.pairs()) == (response(429), (("Retry-After", "5"),))


@pytest.mark.parametrize("raised", ["TimeoutError", 500, int])
def test_raises_takes_an_exception(request_for: RequestFor, raised: Any) -> None:
    """Or a class of them; anything else is rejected, and the script is as it was."""
    one = route()
    with pytest.raises(TypeError) as refused:
        one.raises(raised)
    assert str(refused.value) == f"raises() takes an exception, such as TimeoutError, but got {raised!r}."
    assert one.answer(request_for()).outcome == response(200)


@pytest.mark.parametrize("app", [None, "app", 7])
def test_a_mount_takes_an_application(app: Any) -> None:
    """What can't be called is rejected by its own words."""
    with pytest.raises(TypeError) as refused:
        MountTarget("https://app.test", app, None)
    assert str(refused.value) == (
        f"mount() takes a WSGI or an ASGI application, but got {app!r}, which can't be called. Pass the application"
        " itself, not a client, a module or its name."
    )


def test_a_script_needs_statuses(request_for: RequestFor) -> None:
    """returns() without a status is rejected."""
    one = route()
    with pytest.raises(ValueError) as refused:
        one.returns()
    assert str(refused.value) == "returns() takes at least one HTTP status, such as returns(503, 200)."
    assert one.answer(request_for()).outcome == response(200)


def test_a_script_has_http_statuses(request_for: RequestFor) -> None:
    """A status that HTTP has not is rejected, and with it the whole call."""
    one = route().returns(201)
    with pytest.raises(ValueError) as refused:
        one.returns(503, 700)
    assert str(refused.value) == "700 is not an HTTP status. Use a number from 100 to 599."
    assert [one.answer(request_for()).outcome for _ in range(1)] == [response(201)]


def test_a_script_may_pass_on(request_for: RequestFor) -> None:
    """After its script a route with then_pass_through() no longer matches, and the next target gets the requests."""
    first, behind = route().returns(503, 500).then_pass_through(), mount("https://app.test")
    targets = Targets()
    targets.add(first)
    targets.add(behind)
    request = request_for()
    for _ in range(2):
        assert targets.find(to()) is first
        first.answer(request)
    assert targets.find(to()) is behind


def test_a_route_may_pass_at_once() -> None:
    """then_pass_through() without a script lets everything through."""
    assert not route().then_pass_through().matches(to())


@pytest.mark.parametrize("step", [lambda one: one.returns(200), lambda one: one.raises(ValueError)])
def test_nothing_comes_after_then_pass_through(step: Callable[[RouteTarget], RouteTarget]) -> None:
    """then_pass_through() ends a script; what is added afterwards is rejected."""
    one = route().returns(503).then_pass_through()
    with pytest.raises(ValueError) as refused:
        step(one)
    assert str(refused.value) == "then_pass_through() ends the script of a route: put returns() and raises() before it."
    assert one.matches(to())


def test_a_mount_answers_by_its_application(request_for: RequestFor) -> None:
    """The application gets the request at its full path."""
    answer = mount("https://app.test/api").answer(request_for("https://app.test/api/work"))
    assert answer.outcome == response(204)
    assert answer.headers["X-Path"] == "/api/work"


# --- taking time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [route, lambda: mount("https://app.test")], ids=["route", "mount"])
def test_answers_may_take_time(request_for: RequestFor, target: Callable[[], RouteTarget | MountTarget]) -> None:
    """takes() is for every request of a target; a request's own takes() comes before it."""
    one, request = target(), request_for()
    assert one.duration_for(request) == 0
    assert one.takes(timedelta(seconds=5)) is one
    assert one.duration_for(request) == 5_000_000_000
    request.takes(timedelta(0))
    assert one.duration_for(request) == 0


def test_an_answer_cannot_take_negative_time(request_for: RequestFor) -> None:
    """A negative duration is rejected, and the one before stays."""
    one = route().takes(timedelta(seconds=5))
    with pytest.raises(ValueError) as refused:
        one.takes(timedelta(seconds=-5))
    assert str(refused.value) == (
        "takes() takes a duration of zero or more, but got datetime.timedelta(days=-1, seconds=86395)."
    )
    assert one.duration_for(request_for()) == 5_000_000_000


# --- records -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (route(), URL),
        (route(method="put"), f"{URL} (PUT)"),
        (route("*", queue="mails"), "* (queue mails)"),
        (route("*", queue="mails", name=f"{QUEUE}/tasks/1"), "* (queue mails, task 1)"),
        (route(re.compile("/a+"), method="GET", queue="q"), "re.compile('/a+') (GET, queue q)"),
        (mount("https://app.test/api"), "https://app.test/api (mounted wsgi_app)"),
    ],
    ids=["url", "method", "queue", "task", "pattern", "mount"],
)
def test_targets_describe_themselves(target: RouteTarget | MountTarget, text: str) -> None:
    """A target is named by what it matches."""
    assert target.describe() == text
    kind = "route" if isinstance(target, RouteTarget) else "mount"
    assert repr(target) == f"<{kind} {text}, 0 calls>"


def test_an_application_is_named_by_its_name() -> None:
    """An application's own name comes before that of its class."""

    class App:
        def __call__(self, environ: object, start_response: object) -> list[bytes]:
            return []

    named = App()
    named.name = "shop"  # type: ignore[attr-defined]
    assert mount("https://app.test", named).describe() == "https://app.test (mounted shop)"
    assert mount("https://app.test", App()).describe() == "https://app.test (mounted App)"


# --- winding back ------------------------------------------------------------------------------------------------


def test_targets_are_wound_back(request_for: RequestFor) -> None:
    """A snapshot brings back targets, calls, durations and scripts, as often as it is asked to."""
    targets, kept, request = Targets(), route(), request_for()
    kept.returns(503, 200).takes(timedelta(seconds=1))
    kept.answer(request)
    kept.calls.append(request)
    targets.add(kept)
    back = targets.snapshot()
    for _ in range(2):
        assert kept.answer(request).outcome == response(200)
        kept.calls.append(request)
        kept.returns(404).then_pass_through()
        kept.takes(timedelta(seconds=9))
        targets.add(route("https://app.test/wor*"))
        targets.add(route(method="POST"))
        back()
        assert targets.describe() == [URL]
        assert kept.calls == [request]
        assert kept.duration_for(request) == 1_000_000_000
        assert kept.matches(to())
    assert [kept.answer(request).outcome for _ in range(2)] == [response(200)] * 2


def test_the_list_of_calls_stays_the_same_list(request_for: RequestFor) -> None:
    """A test that holds on to a target's calls sees them after winding back, too."""
    targets, one = Targets(), mount("https://app.test")
    targets.add(one)
    calls, back = one.calls, targets.snapshot()
    one.calls.append(request_for())
    back()
    assert one.calls is calls
    assert calls == []


@pytest.mark.parametrize("url", ["https://a:notaport/", "https://[bad/", "https://a.test:99999999/"])
def test_an_invalid_url_reaches_an_exact_route_and_no_mount(url: str) -> None:
    """The service parses no URL when a task is created: such a task finds its own route, and no mount breaks on it."""
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        cloud_tasks.mount("https://a.test", lambda environ, start_response: [])
        task = {"http_request": {"url": url}}
        CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
        with pytest.raises(NoTarget):
            cloud_tasks.drain()
        route = cloud_tasks.route(url)
        cloud_tasks.drain()
        assert [call.headers["Host"] for call in route.calls] == [url[len("https://") : -1]]


def test_a_mount_is_async_if_its_application_is() -> None:
    """That of ASGI is, and that of WSGI isn't."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody calls it")

    assert mount("https://app.test", asgi_app).is_async
    assert not mount("https://app.test", wsgi_app).is_async
