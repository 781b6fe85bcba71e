"""What the emulator remembers of finished tasks, and what it answers once it has forgotten older ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import wraps
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from google.cloud import tasks_v2

from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._server.emulator import bounds
from pytest_cloudtasks._server.emulator.bounds import Recent
from pytest_cloudtasks._server.emulator.control_api import Control
from pytest_cloudtasks._server.emulator.destinations import Destinations
from pytest_cloudtasks._server.emulator.log import Log
from pytest_cloudtasks._server.emulator.page.events import Feed
from pytest_cloudtasks._server.emulator.page.routes import Page
from pytest_cloudtasks._server.emulator.scheduler_loop import SchedulerLoop
from pytest_cloudtasks._server.emulator.sender import Sender, Sent
from pytest_cloudtasks._server.emulator.time_jumps import Jump, TimeJumps
from pytest_cloudtasks._service.task import NO_RESPONSE, response
from pytest_cloudtasks._simulation.settings.settings import Settings
from pytest_cloudtasks._targets.request import TargetRequest
from pytest_cloudtasks._units import DAY, SECOND
from tests.patience import PATIENCE

from .running import QUEUE

URL = "https://worker.test/"


class ByPath(Sender):
    """Answers 200, but fails requests for ``/fails``."""

    async def send(self, request: TargetRequest, seconds: float) -> Sent:
        """Return the answer."""
        if request.url.endswith("/fails"):
            return Sent(NO_RESPONSE, diagnostic="nothing listens there")
        return Sent(response(200), body=b"done")


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a few tasks reach."""
    for name, most in {"FINISHED_TASKS": 3, "RECORDS": 8, "CALLS": 2, "EXCHANGES": 2, "BATCHES": 2}.items():
        monkeypatch.setattr(bounds, name, most)


def a_scheduler(log: Log | None = None) -> SchedulerLoop:
    """Return a scheduler loop with the queue ``emails``, whose tasks have one attempt."""
    settings = Settings(queues={"emails": {"retry_config": {"max_attempts": 1}}})
    return SchedulerLoop(settings, ByPath(Destinations()), log or Log("none", print))


def create(scheduler: SchedulerLoop, *ids: str, path: str = "", **task: Any) -> None:
    """Create tasks with these IDs."""
    for one in ids:
        full = {"name": f"{QUEUE}/tasks/{one}", "http_request": {"url": f"{URL}{path}"}, **task}
        request = tasks_v2.CreateTaskRequest(parent=QUEUE, task=full)
        scheduler.receive(IncomingCall("create_task", "google.cloud.tasks.v2", request, 10, ()))


async def drain(scheduler: SchedulerLoop) -> Jump:
    """Deliver all tasks that wait."""
    running = asyncio.create_task(scheduler.run())
    jump = await TimeJumps(scheduler).to_the_end()
    running.cancel()
    return jump


async def deliver(scheduler: SchedulerLoop, ids: str, path: str = "") -> None:
    """Create tasks with these letters as IDs, and deliver each before the next."""
    for one in ids:
        create(scheduler, one, path=path)
        await drain(scheduler)


async def answer(handler: Callable[[web.Request], Awaitable[web.Response]], query: str = "") -> str:
    """Return the body of the response to a GET."""
    made = await handler(make_mocked_request("GET", f"/?{query}"))
    assert made.text is not None
    return made.text


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run an async test in an event loop."""

    @wraps(test)
    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), PATIENCE))

    return run


def ids_of(tasks: Iterable[Any]) -> list[str]:
    """Return the IDs of tasks, in their order."""
    return [task["name"].rpartition("/")[2] for task in tasks]


@in_a_loop
async def test_the_control_endpoints_list_the_tasks_that_finished_last() -> None:
    """Older ones are left out, live ones never."""
    scheduler = a_scheduler()
    create(scheduler, "waits", schedule_time={"seconds": scheduler.observe() // SECOND + 3600})
    create(scheduler, "deleted")
    scheduler.simulation.service.delete_task(scheduler.observe(), f"{QUEUE}/tasks/deleted")
    create(scheduler, *(f"t{number}" for number in range(5)))
    running = asyncio.create_task(scheduler.run())
    await scheduler.until(lambda: scheduler.begun == 5 and scheduler.is_idle())
    running.cancel()
    control = Control(scheduler)
    assert ids_of(json.loads(await answer(control.tasks))["tasks"]) == ["waits", "t2", "t3", "t4"]
    attempts = json.loads(await answer(control.attempts))["attempts"]
    assert [attempt["task"].rpartition("/")[2] for attempt in attempts] == ["t2", "t3", "t4"]
    assert json.loads(await answer(control.tasks, "state=deleted")) == {"tasks": []}


@in_a_loop
async def test_a_deleted_queue_is_known_while_a_task_of_it_is_kept() -> None:
    """Its tasks are listed, although the events that name it are forgotten."""
    other = f"{QUEUE}-other"
    settings = Settings(queues={QUEUE: {}, other: {}})
    scheduler = SchedulerLoop(settings, ByPath(Destinations()), Log("none", print))
    create(scheduler, "a")
    scheduler.simulation.service.delete_queue(scheduler.observe(), QUEUE)
    for _ in range(bounds.RECORDS):
        scheduler.receive(
            IncomingCall("get_queue", "google.cloud.tasks.v2", tasks_v2.GetQueueRequest(name=other), 10, ())
        )
    assert list(scheduler.simulation.history.events()) == []
    assert ids_of(json.loads(await answer(Control(scheduler).tasks, f"queue={QUEUE}"))["tasks"]) == ["a"]


@in_a_loop
async def test_the_page_counts_all_tasks_since_the_reset() -> None:
    """Its tables list those that are kept, and say how many are not."""
    scheduler = a_scheduler()
    await deliver(scheduler, "abc")
    await deliver(scheduler, "de", path="fails")
    create(scheduler, "live")
    page = Page(scheduler)
    overview = json.loads(await answer(page.overview))
    assert overview["queues"][0]["tasks"] == {"succeeded": 3, "exhausted": 2, "scheduled": 1}
    assert ids_of(overview["tasks"]) == ["live", "e", "d", "c"]
    assert (overview["total"], overview["left_out"]) == (4, 2)

    await scheduler.reset()
    overview = json.loads(await answer(page.overview))
    assert (overview["queues"][0]["tasks"], overview["total"], overview["left_out"]) == ({}, 0, 0)


@in_a_loop
async def test_a_timeline_that_begins_in_the_middle_says_so() -> None:
    """Offsets still count from the start."""
    scheduler = a_scheduler()
    control = Control(scheduler)
    await deliver(scheduler, "a")
    start = scheduler.simulation.clock.time_base
    complete = json.loads(await answer(control.timeline))
    assert complete["left_out"] == 0
    assert complete["timeline"][0]["event"] == "queue_created"
    assert not (await answer(control.timeline, "format=text")).startswith("…")

    await deliver(scheduler, "bc")
    shown = json.loads(await answer(control.timeline))
    # the start, the queue's creation, and for each task a call and three events
    assert (len(scheduler.simulation.history), shown["left_out"]) == (14, 6)
    assert [(one["event"], one["task"][-1]) for one in shown["timeline"]] == [
        ("task_created", "b"),
        ("task_dispatched", "b"),
        ("task_answered", "b"),
        ("task_created", "c"),
        ("task_dispatched", "c"),
        ("task_answered", "c"),
    ]
    first = scheduler.simulation.service.accepted.get(1)
    assert first is not None
    assert shown["timeline"][0]["offset"] == (first.create_time - start) / SECOND
    lines = (await answer(control.timeline, "format=text")).splitlines()
    assert lines[0] == "… 6 earlier events and calls are left out …"
    assert len(lines) > 1


@in_a_loop
async def test_a_stream_counts_what_it_can_not_send_any_more() -> None:
    """One that comes late begins with what is kept; one that is too slow gets the number that it missed."""
    scheduler = a_scheduler()
    early = Feed(scheduler)
    assert [name for name, _ in early.read()] == ["begin", "events"]
    await deliver(scheduler, "abc")
    sent = list(early.read())
    assert sent[0] == ("missed", {"events": 4})
    assert sum(len(data["events"]) for name, data in sent if name == "events") == 6

    (name, begin), *events = Feed(scheduler).read()
    assert (name, begin["left_out"]) == ("begin", 6)
    kept = next(scheduler.simulation.history.events())
    assert [data["events"][0]["offset"] for _, data in events] == [
        (kept.at - scheduler.simulation.clock.time_base) / SECOND
    ]


@in_a_loop
async def test_a_jump_counts_and_logs_more_than_is_kept() -> None:
    """Its answer has every result, and the log a line for each event, also of tasks that expire all at once."""
    lines: list[str] = []
    scheduler = a_scheduler(Log("text", lines.append))
    create(scheduler, *(f"t{number}" for number in range(20)))
    create(scheduler, *(f"f{number}" for number in range(10)), path="fails")
    drained = await drain(scheduler)
    scheduler.simulation.service.pause_queue(scheduler.observe(), QUEUE)
    create(scheduler, *(f"e{number}" for number in range(30)))
    running = asyncio.create_task(scheduler.run())
    passed = await TimeJumps(scheduler).by(32 * DAY)
    running.cancel()
    assert (drained.attempts, vars(drained.results)) == (
        30,
        {"succeeded": 20, "failed": 10, "exhausted": 10, "expired": 0},
    )
    assert (passed.attempts, vars(passed.results)) == (0, {"succeeded": 0, "failed": 0, "exhausted": 0, "expired": 30})
    assert sum("attempt 1 → 200" in line for line in lines) == 20
    assert sum("nothing listens there" in line for line in lines) == 10
    assert sum("expired" in line for line in lines) == 30
    assert len(scheduler.simulation.history) - scheduler.simulation.history.forgotten == 8
    assert len(scheduler.simulation.service.accepted) == 3


@in_a_loop
async def test_of_a_task_that_is_retried_for_ever_the_first_and_the_latest_attempts_are_kept() -> None:
    """Their numbers go on, and the log still names a reason once if it stays the same."""
    lines: list[str] = []
    queues = {"emails": {"retry_config": {"max_attempts": 150}}}
    scheduler = SchedulerLoop(Settings(queues=queues), ByPath(Destinations()), Log("text", lines.append))
    create(scheduler, "a", path="fails")
    jump = await drain(scheduler)
    (task,) = scheduler.simulation.service.accepted
    assert [attempt.number for attempt in task.attempts] == [1, *range(51, 151)]
    assert (jump.attempts, jump.results.failed, jump.results.exhausted) == (150, 150, 1)
    assert sum("nothing listens there" in line for line in lines) == 1


@in_a_loop
async def test_the_latest_exchanges_and_batches_are_kept() -> None:
    """An older operation is unknown; the IDs of later ones go on."""
    scheduler = a_scheduler()
    await deliver(scheduler, "abc")
    history, service = scheduler.simulation.history, scheduler.simulation.service
    assert [attempt.task.name[-1] for attempt in history.requests] == ["b", "c"]
    assert [attempt.task.name[-1] for attempt in history.answers] == ["b", "c"]
    now = scheduler.observe()
    names = [service.batch_delete_tasks(now, QUEUE, [f"{QUEUE}/tasks/a"], "").name for _ in range(4)]
    assert len(set(names)) == 4
    assert list(service.operations) == names[2:]


@in_a_loop
async def test_planned_failures_that_are_over_are_dropped() -> None:
    """A program may plan failures for as long as the server runs."""
    scheduler = a_scheduler()
    control = Control(scheduler)
    for _ in range(3):
        await answer(control.fail, "rpc=CreateTask&code=UNAVAILABLE")
        with pytest.raises(Exception, match="unavailable"):
            create(scheduler, "a")
    assert len(list(scheduler.simulation.faults)) == 1


def test_only_recent_entries_are_kept() -> None:
    """A new entry replaces the oldest one; a changed entry keeps its place."""
    recent: Recent[str, int] = Recent(2)
    for key, value in [("a", 1), ("b", 2), ("a", 3), ("c", 4)]:
        recent[key] = value

    assert recent == {"b": 2, "c": 4}
