"""What a failure says about the likeliest mistake, word for word."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from flask import Blueprint, Flask
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks, NoTarget
from pytest_cloudtasks._api.fake import simulation_of
from pytest_cloudtasks._diagnostics.hints import HINTS, MOST, Situation, hints

Enqueue = Callable[..., str]
START = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
URL = "https://mailer.test/send"
ADVICE = "Google's client decodes a text body as Base64. Pass bytes, such as json.dumps(…).encode()."
DRIVE = (
    "but the queue has not been driven since. Call cloud_tasks.drain() or cloud_tasks.dispatch_due(); in async code,"
    " `await` those of cloud_tasks.aio."
)
NO_CALL = "No client has called this fake."
JSON = {"Content-Type": "application/json"}
pytestmark = [
    pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"]),
    pytest.mark.filterwarnings("ignore::pytest_cloudtasks.CloudTasksLintWarning"),
]


def hints_of(call: Callable[..., object], *arguments: Any, **keywords: Any) -> list[str]:
    """What an assertion says below its timeline."""
    with pytest.raises(CloudTasksAssertionError) as caught:
        call(*arguments, **keywords)
    _, _, below = str(caught.value).partition("\n\nTimeline:\n")
    return below.split("\n\n")[1:]


def hints_of_a_plain_assertion(cloud_tasks: FakeCloudTasks, error: BaseException | None = None) -> list[str]:
    """What a failure of the test's own says."""
    simulation = simulation_of(cloud_tasks)
    return hints(
        Situation(
            simulation.history,
            simulation.service,
            simulation.clock,
            simulation.targets,
            error=AssertionError() if error is None else error,
            failures=simulation.failures.messages,
        )
    )


# --- in a block of background() --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (
            None,
            "1 task is due, and background() dispatches due tasks by itself. Wait for that with timeout=…, or longer.",
        ),
        (
            ValueError("in a handler\nof the test"),
            "background() dispatches no more tasks in this block, because of an error: ValueError: in a handler",
        ),
    ],
)
def test_driving_methods_are_no_advice_within_background(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, failure: BaseException | None, hint: str
) -> None:
    """They are errors there. What has ended the dispatching is the cause of what is missing."""
    enqueue("one")
    simulation = simulation_of(cloud_tasks)
    parts = simulation.history, simulation.service, simulation.clock, simulation.targets
    situation = Situation(*parts, "dispatched", is_background=True, background_failure=failure)
    assert hints(situation) == [hint]


# --- a body that was a text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (json.dumps({"order": 42}), {"json": {"order": 42}}),
        (json.dumps({"order": 42}, separators=(",", ":")), {"json": {"order": 42}}),
        ("order 42", {"body": "order 42"}),
    ],
)
def test_the_expected_text_was_given_for_bytes(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, body: Any, expected: dict[str, Any]
) -> None:
    """Whatever its punctuation, and whatever its Content-Type: what came of it is what Base64 makes of it."""
    enqueue("one", body=body)
    assert hints_of(cloud_tasks.assert_enqueued, **expected) == [
        f"The body of receipts/one is the expected text, decoded as Base64. {ADVICE}"
    ]


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("application/json", b"k", "is no JSON"),
        ("application/problem+json; charset=utf-8", b"\xff", "is no JSON"),
        ("text/plain", b"\xff\x00", "is no text"),
        ("application/x-www-form-urlencoded", b"\x00", "is no text"),
    ],
)
def test_a_body_is_not_what_its_content_type_says(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, kind: str, body: bytes, what: str
) -> None:
    """Also where the expected one is another, and in a failure of the test's own."""
    enqueue("one", headers={"Content-Type": kind}, body=body)
    text = f"The body of receipts/one {what}, though its Content-Type is {kind}: {body!r}. {ADVICE}"
    assert hints_of(cloud_tasks.assert_enqueued, json={"order": 1}) == [text]
    assert hints_of(cloud_tasks.assert_enqueued, url="https://elsewhere.test/") == []
    assert hints_of_a_plain_assertion(cloud_tasks) == [text, f"1 task is due, {DRIVE}"]


@pytest.mark.parametrize("body", [b'{"a": 1}', "é\n".encode(), b""])
def test_what_may_be_there_is_not_doubted(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, body: bytes) -> None:
    """Texts, JSON, nothing; and bytes of a type that may be anything."""
    kind = JSON if body.startswith(b"{") else {"Content-Type": "text/plain"}
    enqueue("one", headers=kind, body=body)
    enqueue("two", headers={"Content-Type": "application/octet-stream"}, body=b"\xff")
    enqueue("three", body=b"\xff")
    assert hints_of(cloud_tasks.assert_enqueued, json={"order": 1}) == []


def test_a_text_that_is_not_base64_is_an_error_of_googles(cloud_tasks: FakeCloudTasks) -> None:
    """The error names neither the field nor what to do."""
    with pytest.raises(ValueError, match="base64") as caught:
        tasks_v2.HttpRequest(url=URL, body="order")
    assert hints_of_a_plain_assertion(cloud_tasks, caught.value) == [
        f"A bytes field got a text that is not Base64. {ADVICE}"
    ]


# --- no call ---------------------------------------------------------------------------------------------------------


def test_no_client_has_called(cloud_tasks: FakeCloudTasks) -> None:
    """An assertion that expects something says so, and so does a failed test that has prepared a target."""
    text = f"{NO_CALL} Check that the code which enqueues ran, in this process and without a mock."
    assert hints_of(cloud_tasks.assert_enqueued) == [text]
    assert hints_of(cloud_tasks.assert_dispatched, queue="receipts", count=None) == [text]
    assert hints_of_a_plain_assertion(cloud_tasks) == []
    cloud_tasks.route(URL)
    assert hints_of_a_plain_assertion(cloud_tasks) == [text]
    assert hints_of_a_plain_assertion(cloud_tasks, KeyError("of the application's")) == []


def test_a_mock_of_an_earlier_test_has_taken_the_call(cloud_tasks: FakeCloudTasks) -> None:
    """The client was built while its class was patched, and is cached."""

    @functools.cache
    def client() -> Any:
        return tasks_v2.CloudTasksClient()

    with mock.patch.object(tasks_v2, "CloudTasksClient"):
        client()
    client().create_task(parent=cloud_tasks.queue_path("receipts"), task={})
    assert hints_of(cloud_tasks.assert_enqueued) == [
        f"{NO_CALL} <MagicMock name='CloudTasksClient()'> received create_task(), in this test or an earlier one. If"
        " the code has got it from a patch, a cache or a module, remove the patch, and clear the cache. Otherwise check"
        " that the code which enqueues ran, and that it ran in this process."
    ]


def test_a_failure_was_kept_for_the_end(cloud_tasks: FakeCloudTasks) -> None:
    """Such as a call without ``await``. It is likelier than a mock, and has a section of its own elsewhere."""
    earlier = mock.MagicMock()
    earlier.create_task()
    failures = simulation_of(cloud_tasks).failures.messages
    failures.append("create_task() was called without `await`.")
    assert hints_of(cloud_tasks.assert_enqueued) == [f"{NO_CALL} create_task() was called without `await`."]
    cloud_tasks.route(URL)
    assert hints_of_a_plain_assertion(cloud_tasks) == []
    failures.clear()
    (hint,) = hints_of(cloud_tasks.assert_enqueued)
    assert hint.startswith(f"{NO_CALL} <MagicMock> received create_task(), in this test or an earlier one.")


def test_the_calls_went_to_another_fake(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A block within the test gets them."""
    with FakeCloudTasks(queues=["receipts"]) as inner:
        enqueue("one")
        assert hints_of(cloud_tasks.assert_enqueued) == [
            f"{NO_CALL} The calls went to another fake, because the innermost fake receives them. Assert on that of"
            " `with FakeCloudTasks() as …`, or don't open it."
        ]
        inner.assert_enqueued()
    assert hints_of(cloud_tasks.assert_enqueued) == [
        f"{NO_CALL} The calls went to a fake that has ended since: while `with FakeCloudTasks() as …` lasts, it"
        " receives them. Assert on that one, or don't open it."
    ]


# --- nothing has driven ----------------------------------------------------------------------------------------------


def test_tasks_are_due_and_nothing_has_driven_the_queue(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Assertions on attempts and states say so, and those of the test's own; one that a task was enqueued does not."""
    cloud_tasks.route(URL)
    task = enqueue("one")
    assert hints_of(cloud_tasks.assert_dispatched) == [f"1 task is due, {DRIVE}"]
    assert hints_of(cloud_tasks.assert_attempts, task, [200]) == [f"1 task is due, {DRIVE}"]
    assert hints_of(cloud_tasks.assert_exhausted, task) == [f"1 task is due, {DRIVE}"]
    assert hints_of_a_plain_assertion(cloud_tasks) == [f"1 task is due, {DRIVE}"]
    assert hints_of(cloud_tasks.assert_enqueued, json={}) == []
    enqueue("two")
    assert hints_of_a_plain_assertion(cloud_tasks) == [f"2 tasks are due, {DRIVE}"]
    cloud_tasks.dispatch_due()
    assert hints_of_a_plain_assertion(cloud_tasks) == []


def test_a_queue_that_was_driven_in_vain_was_driven(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """drain() found no target for the task, which is due still."""
    enqueue("one")
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.drain()
    assert hints_of_a_plain_assertion(cloud_tasks, failure.value) == []


def test_a_task_waits_for_its_time(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """dispatch_due() does not get there; what is paused, nothing does."""
    cloud_tasks.route(URL)
    enqueue("later", schedule_time=START + timedelta(hours=1))
    enqueue("latest", schedule_time=START + timedelta(hours=2))
    cloud_tasks.dispatch_due()
    assert hints_of(cloud_tasks.assert_dispatched) == [
        "receipts/later waits until +1:00:00, and it is +0:00:00 now. Call cloud_tasks.drain() or"
        " cloud_tasks.advance(…)."
    ]
    tasks_v2.CloudTasksClient().pause_queue(name=cloud_tasks.queue_path("receipts"))
    assert hints_of(cloud_tasks.assert_dispatched) == []


# --- routes, several matches, headers, times -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "limit", "shown", "only"),
    [
        (URL, {"method": "GET"}, URL, "method GET"),
        ("https://mailer.test/*", {"queue": "reports"}, "https://mailer.test/*", "queue reports"),
        (re.compile("send"), {"method": "PUT"}, "re.compile('send')", "method PUT"),
    ],
)
def test_a_route_has_the_url_and_another_method_or_queue(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, url: Any, limit: dict[str, str], shown: str, only: str
) -> None:
    """A mount behind it may have taken the task."""
    cloud_tasks.route("https://*")
    cloud_tasks.route(url, **limit)  # type: ignore[arg-type]
    enqueue("one")
    cloud_tasks.drain()
    assert hints_of_a_plain_assertion(cloud_tasks) == [
        f"A route matches {shown}, but only for {only}. The task receipts/one is POST {URL}."
    ]


def test_what_differs_between_two_matches(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Down into the body; of more than two the first two are compared."""
    enqueue("one", headers=JSON, body=b'{"order": 1, "to": "a"}')
    enqueue("two", headers=JSON, body=b'{"order": 2, "to": "a"}', http_method="PUT")
    assert hints_of(cloud_tasks.assert_enqueued) == [
        "The two differ in method ('POST' and 'PUT') and json.order (1 and 2). Match one of these fields, or pass"
        " count=."
    ]
    enqueue("three")
    assert hints_of(cloud_tasks.assert_enqueued) == [
        "The first two differ in method ('POST' and 'PUT') and json.order (1 and 2). Match one of these fields, or pass"
        " count=."
    ]
    assert hints_of(cloud_tasks.assert_enqueued, count=2) == []


def test_two_matches_that_are_the_same(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A retry of the application's has enqueued twice, perhaps."""
    enqueue("one")
    enqueue("two")
    assert hints_of(cloud_tasks.assert_enqueued) == [
        "The two differ only in their names: the code enqueued the same task twice. Name the task so that the service"
        " rejects the second one, or pass count=."
    ]


def test_an_expected_header_is_dropped(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Only what was expected is named; in a failure of the test's own everything is."""
    enqueue("one", headers={"X-Google-Thing": "1", "Host": "elsewhere.test"})
    (text,) = hints_of(cloud_tasks.assert_enqueued, headers={"x-google-thing": "1"})
    assert text == "In receipts/one, 'X-Google-Thing' is dropped: names that begin with X-Google are reserved."
    assert hints_of(cloud_tasks.assert_enqueued, headers={"X-Other": "1"}) == []
    assert hints_of(cloud_tasks.assert_enqueued, url="https://elsewhere.test/") == []
    _, text = hints_of_a_plain_assertion(cloud_tasks)
    assert text == (
        "In receipts/one, 'Host' is dropped: the service sends its own; 'X-Google-Thing' is dropped: names that begin"
        " with X-Google are reserved."
    )


@pytest.mark.parametrize(
    ("late", "text"),
    [
        (timedelta(minutes=5), None),
        (timedelta(hours=5, minutes=30), "5 h 30 min"),
    ],
)
def test_a_schedule_time_lies_hours_in_the_past(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, late: timedelta, text: str | None
) -> None:
    """The service takes it for due at once; a few minutes may be on purpose."""
    enqueue("one", schedule_time=START - late)
    expected = [
        f"The schedule time of receipts/one is {text} before its creation, so it was due at once. It may be a local"
        " time without a time zone: use datetime.now(timezone.utc)."
    ]
    assert hints_of(cloud_tasks.assert_enqueued, delay="1h") == (expected if text else [])
    assert hints_of(cloud_tasks.assert_enqueued, url="https://elsewhere.test/") == []
    assert hints_of_a_plain_assertion(cloud_tasks)[1:] == (expected if text else [])


def test_a_failure_has_few_hints(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The likeliest ones."""
    cloud_tasks.route(URL, method="GET")
    enqueue("one", headers={**JSON, "X-Google-Thing": "1"}, body=b"k", schedule_time=START - timedelta(hours=5))
    found = hints_of_a_plain_assertion(cloud_tasks)
    assert [text.split(",")[0] for text in found] == [
        "The body of receipts/one is no JSON",
        "1 task is due",
        "A route matches https://mailer.test/send",
    ]
    assert len(found) == MOST < len(tuple(HINTS))


def test_json_was_given_as_a_text(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The keyword takes a value; a text that is no JSON of an object may be meant as it is."""
    enqueue("one", body=b'{"order": 42}', headers=JSON)
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_enqueued(json='{"order": 42}')
    hint = "json= compares with the decoded body, but got a JSON text. Pass the value: json={'order': 42}."
    assert str(caught.value).endswith(hint)
    for other in ("order", '"order"', "42"):
        with pytest.raises(CloudTasksAssertionError) as caught:
            cloud_tasks.assert_enqueued(json=other)
        assert "json= compares" not in str(caught.value)


def test_attempts_that_ended_otherwise_need_no_driving(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Only where attempts are missing is the waiting task a hint."""
    cloud_tasks.route(URL).returns(404)
    enqueue("one")
    cloud_tasks.dispatch_due()
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_attempts("one", [200])
    assert "drain()" not in str(caught.value)
    with pytest.raises(CloudTasksAssertionError) as caught:
        cloud_tasks.assert_attempts("one", [404, 200])
    assert str(caught.value).endswith("now. Call cloud_tasks.drain() or cloud_tasks.advance(…).")


def test_a_route_for_another_method_is_named_once(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The error about a task without a target says it by itself."""
    cloud_tasks.route(URL, method="PUT")
    enqueue("one")
    with pytest.raises(NoTarget) as caught:
        cloud_tasks.drain()
    assert f"A route matches {URL}, but only for method PUT." in str(caught.value)
    simulation = simulation_of(cloud_tasks)
    parts = simulation.history, simulation.service, simulation.clock, simulation.targets
    assert hints(Situation(*parts, error=caught.value)) == []


@pytest.mark.parametrize(("redirect", "method"), [(301, "GET"), (308, "POST")])
def test_a_redirect_lost_the_body(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, redirect: int, method: str) -> None:
    """Frameworks redirect to the URL with a slash; a 308 keeps the request, and so does a success."""
    cloud_tasks.route(URL).returns((redirect, {"Location": f"{URL}/"}))
    route = cloud_tasks.route(f"{URL}/").returns(405, 200)
    enqueue("one")
    cloud_tasks.dispatch_due()
    text = (
        f"POST {URL} was redirected to {URL}/, as a GET without a body. Give the task the final URL; in Django, that is"
        " often a slash at the end."
    )
    told = [] if method == "POST" else [text]
    assert route.calls[0].method == method
    assert hints_of(cloud_tasks.assert_attempts, "one", [200]) == told
    assert text not in hints_of(cloud_tasks.assert_enqueued, count=2)


def test_a_dispatched_task_was_enqueued(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Who wants to know whether a task is left has another assertion. A task that waits needs no word."""
    cloud_tasks.route(URL)
    enqueue("one")
    assert hints_of(cloud_tasks.assert_nothing_enqueued) == []
    cloud_tasks.drain()
    text = (
        "The assertion counts every task of the test, also one that has been dispatched. To check that no task is left,"
        " call cloud_tasks.assert_empty()."
    )
    assert hints_of(cloud_tasks.assert_nothing_enqueued) == [text]
    assert hints_of(cloud_tasks.assert_not_enqueued, queue="receipts") == [text]
    assert hints_of(cloud_tasks.assert_enqueued, count=2) == []


def test_callbacks_wait_while_a_test_counts_tasks(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has prepared no target, but used the fake. Once a client has called, the failure is about something else."""
    monkeypatch.setattr("pytest_cloudtasks._diagnostics.django_database.waiting_callbacks", lambda: 1)
    assert cloud_tasks.tasks() == []
    (text,) = hints_of_a_plain_assertion(cloud_tasks)
    assert text.startswith("1 on_commit callback of Django has not run:")
    assert hints_of_a_plain_assertion(cloud_tasks, KeyError("of the application's")) == []
    enqueue("one")
    assert hints_of_a_plain_assertion(cloud_tasks) == [f"1 task is due, {DRIVE}"]


# --- paths that an application lacks ---------------------------------------------------------------------------------


def fastapi_app() -> Any:
    app = FastAPI()

    @app.post("/send/{number}")
    def send(number: int) -> None: ...

    @app.post("/reports")
    def report() -> None: ...

    return app


def flask_app() -> Any:
    app = Flask("mailer")

    @app.post("/send/<number>")
    def send(number: str) -> tuple[str, int]:
        return "no such order", 404

    @app.post("/reports")
    def report() -> str:
        return ""

    return app


APPS = pytest.mark.parametrize("make", [fastapi_app, flask_app])


def seems(status: int, app: Any, what: str, each: str = "Each attempt") -> str:
    """The hint about the task ``one``."""
    name = getattr(app, "name", None) or type(app).__name__
    return (
        f"{each} of receipts/one was answered {status}: https://mailer.test (mounted {name}) seems to have no route for"
        f" {what}"
    )


@APPS
@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/sned/42", " Did you mean '/send/42'?"),
        ("/reprots?x=1", " Did you mean '/reports'?"),
        ("", ""),
        ("/sent/by/42", ""),
    ],
)
def test_an_application_lacks_the_path(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, make: Callable[[], Any], path: str, meant: str
) -> None:
    """The hint names the path and the nearest one of the application."""
    app = make()
    cloud_tasks.mount("https://mailer.test", app)
    enqueue("one", url=f"https://mailer.test{path}")
    cloud_tasks.drain()
    lacking = path.partition("?")[0] or "/"
    expected = seems(404, app, f"the path {lacking!r}.{meant}")
    assert hints_of(cloud_tasks.assert_attempts, "one", [200]) == [expected]
    assert hints_of_a_plain_assertion(cloud_tasks) == [expected]


@APPS
def test_an_application_lacks_the_method(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, make: Callable[[], Any]
) -> None:
    """One attempt is enough."""
    app = make()
    cloud_tasks.mount("https://mailer.test", app)
    enqueue("one", url="https://mailer.test/reports", http_method="PUT")
    cloud_tasks.dispatch_due()
    assert hints_of(cloud_tasks.assert_attempts, "one", [200]) == [
        seems(405, app, "the method PUT at '/reports'.", "The attempt")
    ]


def fastapi_that_finds_nothing() -> Any:
    """An application whose handlers answer 404, or 405."""
    app, included, mounted = FastAPI(), APIRouter(prefix="/included"), FastAPI()

    def lacks(number: str = "") -> None:
        raise HTTPException(404)

    def refuses() -> None:
        raise HTTPException(405)

    for router, path in ((app, "/files/{number:path}"), (included, "/{number}"), (mounted, "/{number}")):
        router.post(path)(lacks)
    app.post("/refused")(refuses)
    app.include_router(included)
    app.mount("/mounted", mounted)
    return app


def flask_that_finds_nothing() -> Any:
    """An application whose handlers answer 404, or 405."""
    app, included = Flask("mailer"), Blueprint("included", "included", url_prefix="/included")
    app.post("/files/<path:number>")(lambda number: ("", 404))
    included.post("/<number>")(lambda number: ("", 404))
    app.register_blueprint(included)
    app.post("/refused", endpoint="refuses")(lambda: ("", 405))
    return app


@pytest.mark.parametrize(
    ("make", "paths"),
    [
        (
            fastapi_that_finds_nothing,
            ["/files/a/b", "/included/42", "/mounted/42", "/refused"],
        ),
        (flask_that_finds_nothing, ["/files/a/b", "/included/42", "/refused"]),
    ],
)
def test_a_handler_has_answered(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, make: Callable[[], Any], paths: list[str]
) -> None:
    """The framework's own routing says so, and for 405 the header that it would have added."""
    cloud_tasks.mount("https://mailer.test", make())
    for number, path in enumerate(paths):
        enqueue(str(number), url=f"https://mailer.test{path}")
    cloud_tasks.dispatch_due()
    assert [
        hint for number in range(len(paths)) for hint in hints_of(cloud_tasks.assert_attempts, str(number), [200])
    ] == []


@pytest.mark.parametrize(
    ("path", "meant"), [("/mounted/4/5", ""), ("/mouted/42", " Did you mean '/mounted/42'?"), ("/mounted", "")]
)
def test_a_mounted_application_has_routes_below_its_path(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, path: str, meant: str
) -> None:
    """Its own path is none."""
    app = fastapi_that_finds_nothing()
    cloud_tasks.mount("https://mailer.test", app)
    enqueue("one", url=f"https://mailer.test{path}")
    cloud_tasks.dispatch_due()
    assert hints_of(cloud_tasks.assert_attempts, "one", [200]) == [
        seems(404, app, f"the path {path!r}.{meant}", "The attempt")
    ]


def test_an_assertion_about_a_task_explains_that_task(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Not another one, which may be meant to fail."""
    cloud_tasks.mount("https://mailer.test", flask_app())
    cloud_tasks.route("https://mailer.test/broken").returns(500)
    enqueue("one", url="https://mailer.test/sned/42")
    enqueue("two", url="https://mailer.test/broken")
    cloud_tasks.dispatch_due()
    assert hints_of(cloud_tasks.assert_attempts, "two", [200]) == []


def test_a_handler_of_an_unknown_framework_may_have_answered(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It doesn't say which paths it has."""

    class Wrapped:
        def __init__(self, app: Any) -> None:
            self._inner = app

        def __call__(self, environ: Any, start_response: Any) -> Any:
            return self._inner(environ, start_response)

    app = Wrapped(flask_app())
    cloud_tasks.mount("https://mailer.test", app)
    enqueue("one", url="https://mailer.test/send/43")
    cloud_tasks.dispatch_due()
    assert hints_of(cloud_tasks.assert_attempts, "one", [200]) == [
        seems(404, app, "the path '/send/43', unless the handler itself gave this answer.", "The attempt")
    ]


def test_a_handlers_own_404_needs_no_route(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The application has a route for the path, it is a function, or the test has scripted the answer."""
    cloud_tasks.mount("https://mailer.test", flask_app())
    cloud_tasks.mount("https://function.test", lambda request: ("no such order", 404))
    cloud_tasks.route("https://scripted.test/").returns(404)
    enqueue("one", url="https://mailer.test/send/43")
    enqueue("two", url="https://scripted.test/")
    enqueue("three", url="https://function.test/")
    cloud_tasks.dispatch_due()
    assert hints_of(cloud_tasks.assert_attempts, "one", [200]) == []
