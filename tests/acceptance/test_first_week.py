"""What newcomers stumble over."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import flask
import pytest
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, NoTarget

QUEUE = "projects/test-project/locations/us-central1/queues/work"
pytestmark = pytest.mark.cloud_tasks(queues=["work"])


def enqueue(at: datetime | None = None, **request: Any) -> None:
    task: dict[str, Any] = {"http_request": {"url": "https://w.test/x", **request}}
    if at is not None:
        task["schedule_time"] = at
    CloudTasksClient().create_task(parent=QUEUE, task=task)


def test_a_time_that_the_application_read_before_its_first_call_is_exact(cloud_tasks: FakeCloudTasks) -> None:
    """A task for now is due now, and one for later neither earlier nor later."""
    enqueue(datetime.now(timezone.utc))
    enqueue(datetime.now(timezone.utc) + timedelta(hours=3))
    assert time.time_ns() % 1_000_000_000 == 0
    route = cloud_tasks.route("https://w.test/x")
    cloud_tasks.dispatch_due()
    assert len(route.calls) == 1
    cloud_tasks.advance(hours=3)
    assert len(route.calls) == 2


def test_urls_beyond_ascii_reach_wsgi(cloud_tasks: FakeCloudTasks) -> None:
    """A query outside of ASCII arrives as UTF-8, as it would over the wire; such a header is dropped, as recorded."""
    app = flask.Flask("shop")
    seen = []

    @app.post("/ü")
    def work() -> str:
        seen.append((flask.request.args["n"], flask.request.headers.get("X-Name")))
        return ""

    cloud_tasks.mount("https://w.test", app)
    enqueue(url="https://w.test/ü?n=日本", headers={"X-Name": "日本"})
    cloud_tasks.drain()
    assert seen == [("日本", None)]


def test_urls_beyond_ascii_reach_asgi(cloud_tasks: FakeCloudTasks) -> None:
    """The scope has the raw path and the query percent-encoded; a header outside of ASCII is dropped."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            seen.append((scope["path"], scope["raw_path"], scope["query_string"], headers.get(b"x-name")))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    cloud_tasks.mount("https://w.test", app)
    enqueue(url="https://w.test/ü?n=ü%20", headers={"X-Name": "日本"})
    cloud_tasks.drain()
    assert seen == [("/ü", b"/%C3%BC", b"n=%C3%BC%20", None)]


def test_a_mistake_of_the_test_is_never_a_retry(cloud_tasks: FakeCloudTasks) -> None:
    """A handler's nonsense result fails the test although its exceptions are retried."""
    cloud_tasks.route("https://w.test/x", handler=lambda request: "nonsense", on_exception="500")
    enqueue()
    with pytest.raises(TypeError) as refusal:
        cloud_tasks.drain()
    assert str(refusal.value) == (
        "A handler returned 'nonsense', which is not an answer. Return None (for 200), an HTTP status such as 503, a"
        " pair of status and headers, or an object whose status_code is one."
    )


def test_a_status_that_http_has_not_is_never_a_retry(cloud_tasks: FakeCloudTasks) -> None:
    """A number out of range fails the test although the handler's exceptions are retried."""
    cloud_tasks.route("https://w.test/x", handler=lambda request: 700, on_exception="500")
    enqueue()
    with pytest.raises(ValueError) as refusal:
        cloud_tasks.drain()
    assert str(refusal.value) == "700 is not an HTTP status. Use a number from 100 to 599."


def test_a_header_that_http_has_not_is_never_a_retry(cloud_tasks: FakeCloudTasks) -> None:
    """A header that no server could send fails the test although the handler's exceptions are retried."""
    cloud_tasks.route("https://w.test/x", handler=lambda request: (302, {"Location": None}), on_exception="500")
    enqueue()
    with pytest.raises(ValueError) as refusal:
        cloud_tasks.drain()
    assert str(refusal.value) == (
        "An answer has the header 'Location' with the value None, which HTTP can't have. Use a text of one line, or a"
        " whole number."
    )


def test_a_handler_that_raises_stop_iteration_is_reported(cloud_tasks: FakeCloudTasks) -> None:
    """It comes out as the cause of a RuntimeError that names it."""
    cloud_tasks.route("https://w.test/x", handler=lambda request: next(iter([])))
    enqueue()
    with pytest.raises(RuntimeError, match=r"^A handler raised StopIteration, which is") as failure:
        cloud_tasks.drain()
    assert isinstance(failure.value.__cause__, StopIteration)


def test_wrong_arguments_of_targets(cloud_tasks: FakeCloudTasks) -> None:
    """A list of statuses, a text for an exception and an application that can't be called are rejected at once."""
    route = cloud_tasks.route("https://w.test/x")
    with pytest.raises(TypeError) as refusal:
        route.returns([503, 200])  # type: ignore[arg-type]
    assert str(refusal.value) == ("[503, 200] is not an HTTP status, such as 503. Write returns(503, 200).")
    with pytest.raises(TypeError) as refusal:
        route.raises("boom")  # type: ignore[arg-type]
    assert str(refusal.value) == "raises() takes an exception, such as TimeoutError, but got 'boom'."
    with pytest.raises(TypeError) as refusal:
        cloud_tasks.mount("https://w.test", "shop:app")  # type: ignore[arg-type]
    assert str(refusal.value) == (
        "mount() takes a WSGI or an ASGI application, but got 'shop:app', which can't be called. Pass the"
        " application itself, not a client, a module or its name."
    )
    enqueue()
    assert cloud_tasks.drain().succeeded == 1


def test_wrong_arguments_of_driving_methods_and_assertions(cloud_tasks: FakeCloudTasks) -> None:
    """A limit of nothing, and what is no task and no list of results, are rejected in a sentence."""
    enqueue()
    with pytest.raises(ValueError) as refusal:
        cloud_tasks.drain(limit=0)
    assert str(refusal.value) == "drain(limit=…) takes a number of attempts of 1 or more, but got 0."
    with pytest.raises(TypeError) as wrong:
        cloud_tasks.assert_attempts(42, [200])  # type: ignore[arg-type]
    assert str(wrong.value) == (
        "assert_attempts() takes a TaskRecord, a Task message, or a task's ID or full name, and a list such as [503,"
        " 200], but got 42 and [200]."
    )


def test_wrong_arguments_of_task_request(cloud_tasks: FakeCloudTasks) -> None:
    """Two bodies, a text for a body, and a previous response of a first attempt are rejected in a sentence."""
    for given, message in (
        ({"json": {}, "body": b"x"}, "task_request() takes json=… or body=…, not both."),
        (
            {"body": "text"},
            "task_request(body=…) takes bytes, but got 'text'. To send JSON, pass json=….",
        ),
        ({"retry_count": -1}, "retry_count is the number of failures so far, zero or more, but got -1."),
        (
            {"previous_response": 503},
            "previous_response=503 needs a retry_count of 1 or more: a first attempt has no previous response.",
        ),
    ):
        with pytest.raises((TypeError, ValueError)) as refusal:
            cloud_tasks.task_request(**given)  # type: ignore[arg-type]
        assert str(refusal.value) == message


def test_a_negative_assertion_with_an_impossible_value_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """A misspelt method or token field is rejected, because a negative assertion with it would always pass."""
    with pytest.raises(ValueError) as refusal:
        cloud_tasks.assert_not_enqueued(method="PSOT")
    assert str(refusal.value) == (
        "method='PSOT' is not a method of tasks. Did you mean 'POST'? They are POST, GET, HEAD, PUT, DELETE, PATCH and"
        " OPTIONS."
    )
    with pytest.raises(ValueError) as refusal:
        cloud_tasks.assert_not_enqueued(oidc={"service_account": "a@example.com"})
    assert str(refusal.value) == (
        "oidc has no field 'service_account'. Did you mean 'service_account_email'? Its fields are"
        " service_account_email and audience."
    )
    cloud_tasks.assert_not_enqueued(method="post", oidc={"audience": "https://w.test"})


def test_a_predicate_may_meet_tasks_of_another_shape(cloud_tasks: FakeCloudTasks) -> None:
    """One that raises for a task does not match it; in a message it goes by its name."""
    enqueue(body=b'{"kind": "a"}')
    enqueue(body=b'{"other": 1}')
    cloud_tasks.assert_enqueued(json=lambda body: body["kind"] == "a")
    with pytest.raises(AssertionError) as failure:
        cloud_tasks.assert_enqueued(json=lambda body: body["kind"] == "b")
    assert "json: a predicate, test_a_predicate_may_meet_tasks_of_another_shape.<locals>.<lambda>" in str(failure.value)


def test_a_missing_target_has_a_hint_about_the_query(cloud_tasks: FakeCloudTasks) -> None:
    """The hint names a route without the task's query string as the reason."""
    cloud_tasks.route("https://w.test/x")
    enqueue(url="https://w.test/x?a=1")
    with pytest.raises(NoTarget, match=r" The query string counts: a route for 'https://w.test/x\*' matches any."):
        cloud_tasks.drain()


def test_a_swallowed_failure_is_shown_with_the_tests_own(pytester: pytest.Pytester) -> None:
    """A test that fails by itself also shows what a handler in eager dispatch raised before."""
    pytester.makepyfile(
        """
        import pytest
        from google.cloud import tasks_v2

        @pytest.mark.cloud_tasks(eager=True, queues=["work"])
        def test_it(cloud_tasks):
            def handler(request):
                raise ValueError("boom")
            cloud_tasks.route("https://w.test/x", handler=handler)
            task = {"http_request": {"url": "https://w.test/x"}}
            tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
            assert False
        """
    )
    result = pytester.runpytest("-p", "no:randomly", "-p", "no:asyncio", "-p", "no:anyio", "-p", "no:django")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Cloud Tasks failures before*", "The handler of *raised:", "ValueError: boom"])
