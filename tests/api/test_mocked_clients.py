"""What failed assertions say when the test has patched Google's client, so that its calls go elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from google.cloud import tasks_v2, tasks_v2beta2

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks
from pytest_cloudtasks._clients.mocked_names import mocked_names
from tests.each import each

Enqueue = Callable[..., str]
Patch = Callable[[], AbstractContextManager[Any]]
CLIENT = "google.cloud.tasks_v2.CloudTasksClient"
TIMELINE = "Timeline:\n  +0:00:00  queue receipts created"
pytestmark = pytest.mark.cloud_tasks(start=datetime(2030, 1, 1, tzinfo=timezone.utc), queues=["receipts"])
PATCHES: dict[str, tuple[Patch, str]] = {
    "the class": (lambda: mock.patch(CLIENT), CLIENT),
    "the class, with autospec": (lambda: mock.patch(CLIENT, autospec=True), CLIENT),
    "the class, by an object": (
        lambda: mock.patch.object(tasks_v2, "CloudTasksClient", mock.NonCallableMock()),
        CLIENT,
    ),
    "the async class": (
        lambda: mock.patch.object(tasks_v2, "CloudTasksAsyncClient"),
        "google.cloud.tasks_v2.CloudTasksAsyncClient",
    ),
    "a beta's class": (
        lambda: mock.patch.object(tasks_v2beta2, "CloudTasksClient"),
        "google.cloud.tasks_v2beta2.CloudTasksClient",
    ),
    "a method": (lambda: mock.patch.object(tasks_v2.CloudTasksClient, "create_task"), f"{CLIENT}.create_task"),
    "a method, with autospec": (
        lambda: mock.patch.object(tasks_v2.CloudTasksClient, "create_task", autospec=True),
        f"{CLIENT}.create_task",
    ),
    "a coroutine method": (
        lambda: mock.patch.object(tasks_v2.CloudTasksAsyncClient, "create_task"),
        "google.cloud.tasks_v2.CloudTasksAsyncClient.create_task",
    ),
    "the module": (
        lambda: mock.patch.dict(sys.modules, {"google.cloud.tasks_v2": mock.MagicMock()}),
        "google.cloud.tasks_v2",
    ),
}


def message_of(call: Callable[..., object], **arguments: Any) -> str:
    with pytest.raises(CloudTasksAssertionError) as caught:
        call(**arguments)
    return str(caught.value)


@each("case", PATCHES)
def test_a_name_that_is_patched_is_found(case: str) -> None:
    """Classes, their methods and modules, whichever way they are patched, as long as they are."""
    patch, name = PATCHES[case]
    with patch():
        assert mocked_names() == [name]
    assert mocked_names() == []


def test_other_replacements_are_not_taken_for_mocks() -> None:
    """A class of the test's own, or a method that it has wrapped, may still call the fake."""

    class Client(tasks_v2.CloudTasksClient):
        pass

    def create_task(*arguments: object) -> None:
        return None

    with (
        mock.patch.object(tasks_v2, "CloudTasksClient", Client),
        mock.patch.object(tasks_v2.CloudTasksAsyncClient, "create_task", create_task),
    ):
        assert mocked_names() == []


def test_the_backport_of_mock_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mocks have their own class; another module of that name is ignored."""

    class NonCallableMock:
        pass

    backport = ModuleType("mock")
    monkeypatch.setitem(sys.modules, "mock", backport)
    monkeypatch.setattr(tasks_v2, "CloudTasksClient", NonCallableMock())
    assert mocked_names() == []
    backport.NonCallableMock = NonCallableMock  # type: ignore[attr-defined]
    assert mocked_names() == [CLIENT]


def test_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that nobody has imported is left alone, and without mocks there is nothing to find."""
    for name in ("google.cloud.tasks", "google.cloud.tasks_v2beta3", "unittest.mock", "mock"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(tasks_v2, "CloudTasksClient", mock.MagicMock())
    before = set(sys.modules)
    assert mocked_names() == []
    assert set(sys.modules) == before


@pytest.mark.parametrize(("method", "kind"), [("assert_enqueued", ""), ("assert_dispatched", "dispatched ")])
def test_an_assertion_says_which_name_is_patched(cloud_tasks: FakeCloudTasks, method: str, kind: str) -> None:
    """Application code has called the mock, and the fake has nothing."""
    what = method.partition("_")[2]
    with mock.patch(CLIENT):
        tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("receipts"), task={})
        message = message_of(getattr(cloud_tasks, method))
    assert message == (
        f"Expected 1 {kind}task, found none.\n\nNo task was {what} in this test.\n\n{TIMELINE}\n\nNo client has"
        f" called this fake. {CLIENT} is patched with a mock, so calls of it don't reach the fake. Remove the patch, or"
        " assert on the mock instead."
    )


def test_a_block_says_which_names_are_patched(cloud_tasks: FakeCloudTasks) -> None:
    """All of them."""

    def block() -> None:
        with cloud_tasks.expect_enqueued(count=None):
            pass

    with (
        mock.patch.object(tasks_v2, "CloudTasksAsyncClient"),
        mock.patch.object(tasks_v2.CloudTasksClient, "create_task"),
    ):
        message = message_of(block)
    assert message == (
        "Expected at least 1 task in this block, found none.\n\nNo task was enqueued in this"
        f" block.\n\n{TIMELINE}\n\nNo client has called this fake. {CLIENT}.create_task and"
        " google.cloud.tasks_v2.CloudTasksAsyncClient are patched with mocks, so calls of them don't reach the fake."
        " Remove the patch, or assert on the mock instead."
    )


def test_tasks_that_do_not_match_do_not_hide_the_patch(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The missing task may have gone to the mock."""
    enqueue("one")
    with mock.patch(CLIENT):
        message = message_of(cloud_tasks.assert_enqueued, name="two")
    assert message.split("\n\n")[-1] == (
        f"{CLIENT} is patched with a mock, so calls of it don't reach the fake. Remove the patch, or assert on the mock"
        " instead."
    )


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("assert_dispatched", {"name": "one"}),
        ("assert_enqueued", {"name": "one", "count": 2}),
        ("assert_not_enqueued", {"name": "one"}),
        ("assert_nothing_enqueued", {}),
    ],
)
def test_a_patch_is_not_blamed_for_tasks_that_came(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verb: str, arguments: dict[str, Any]
) -> None:
    """What matches has reached the fake, dispatched or not, or there should have been none."""
    enqueue("one")
    without = message_of(getattr(cloud_tasks, verb), **arguments)
    with mock.patch(CLIENT):
        assert message_of(getattr(cloud_tasks, verb), **arguments) == without
