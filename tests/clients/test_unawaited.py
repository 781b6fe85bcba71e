"""Calls that nobody awaits fail the test, by a function of Python's that is not public."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import tasks_v2beta2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.unawaited import looking_before
from tests.each import each

CALLS: dict[str, tuple[Callable[[FakeCloudTasks], Any], str]] = {
    "a driving method": (
        lambda fake: fake.aio.drain(),
        "cloud_tasks.aio.drain() was called without `await`, and did nothing. Write `await cloud_tasks.aio.drain(…)`.",
    ),
    "a client": (
        lambda fake: fake.async_client().create_task(parent=fake.queue_path("work"), task={}),
        "CloudTasksAsyncClient.create_task() was called without `await`, and sent nothing. Write `await"
        " client.create_task(…)`.",
    ),
    "a client of a beta": (
        lambda fake: tasks_v2beta2.CloudTasksAsyncClient().get_queue(name=fake.queue_path("work")),
        "CloudTasksAsyncClient.get_queue() was called without `await`, and sent nothing. Write `await"
        " client.get_queue(…)`.",
    ),
}


@pytest.mark.needs("clients of 2.x")
@each("case", CALLS)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_call_that_is_not_awaited_fails_the_block(case: str) -> None:
    """Once, however often it was made, though nothing else in the block failed."""
    call, text = CALLS[case]
    with pytest.raises(AssertionError) as caught, FakeCloudTasks(queues=["work"]) as fake:
        call(fake)
        call(fake)
    assert str(caught.value) == text


def test_an_awaited_call_and_somebody_elses_do_not() -> None:
    """A coroutine of the test's own is Python's to warn of, at the line that drops it."""

    async def forgotten() -> None:
        pass

    with FakeCloudTasks(queues=["work"]) as fake:
        call = fake.aio.drain()
        with pytest.raises(StopIteration):
            call.send(None)
        with pytest.warns(RuntimeWarning, match="forgotten' was never awaited") as caught:
            forgotten()
    assert caught[0].filename == __file__


def test_python_warns_by_the_function_that_is_replaced() -> None:
    """Where this fails, Python has moved it, and calls that nobody awaits go unnoticed: see `_clients.unawaited`."""
    before = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
    with FakeCloudTasks():
        assert warnings._warn_unawaited_coroutine is not before  # type: ignore[attr-defined]
        with FakeCloudTasks():
            pass
        assert warnings._warn_unawaited_coroutine is not before  # type: ignore[attr-defined]
    assert warnings._warn_unawaited_coroutine is before  # type: ignore[attr-defined]


def test_the_warning_names_the_callers_line() -> None:
    """The replacement adds no frame to the stack, so that a warning names the same line as before."""
    callers = []

    def warn(coroutine: object) -> None:
        caller = inspect.stack()[1]
        callers.append(caller.function)

    async def forgotten() -> None:
        pass

    coroutine = forgotten()
    looking_before(warn)(coroutine)
    coroutine.close()
    assert callers == ["test_the_warning_names_the_callers_line"]
