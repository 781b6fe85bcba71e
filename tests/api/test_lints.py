"""Lints: each fires for what it is about, with its whole text, and for nothing else."""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksLintWarning, CloudTasksWarning, FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
WORKER = "https://worker.test/do"
JSON = b'{"order": 42}'
JSON_HEADERS = {"Content-Type": "application/json"}
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def warned(call: Callable[..., object], *args: Any, **kwargs: Any) -> list[warnings.WarningMessage]:
    """The lints of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*args, **kwargs)
    assert all(one.category is CloudTasksLintWarning for one in caught)
    return caught


def told(call: Callable[..., object], *args: Any, **kwargs: Any) -> list[str]:
    """Their texts, without the sentence that every one ends with."""
    texts = []
    for one in warned(call, *args, **kwargs):
        text, _, silence = str(one.message).partition(" To silence this, add ")
        title = text.partition(":")[0]
        assert silence == f"`ignore:{title}:pytest_cloudtasks.CloudTasksLintWarning` to pytest's filterwarnings."
        texts.append(text)
    return texts


def test_lints_have_a_category_of_their_own() -> None:
    """It is one of the plugin's warnings, and is found where users look for it."""
    assert issubclass(CloudTasksLintWarning, CloudTasksWarning)
    assert f"{CloudTasksLintWarning.__module__}.{CloudTasksLintWarning.__name__}" == (
        "pytest_cloudtasks.CloudTasksLintWarning"
    )


# --- a header that does not arrive as given ----------------------------------------------------------------------


def test_a_dropped_header_is_named(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each header that the service drops or changes is named, with what happens to it."""
    headers = {"X-Google-Thing": "1", "User-Agent": "mine", "X-Line": "a\nb", "X-Own": "kept"}
    assert told(enqueue, "one", WORKER, headers=headers) == [
        "A header that does not arrive as given: In receipts/one, 'User-Agent' is replaced by Google-Cloud-Tasks;"
        " 'X-Google-Thing' is dropped: names that begin with X-Google are reserved; 'X-Line' is stored as 'a_b': each"
        " CR and LF becomes an underscore. The service accepts the task and reports nothing. Remove the header, or give"
        " it a name and a value that the service keeps."
    ]


def test_headers_that_arrive_as_given_have_no_lint(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An application's own header, whose name begins like those of the service, is stored and sent."""
    assert told(enqueue, "one", WORKER, headers={"X-CloudTasks-Projectname": "shop", "Authorization": "Bearer x"}) == []


# --- a JSON body without Content-Type ----------------------------------------------------------------------------


def test_json_without_content_type(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An object in the body of an HTTP task without the header has a warning."""
    assert told(enqueue, "one", WORKER, body=JSON) == [
        "A JSON body without Content-Type: receipts/one goes to https://worker.test/do, and the service adds no"
        " Content-Type to an HTTP task. A worker that checks it, such as Flask's request.get_json(), rejects the body."
        " Add 'Content-Type': 'application/json' to the headers of its http_request."
    ]


def test_a_json_list_without_content_type(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A list has a warning as well, with any white space after its bracket."""
    assert len(told(enqueue, "one", WORKER, body=b"[ 1 ]")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"body": JSON, "headers": JSON_HEADERS},
        {"body": JSON, "headers": {"content-type": "text/plain"}},
        {"body": b""},
        {"body": b"order=42"},
        {"body": b"{order}"},
        {"body": b"42"},
        {"url": "/jobs", "body": JSON},
    ],
    ids=str,
)
def test_other_bodies_are_fine(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, fields: dict[str, Any]) -> None:
    """A header in any case, other bodies than JSON objects and lists, and App Engine tasks, which get a type."""
    assert told(enqueue, "one", **{"url": WORKER, **fields}) == []


# --- a token over plain http -------------------------------------------------------------------------------------


def test_a_token_over_plain_http(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """An Authorization header of the application's own goes to http unprotected, which the service accepts."""
    assert told(enqueue, "one", "http://worker.test/do", headers={"authorization": "Bearer secret"}) == [
        "A token over plain http: receipts/one sends its Authorization header to http://worker.test/do, where everybody"
        " on the way can read it. The service rejects http for a task's own oidc_token and oauth_token, but does not"
        " check this one. Use https."
    ]


def test_a_token_to_an_invalid_url(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The service accepts an invalid URL, and the lint does not break."""
    (message,) = told(enqueue, "one", "http://[::1/do", headers={"authorization": "Bearer secret"})
    assert message.startswith("A token over plain http: receipts/one sends its Authorization header to http://[::1/do,")
    assert len(cloud_tasks.tasks()) == 1


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://worker.test/do", {}),
        (WORKER, {"Authorization": "Bearer secret"}),
        ("http://localhost:8080/do", {"Authorization": "Bearer secret"}),
        ("http://127.0.0.1/do", {"Authorization": "Bearer secret"}),
        ("http://[::1]:80/do", {"Authorization": "Bearer secret"}),
        ("http://worker.localhost/do", {"Authorization": "Bearer secret"}),
        ("http://127.0.0.2/do", {"Authorization": "Bearer secret"}),
        ("http://localhost./do", {"Authorization": "Bearer secret"}),
        ("http://[::ffff:127.0.0.1]/do", {"Authorization": "Bearer secret"}),
        ("/do", {"Authorization": "Bearer secret"}),
    ],
)
def test_other_tokens_are_fine(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, url: str, headers: dict[str, str]
) -> None:
    """https, this machine, App Engine, and http without a token."""
    assert told(enqueue, "one", url, headers=headers) == []


# --- unlimited attempts ------------------------------------------------------------------------------------------


def test_unlimited_attempts(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A queue that retries for ever has a warning with its first task, once."""
    cloud_tasks.create_queue("endless", retry_config={"max_attempts": -1})

    def enqueue_two() -> None:
        enqueue("one", WORKER, queue="endless")
        enqueue("two", WORKER, queue="endless")

    assert told(enqueue_two) == [
        "Unlimited attempts without a max_retry_duration: endless/one is retried until its retention of 31 d is over if"
        " it keeps failing: the retry_config of the queue has max_attempts -1 and no max_retry_duration. Set"
        " max_attempts or max_retry_duration."
    ]
    assert told(enqueue, "three", WORKER, queue="endless") == []


def test_limited_attempts_are_fine(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The default, a number of attempts, and a duration; and an endless queue without a task."""
    cloud_tasks.create_queue("endless", retry_config={"max_attempts": -1})
    cloud_tasks.create_queue("day", retry_config={"max_attempts": -1, "max_retry_duration": "86400s"})
    cloud_tasks.create_queue("few", retry_config={"max_attempts": 3})
    for queue in ("receipts", "day", "few"):
        assert told(enqueue, "one", WORKER, queue=queue) == []


# --- a task name used again --------------------------------------------------------------------------------------


def create_again(enqueue: Enqueue) -> None:
    with pytest.raises(AlreadyExists):
        enqueue("one", WORKER)


def test_a_name_used_again(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Between 1 h and 24 h after the end of its task, it is unknown whether a name is free; the fake rejects it."""
    cloud_tasks.route(WORKER)
    enqueue("one", WORKER)
    cloud_tasks.advance(hours=1)
    assert cloud_tasks.assert_dispatched().state.value == "succeeded"

    assert told(create_again, enqueue) == [
        "A task name used again: create_task() used the name receipts/one again, 1 h after its task succeeded."
        " Google's documentation says that a name is free again after 1 h, after 4 h and after 24 h, so this may work"
        " or fail with ALREADY_EXISTS. Wait 24 h, or use a new name."
    ]


@pytest.mark.cloud_tasks(service={"task_tombstone_ttl": timedelta(hours=1)})
def test_a_name_used_again_that_the_fake_accepts(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With a service option the name is free earlier, and the lint says that others differ; the latest task counts."""
    client = tasks_v2.CloudTasksClient()
    client.delete_task(name=enqueue("one", WORKER))
    cloud_tasks.advance(days=2)
    client.delete_task(name=enqueue("one", WORKER))
    cloud_tasks.advance(hours=23, minutes=59)

    (text,) = told(enqueue, "one", WORKER)
    assert text.startswith(
        "A task name used again: create_task() used the name receipts/one again, 23 h 59 min after its task was"
        " deleted."
    )


@pytest.mark.parametrize("after", [timedelta(0), timedelta(minutes=59, seconds=59)])
def test_a_name_that_is_surely_reserved_is_fine(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, after: timedelta
) -> None:
    """Within the first hour all sources agree, and the error says it all."""
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("one", WORKER))
    cloud_tasks.advance(after)
    assert told(create_again, enqueue) == []


def test_a_name_that_is_surely_free_is_fine(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """After 24 h all sources agree again; and a name whose task is alive was never free."""
    tasks_v2.CloudTasksClient().delete_task(name=enqueue("one", WORKER))
    cloud_tasks.advance(hours=24)
    assert told(enqueue, "one", WORKER) == []
    assert told(create_again, enqueue) == []


# --- once a place ------------------------------------------------------------------------------------------------


def test_each_place_has_one_warning(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The place is the line that calls the client. It has one warning, however often it is reached."""

    def orders() -> None:
        for number in range(3):
            enqueue(f"one-{number}", WORKER, body=JSON)

    (warning,) = warned(orders)
    assert warning.filename == inspect.getsourcefile(enqueue)
    lines, first = inspect.getsourcelines(enqueue)
    assert "create_task(" in lines[warning.lineno - first]


def test_other_places_have_their_own_warning(cloud_tasks: FakeCloudTasks) -> None:
    """Two lines with the same call are two places, also if they await."""
    task = {"http_request": {"url": WORKER, "body": JSON}}
    parent = cloud_tasks.queue_path("receipts")

    async def create() -> None:
        await tasks_v2.CloudTasksAsyncClient().create_task(parent=parent, task=task)

    def orders() -> None:
        tasks_v2.CloudTasksClient().create_task(parent=parent, task=task)
        tasks_v2.CloudTasksClient().create_task(parent=parent, task=task)
        asyncio.run(create())

    caught = warned(orders)
    assert {one.filename for one in caught} == {__file__}
    assert len({one.lineno for one in caught}) == len(caught) == 3


def test_a_call_without_a_line_of_the_application_has_a_warning(cloud_tasks: FakeCloudTasks) -> None:
    """A client's method that is itself a thread's target has no line of the application; the lint still warns."""
    client = tasks_v2.CloudTasksClient()
    task = {"http_request": {"url": WORKER, "body": JSON}}
    call = threading.Thread(
        target=client.create_task, kwargs={"parent": cloud_tasks.queue_path("receipts"), "task": task}
    )

    def in_a_thread() -> None:
        call.start()
        call.join()

    assert len(told(in_a_thread)) == 1


def test_an_error_is_not_swallowed(enqueue: Enqueue) -> None:
    """Where warnings are errors, the call fails past `except Exception`, naming the place, and so does the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CloudTasksLintWarning)
        with (
            pytest.raises(AssertionError) as after,
            FakeCloudTasks(queues=["receipts"]),
            pytest.raises(pytest.fail.Exception) as caught,
        ):
            enqueue("one", WORKER, body=JSON)

    assert str(caught.value) == str(after.value)
    path, _, text = str(caught.value).partition(": ")
    assert path.startswith(f"{inspect.getsourcefile(enqueue)}:")
    assert text.startswith("A JSON body without Content-Type: receipts/one goes to")


def test_a_body_nested_too_deep_has_no_warning(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Reading it would fail whatever the header says, so there is no warning, and the call succeeds."""
    assert told(enqueue, "one", WORKER, body=b"[" * 90_000) == []
