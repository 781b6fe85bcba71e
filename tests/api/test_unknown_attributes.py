"""Attributes that public objects don't have: the error says what to write instead."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from unittest import mock

import pytest

import pytest_cloudtasks
from pytest_cloudtasks import (
    FakeCloudTasks,
    Headers,
    LegacyCloudTasksClient,
    TargetResponse,
    exactly,
    retry_schedule,
)
from pytest_cloudtasks._attributes import NamesAttributes

Enqueue = Callable[..., str]
MAILER = "https://mailer.test/send"
pytestmark = pytest.mark.cloud_tasks(start=datetime(2030, 1, 1, tzinfo=timezone.utc), queues=["receipts"])


def error_of(lacking: object, name: str) -> str:
    """Return the text of the AttributeError."""
    with pytest.raises(AttributeError) as caught:
        getattr(lacking, name)
    return str(caught.value)


ASSERTS = "It is not a mock: write cloud_tasks.assert_enqueued(…), which checks the tasks themselves."
READS = "It is not a mock: cloud_tasks.tasks() has the created tasks, and cloud_tasks.rpcs all calls."
SETS = "It is not a mock: cloud_tasks.fail_rpc(…) lets client calls fail, and cloud_tasks.route(…) answers tasks."
PASSES = "cloud_tasks.advance(…) passes time, and dispatches what becomes due on the way."
CLIENT = "It is a method of Google's client: use CloudTasksClient() or the fixture cloud_tasks_client."


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("assert_enqued", "Did you mean 'assert_enqueued'?"),
        ("assert_nothing_enqueue", "Did you mean 'assert_nothing_enqueued'?"),
        ("timelines", "Did you mean 'timeline'?"),
        ("assert_called_once", ASSERTS),
        ("assert_has_calls", ASSERTS),
        ("assert_not_called", "It is not a mock: write cloud_tasks.assert_nothing_enqueued()."),
        ("call_args_list", READS),
        ("side_effect", SETS),
        ("reset_mock", "It is not a mock: each test has a fresh fake."),
        ("tick", PASSES),
        ("move_to", PASSES),
        ("create_task", CLIENT),
        ("lease_tasks", CLIENT),
        ("elapsed", "Did you mean 'cloud_tasks.clock.elapsed'?"),
        ("token", "Did you mean 'cloud_tasks.oidc.token'?"),
        ("sleep", "Did you mean 'cloud_tasks.aio.sleep'?"),
    ],
)
def test_what_the_fake_lacks(cloud_tasks: FakeCloudTasks, name: str, instead: str) -> None:
    """The nearest name, or what a mock's, a clock's or a client's name means here."""
    assert error_of(cloud_tasks, name) == f"FakeCloudTasks has no attribute {name!r}. {instead}"


@pytest.mark.parametrize("name", ["create_task", "side_effect", "return_value", "called", "tick"])
def test_what_would_have_no_effect_cannot_be_set(cloud_tasks: FakeCloudTasks, name: str) -> None:
    """A fake or a target that is taken for a mock, or for a client, says so; other names are the test's own."""
    with pytest.raises(AttributeError) as caught:
        setattr(cloud_tasks, name, 1)
    assert str(caught.value) == error_of(cloud_tasks, name)
    cloud_tasks.shop = "mine"  # type: ignore[attr-defined]
    assert cloud_tasks.shop == "mine"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["return_value", "side_effect"])
def test_a_target_is_no_mock(cloud_tasks: FakeCloudTasks, name: str) -> None:
    """Its answers are set by methods."""
    for target, kind in (
        (cloud_tasks.route(MAILER), "Route"),
        (cloud_tasks.forward("https://a.test", "http://127.0.0.1:9"), "Forward"),
    ):
        text = f"{kind} has no attribute {name!r}. It is not a mock: cloud_tasks.route(…) has returns(…) and raises(…)."
        assert error_of(target, name) == text
        with pytest.raises(AttributeError) as caught:
            setattr(target, name, 503)
        assert str(caught.value) == text


def test_a_method_can_be_patched(cloud_tasks: FakeCloudTasks) -> None:
    """Mocks replace what is there, and put it back."""
    with mock.patch.object(cloud_tasks, "drain", return_value="patched"):
        assert cloud_tasks.drain() == "patched"
    assert cloud_tasks.drain().attempts == 0


def test_a_name_like_nothing_else(cloud_tasks: FakeCloudTasks) -> None:
    """It has no suggestion; an object with few names lists them."""
    assert error_of(cloud_tasks, "xyzzy") == "FakeCloudTasks has no attribute 'xyzzy'."
    assert error_of(cloud_tasks.clock, "xyzzy") == "cloud_tasks.clock has no attribute 'xyzzy'. It has elapsed and now."


def test_what_other_objects_lack(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Records, targets and requests suggest names as well."""
    route = cloud_tasks.route(MAILER)
    enqueue("one")
    cloud_tasks.drain()
    (attempt,), (request,) = cloud_tasks.attempts(), route.calls
    assert error_of(cloud_tasks.aio, "drian") == "cloud_tasks.aio has no attribute 'drian'. Did you mean 'drain'?"
    assert error_of(route, "assert_called_once") == (
        "Route has no attribute 'assert_called_once'. It is not a mock: compare call_count, or the requests in calls."
    )
    assert error_of(attempt.task, "status") == "TaskRecord has no attribute 'status'. Did you mean 'state'?"
    assert error_of(attempt, "respons") == "Attempt has no attribute 'respons'. Did you mean 'response'?"
    assert error_of(request, "header") == "TargetRequest has no attribute 'header'. Did you mean 'headers'?"
    assert error_of(attempt.response, "status_code") == (
        "TargetResponse has no attribute 'status_code'. Did you mean 'status'?"
    )
    assert error_of(cloud_tasks.queue("receipts"), "tasks_per_second").startswith(
        "QueueRecord has no attribute 'tasks_"
    )
    assert error_of(cloud_tasks.rpcs[0], "methods") == "RpcCall has no attribute 'methods'. Did you mean 'method'?"


def test_every_public_class_says_so() -> None:
    """Others are Python's own kinds, Google's client, or functions."""
    others: tuple[type, ...] = (BaseException, Enum, Headers, LegacyCloudTasksClient, dict, exactly)
    public = [getattr(pytest_cloudtasks, name) for name in pytest_cloudtasks.__all__]
    classes = [one for one in public if isinstance(one, type) and not issubclass(one, others)]
    assert [one.__name__ for one in classes if not issubclass(one, NamesAttributes)] == []


def test_names_with_an_underscore_have_pythons_text() -> None:
    """Libraries look for them on any object, also on one without its attributes."""
    fake = FakeCloudTasks.__new__(FakeCloudTasks)
    assert error_of(fake, "_nothing") == "'FakeCloudTasks' object has no attribute '_nothing'"
    assert error_of(fake, "__rich_repr__") == "'FakeCloudTasks' object has no attribute '__rich_repr__'"
    assert error_of(fake, "clocks") == "FakeCloudTasks has no attribute 'clocks'."
    assert [hasattr(fake, name) for name in ("clock", "_running", "tick", "drain")] == [False, False, False, True]


def test_copies_pickles_and_introspection_work(cloud_tasks: FakeCloudTasks) -> None:
    """They look for attributes that aren't there, and get Python's answers."""
    schedule = retry_schedule({"max_attempts": 3})
    assert copy.deepcopy(schedule) == copy.copy(schedule) == schedule
    response = TargetResponse(200, Headers(), b"ok")
    assert pickle.loads(pickle.dumps(response)) == response
    assert "tick" not in dict(inspect.getmembers(FakeCloudTasks))
    assert not inspect.isawaitable(cloud_tasks)
    assert mock.create_autospec(FakeCloudTasks, instance=True).drain() is not None
    assert getattr(cloud_tasks, "pytestmark", None) is None


def test_the_failure_points_at_the_test(cloud_tasks: FakeCloudTasks) -> None:
    """No frame of the plugin is shown."""
    with pytest.raises(AttributeError) as caught:
        _ = cloud_tasks.drian  # type: ignore[attr-defined]
    shown = caught.traceback.filter(caught)
    assert [str(entry.path) for entry in shown] == [__file__]


def test_python_adds_no_second_suggestion(cloud_tasks: FakeCloudTasks) -> None:
    """A traceback ends with the sentence itself."""
    with pytest.raises(AttributeError) as caught:
        _ = cloud_tasks.drian  # type: ignore[attr-defined]
    last = traceback.format_exception_only(caught.value)[-1]
    assert last == "AttributeError: FakeCloudTasks has no attribute 'drian'. Did you mean 'drain'?\n"


def test_a_propertys_own_error_is_not_hidden() -> None:
    """An AttributeError within a property comes out as it is."""

    class Broken(NamesAttributes):
        @property
        def whole(self) -> Any:
            return timedelta(1).parts  # type: ignore[attr-defined]

    assert error_of(Broken(), "whole") == "'datetime.timedelta' object has no attribute 'parts'"
