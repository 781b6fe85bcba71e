from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.queue import Line
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.task import Task, TaskState

QUEUE = "projects/p/locations/l/queues/q"


def waiting(number: int, at: int, rank: int = 0) -> Task:
    """A task that is to go at ``at``."""
    task = Task(f"{QUEUE}/tasks/t{number}", QUEUE, number, HttpTarget("https://app.test"), 0, at, None, None)
    task.rank = rank
    return task


def put(line: Line, task: Task) -> None:
    """Let ``task`` line up as it is now."""
    line.add((task.eligible_at, task.rank, task.sequence, task.dispatch_count, task))


places = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=12)


@given(places, st.integers(-1, 6))
def test_tasks_go_by_instant_rank_and_number_however_they_came(places: list[tuple[int, int]], now: int) -> None:
    """The line is the sorted one: seen whole, up to an instant, and one by one as they go."""
    line, tasks = Line(), [waiting(number, at, rank) for number, (at, rank) in enumerate(places)]
    for task in tasks:
        put(line, task)
    tasks.sort(key=lambda task: (task.schedule_time, task.rank, task.sequence))
    assert list(line) == tasks
    assert line.up_to(now) == [task for task in tasks if task.schedule_time <= now]
    gone = []
    while (task := line.first()) is not None:
        task.state = TaskState.DISPATCHED
        gone.append(task)
    assert gone == tasks
    assert list(line) == []


@given(places, st.data())
def test_a_task_stands_where_it_lined_up_last(places: list[tuple[int, int]], data: st.DataObject) -> None:
    """Tasks that are held back or gone leave nothing of theirs in the line."""
    line, tasks = Line(), [waiting(number, at, rank) for number, (at, rank) in enumerate(places)]
    for task in tasks:
        put(line, task)
        moved = data.draw(st.sampled_from([None, *tasks[: task.sequence + 1]]))
        if moved is None:
            task.state = TaskState.DELETED
        else:
            moved.delay = data.draw(st.integers(0, 3))
            put(line, moved)
    left = [task for task in tasks if task.state is TaskState.SCHEDULED]
    left.sort(key=lambda task: (task.eligible_at, task.rank, task.sequence))
    assert list(line) == line.up_to(10) == left
    assert line.first() is (left[0] if left else None)


def test_a_task_that_comes_again_after_a_dispatch_waits_anew() -> None:
    """What it left in the line before its dispatch counts no more, although it is for the same instant."""
    line, task, other = Line(), waiting(0, 5), waiting(1, 5)
    put(line, task)
    task.dispatch_count = 1
    assert line.first() is None
    put(line, other)
    put(line, task)
    assert list(line) == [task, other]


def test_a_task_that_lines_up_again_stands_by_its_new_rank() -> None:
    """What it left at the same instant by another rank counts no more."""
    line, task, other = Line(), waiting(0, 5, rank=1), waiting(1, 5, rank=2)
    put(line, task)
    put(line, other)
    task.rank = 3
    put(line, task)
    assert line.first() is other
    assert list(line) == [other, task]


def test_nobody_waits_in_a_new_line() -> None:
    """There is no first, and none that is due."""
    assert (Line().first(), Line().up_to(10), list(Line())) == (None, [], [])
