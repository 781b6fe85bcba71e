"""The dispatch order: among tasks of one instant, of tasks that are held back, and of listings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.queue import WaitingTasks
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.scheduler import DispatchOrder, Step
from pytest_cloudtasks._service.task import NO_RESPONSE, Outcome, Task, TaskSpec, response
from pytest_cloudtasks._service.validation import id_of
from pytest_cloudtasks._units import MILLISECOND, SECOND

from .driving import LOCATION, QUEUE, START, URL, Driver, add, always, dispatched_at, driver_with, ids, scripted


class Given(DispatchOrder):
    """Ranks, delays and listing ranks by the IDs of tasks."""

    is_shuffled = True

    def __init__(
        self,
        ranks: Mapping[str, int] | None = None,
        delays: Mapping[str, int] | None = None,
        listed: Mapping[str, int] | None = None,
    ) -> None:
        self.ranks = ranks or {}
        self.delays = delays or {}
        self.listed = listed or {}

    def rank(self, task: Task) -> int:
        return self.ranks.get(id_of(task.name), 0)

    def delay(self, task: Task) -> int:
        return self.delays.get(id_of(task.name), 0)

    def rank_in_listings(self, task: Task) -> int:
        return self.listed.get(id_of(task.name), 0)


def went(driver: Driver) -> list[str]:
    """The IDs of the tasks that were dispatched, in their order."""
    found = [(one.dispatch_time, number, one.task) for number, one in enumerate(attempts(driver))]
    return ids([task for _, _, task in found])


def attempts(driver: Driver) -> list[object]:
    return [one.attempt for one in driver.service.events if one.kind.value == "task dispatched"]


def test_by_default_it_is_first_come_first_served() -> None:
    """Nothing has a rank or a delay."""
    driver = driver_with()
    task = add(driver, "a")
    assert (task.waiting, task.delay, task.listed) == ((START, 0, 0, task), 0, None)
    assert task.eligible_at == task.schedule_time == START


def test_ranks_decide_among_tasks_of_one_instant() -> None:
    """The smaller goes first, of equal ones the older; an earlier instant wins over any rank."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given({"a": 9, "b": 2, "c": 2, "early": 99})
    for task_id in "abc":
        add(driver, task_id, schedule_time=START + SECOND)
    add(driver, "early")
    driver.drain()
    assert went(driver) == ["early", "b", "c", "a"]


def test_a_task_that_is_held_back_goes_later_under_its_own_schedule_time() -> None:
    """Others pass it; the attempt carries the schedule time, and its dispatch the delay."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given(delays={"a": 5 * SECOND})
    a, b = add(driver, "a"), add(driver, "b")
    queue = driver.service.queues[QUEUE]

    assert queue.next_dispatch() == (START, b)
    assert [ids(queue.waiting.due(START + after * SECOND)) for after in (0, 4, 5)] == [["b"], ["b"], ["b", "a"]]
    driver.drain()

    assert went(driver) == ["b", "a"]
    assert dispatched_at(a) == [5 * SECOND]
    assert (a.attempts[0].schedule_time, a.schedule_time) == (START, START)


def test_each_retry_is_ordered_anew() -> None:
    """A delay is asked for with every attempt, and a delay adds to the backoff."""
    driver = driver_with(scripted(response(500), response(200)))
    delays = {"a": SECOND}
    driver.service.scheduler.dispatch_order = Given(delays=delays)
    task = add(driver, "a")
    delays["a"] = 2 * SECOND
    driver.drain()
    assert dispatched_at(task) == [SECOND, SECOND + 100 * MILLISECOND + 2 * SECOND]


def test_a_waiting_task_can_be_held_back() -> None:
    """It keeps its rank, waits at its new instant alone."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given({"a": 3, "b": 2})
    a, b = add(driver, "a"), add(driver, "b")
    queue = driver.service.queues[QUEUE]

    driver.service.scheduler.hold_back(queue, b, 5 * SECOND, START)

    assert b.waiting == (START + 5 * SECOND, 2, 1, b)
    assert b.eligible_at == START + 5 * SECOND
    assert queue.next_dispatch() == (START, a)
    assert ids(queue.waiting.due(START + 5 * SECOND)) == ["a", "b"]
    driver.drain()
    assert went(driver) == ["a", "b"]


def test_holding_back_the_only_task_moves_what_is_upcoming() -> None:
    """The next step is at the new instant at once."""
    driver = driver_with()
    task = add(driver, "a")
    driver.service.scheduler.hold_back(driver.service.queues[QUEUE], task, SECOND, START)
    upcoming = driver.service.scheduler.upcoming()
    assert upcoming is not None
    assert (upcoming.step, upcoming.at) == (Step.DISPATCH, START + SECOND)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_listings_go_by_their_own_rank(size: int) -> None:
    """Whole or by pages, tasks come by listing rank, of equal ranks the older first."""
    driver = driver_with()
    driver.service.scheduler.dispatch_order = Given(listed={"a": 7, "b": 2**32 - 1, "c": 7, "d": 0})
    for task_id in "abcd":
        add(driver, task_id)

    found, token = [], ""
    while True:
        tasks, token = driver.service.list_tasks(START, QUEUE, size, token)
        found += ids(tasks)
        if not token:
            break

    assert found == ["d", "a", "c", "b"]


def test_the_order_of_listings_is_asked_for_where_there_is_one() -> None:
    """A single task has no rank; with a second one both get theirs, once."""
    driver = driver_with()
    order = Given(listed={"a": 7, "b": 5})
    driver.service.scheduler.dispatch_order = order
    a = add(driver, "a")
    assert ids(driver.service.list_tasks(START, QUEUE, 0, "")[0]) == ["a"]
    assert a.listed is None

    b = add(driver, "b")
    assert ids(driver.service.list_tasks(START, QUEUE, 0, "")[0]) == ["b", "a"]
    order.listed = {"a": 0, "b": 9}
    assert ids(driver.service.list_tasks(START, QUEUE, 0, "")[0]) == ["b", "a"]
    assert (a.listed, b.listed) == (7, 5)


class Last(DispatchOrder):
    """Picks the last of the ready tasks, and keeps what it was asked."""

    picks = True

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def pick(self, ready: Sequence[Task]) -> int:
        self.asked.append(ids(list(ready)))
        return len(ready) - 1


def picking(settings: dict[str, Any] | None = None) -> tuple[Driver, Last]:
    """A driver whose scheduler picks the last of the ready tasks."""
    driver = driver_with(settings=settings)
    order = Last()
    driver.service.scheduler.dispatch_order = order
    return driver, order


def test_an_order_picks_among_the_tasks_that_are_due() -> None:
    """Those of all queues whose instant has come, first in order first; nothing is asked where there is one."""
    driver, order = picking()
    other = f"{LOCATION}/queues/other"
    driver.service.create_queue(START, LOCATION, other, {})
    for task_id in "ab":
        add(driver, task_id)
    driver.service.create_task(START, other, TaskSpec(HttpTarget(URL), name=f"{other}/tasks/c"))
    add(driver, "later", schedule_time=START + SECOND)
    driver.drain()

    assert order.asked == [["a", "b", "c"], ["a", "b"]]
    assert went(driver) == ["c", "b", "a", "later"]


def test_overdue_tasks_are_picked_from_whatever_their_schedule_time() -> None:
    """What waited for a slot is among what has come meanwhile."""
    driver, order = picking({"rate_limits": {"max_concurrent_dispatches": 1}})
    driver.handler = always(response(200), takes=10 * SECOND)
    for number, task_id in enumerate("abc"):
        add(driver, task_id, schedule_time=START + number * SECOND)
    driver.drain()

    assert order.asked == [["b", "c"]]
    assert went(driver) == ["a", "c", "b"]


def test_nothing_is_picked_that_may_not_go() -> None:
    """Neither from a queue that is paused or full, nor a task that is gone by then."""
    driver, order = picking()
    for name, settings in (("paused", {}), ("full", {"rate_limits": {"max_concurrent_dispatches": 1}})):
        queue = f"{LOCATION}/queues/{name}"
        driver.service.create_queue(START, LOCATION, queue, settings)
        for number in range(2):
            spec = TaskSpec(HttpTarget(URL), name=f"{queue}/tasks/{name}-{number}")
            task = driver.service.create_task(START, queue, spec)
            if name == "full" and number == 0:
                driver.service.scheduler.begin(driver.service.queues[queue], task, START)
    driver.service.pause_queue(START, f"{LOCATION}/queues/paused")
    for task_id in "ab":
        add(driver, task_id)
    driver.service.delete_task(START, add(driver, "deleted").name)
    driver.drain()

    assert order.asked == [["a", "b"]]
    assert went(driver)[1:] == ["b", "a"]


def test_an_order_that_only_says_that_it_decides_changes_nothing() -> None:
    """Dispatches and listings alike are first come, first served until an order has another answer."""

    class Indifferent(DispatchOrder):
        is_shuffled = True
        picks = True

    driver = driver_with()
    driver.service.scheduler.dispatch_order = Indifferent()
    tasks = [add(driver, task_id) for task_id in "cab"]
    assert driver.service.list_tasks(START, QUEUE, 0, "")[0] == tasks
    driver.drain()
    assert went(driver) == ["c", "a", "b"]


def test_only_one_queue_is_picked_from_where_one_is_driven() -> None:
    """The others' tasks are not ready."""
    driver, order = picking()
    other = f"{LOCATION}/queues/other"
    driver.service.create_queue(START, LOCATION, other, {})
    add(driver, "a")
    driver.service.create_task(START, other, TaskSpec(HttpTarget(URL), name=f"{other}/tasks/b"))
    scheduler, queue = driver.service.scheduler, driver.service.queues[QUEUE]
    upcoming = scheduler.upcoming(queue)
    assert upcoming is not None

    assert scheduler.resolve(upcoming, START, queue) == upcoming
    assert order.asked == []
    assert id_of(scheduler.resolve(upcoming, START).task.name) == "b"


def test_an_answer_that_is_lost_is_no_response() -> None:
    """The outcome tells what was lost, and counts and retries as one without a response."""
    driver = driver_with(always(Outcome(NO_RESPONSE.kind, lost_status=200)), {"retry_config": {"max_attempts": 2}})
    task = add(driver, "a")
    driver.drain()
    assert task.last_outcome is not None
    assert (task.last_outcome.message, task.last_outcome.lost_status) == ("UNKNOWN(2): HTTP status code 0", 200)
    assert (task.dispatch_count, task.response_count, task.failures) == (2, 0, 2)


# --- the heap of waiting tasks -----------------------------------------------------------------------------------


def waiting_task(number: int, at: int) -> Task:
    """A task that is to go at ``at``."""
    return Task(f"{QUEUE}/tasks/t{number}", QUEUE, number, HttpTarget(URL), 0, at, None, None)


instants_and_ranks = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=12)


@given(instants_and_ranks, st.integers(-1, 6))
def test_tasks_go_by_instant_rank_and_number_however_they_came(places: list[tuple[int, int]], now: int) -> None:
    """The heap is a sorted list: seen whole, up to an instant, and one by one as tasks go."""
    waiting, tasks = WaitingTasks(), []
    for number, (at, rank) in enumerate(places):
        tasks.append(waiting_task(number, at))
        waiting.add(tasks[-1], rank)
    tasks.sort(key=lambda task: (task.schedule_time, places[task.sequence][1], task.sequence))
    assert list(waiting) == tasks
    assert waiting.due(now) == [task for task in tasks if task.schedule_time <= now]
    gone = []
    while (task := waiting.first()) is not None:
        task.waiting = None
        gone.append(task)
    assert gone == tasks
    assert list(waiting) == []


@given(instants_and_ranks, st.data())
def test_a_task_waits_where_it_was_added_last(places: list[tuple[int, int]], data: st.DataObject) -> None:
    """Tasks that are added again or gone leave nothing of theirs among the waiting ones."""
    waiting = WaitingTasks()
    tasks: list[Task] = []
    ranks: dict[Task, int] = {}
    for number, (at, rank) in enumerate(places):
        task = waiting_task(number, at)
        tasks.append(task)
        waiting.add(task, rank)
        ranks[task] = rank
        moved = data.draw(st.sampled_from([None, *tasks]))
        if moved is None:
            task.waiting = None
        else:
            moved.delay = data.draw(st.integers(0, 3))
            ranks[moved] = data.draw(st.integers(0, 2))
            waiting.add(moved, ranks[moved])
    left = [task for task in tasks if task.waiting is not None]
    left.sort(key=lambda task: (task.eligible_at, ranks[task], task.sequence))
    assert list(waiting) == waiting.due(10) == left
    assert waiting.first() is (left[0] if left else None)
