"""The history: one list of everything that happened in a test, in the order in which it happened."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
import time_machine
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._service.events import Event
from pytest_cloudtasks._simulation.history import History, InjectedFault, TimeBase

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def history_of(cloud_tasks: FakeCloudTasks) -> History:
    return cloud_tasks._active.history


def kinds_of(records: Any) -> list[str]:
    """What each record is: an event by its kind, a call by its RPC, anything else by its class."""
    return [
        record.kind.value if isinstance(record, Event) else getattr(record, "method", type(record).__name__)
        for record in records
    ]


def call(request: str = "get_queue") -> IncomingCall:
    """A call that was answered."""
    made = IncomingCall(request, "google.cloud.tasks.v2", tasks_v2.GetQueueRequest(name="q")._pb, None, ())
    made.keep_request(7)
    made.finish()
    return made


def test_everything_is_in_one_list(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The time base comes first, a call before the events that it caused, a fault where it happened."""
    cloud_tasks.fail_rpc("get_queue", grpc.StatusCode.UNAVAILABLE)
    cloud_tasks.route("*")
    enqueue("one")
    with pytest.raises(ServiceUnavailable):
        tasks_v2.CloudTasksClient().get_queue(name=cloud_tasks.queue_path("receipts"), retry=None)
    cloud_tasks.drain()
    assert kinds_of(history_of(cloud_tasks).since(0)) == [
        "TimeBase",
        "queue created",
        "create_task",
        "task created",
        "get_queue",
        "InjectedFault",
        "task dispatched",
        "task answered",
    ]


def test_a_call_comes_before_a_later_reset_of_the_clock(cloud_tasks: FakeCloudTasks) -> None:
    """Entries are in the order of the test, even if the service did nothing between them."""
    client, name = tasks_v2.CloudTasksClient(), cloud_tasks.queue_path("receipts")
    client.get_queue(name=name)
    with time_machine.travel(START - timedelta(days=1), tick=False):
        client.pause_queue(name=name)
    assert cloud_tasks.timeline() == (
        "+0:00:00  queue receipts created\n"
        "+0:00:00  get_queue receipts\n"
        "+0:00:00  the test's clock was reset\n"
        "+0:00:00  queue receipts paused"
    )


def test_a_position_gives_what_came_after_it() -> None:
    """A position is a number of records, and stays one when older calls are forgotten."""
    history = History(calls_kept=1)
    history.record(TimeBase(0, 0))
    history.record_call(call("first"))
    position = len(history)
    history.record(InjectedFault(3, "happened", None))
    history.record_call(call("second"))

    assert kinds_of(history.since(0)) == ["TimeBase", "InjectedFault", "second"]
    assert kinds_of(history.since(position)) == ["InjectedFault", "second"]
    assert [made.method for made in history.calls()] == ["second"]
    assert (len(history), position) == (4, 2)


def test_offsets_count_from_the_time_base_in_force() -> None:
    """A reset is an entry once something happens after it; a call that is under way is not."""
    history = History()
    history.record(TimeBase(0, 0))
    history.record_call(call())
    history.record(TimeBase(100, 5))
    assert [(entry.offset, entry.instant) for entry in history.entries()] == [(7, 7)]

    history.record(InjectedFault(130, "happened", None))
    under_way = call()
    under_way.message = object()
    history.record_call(under_way)
    assert [(entry.offset, entry.instant, entry.base) for entry in history.entries()] == [
        (7, 7, 0),
        (5, 105, 100),
        (30, 130, 100),
    ]


def faults(history: History, *instants: int) -> None:
    """Record a fault at each of these instants."""
    for at in instants:
        history.record(InjectedFault(at, "happened", None))


def test_positions_stay_when_old_records_are_forgotten() -> None:
    """The latest records are kept, and are found by the positions that they have always had."""
    history = History()
    history.record(TimeBase(0, 0))
    for at in range(1, 100):
        faults(history, at)
        history.forget_all_but(5)
        assert len(history) == at + 1
        assert history.forgotten == max(0, at - 4)
        assert [record.at for record in history.since(0)] == list(range(max(0, at - 4), at + 1))
        assert [record.at for record in history.since(at - 1)] == [at - 1, at]
    assert list(history.since(100)) == []
    assert (history.has_begun, history.is_empty) == (True, False)
    history.forget_all_but(50)
    assert len(list(history.since(0))) == 5


def test_offsets_stay_when_their_time_base_is_forgotten() -> None:
    """They count from the base that was in force, be it the first or one of a reset."""
    history = History()
    history.record(TimeBase(10, 0))
    faults(history, 12, 15)
    history.record(TimeBase(100, 5))
    faults(history, 107, 109)
    complete = [(entry.offset, entry.instant) for entry in history.entries()]
    assert complete == [(2, 12), (5, 15), (5, 105), (7, 107), (9, 109)]
    for most in (5, 4, 3, 2, 1):
        history.forget_all_but(most)
        assert [(entry.offset, entry.instant) for entry in history.entries()] == complete[-most:]
        assert [(entry.offset, entry.instant) for entry in copy.deepcopy(history).entries()] == complete[-most:]


def test_calls_and_other_records_are_forgotten_side_by_side() -> None:
    """The limit of calls counts those that are still there."""
    history = History(calls_kept=2)
    history.record(TimeBase(0, 0))
    for number in range(10):
        history.record_call(call(f"call {number}"))
        faults(history, number)
        history.forget_all_but(3)
    assert kinds_of(history.since(0)) == ["InjectedFault", "call 9", "InjectedFault"]
    for number in range(10, 13):
        history.record_call(call(f"call {number}"))
    assert [made.method for made in history.calls()] == ["call 11", "call 12"]
    assert [made.method for made in history.calls(len(history) - 1)] == ["call 12"]
    assert len(history) == 24


def test_a_copy_is_independent(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Its tasks and attempts are copies that belong together, and the requests that targets received are kept."""
    cloud_tasks.route("*")
    enqueue("one")
    cloud_tasks.drain()
    history = history_of(cloud_tasks)
    copied = copy.deepcopy(history)
    copied.record(InjectedFault(0, "happened", None))

    assert len(copied) == len(history) + 1
    attempts = [event.attempt for event in copied.events() if event.attempt is not None]
    assert attempts[0] is attempts[1]
    assert list(copied.requests) == [attempts[0]]
    assert attempts[0] not in history.requests
    assert copied.calls() == history.calls()
