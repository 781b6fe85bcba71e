"""What holds for every queue and every task, whatever happens: each promise gives a sentence where it is broken.

`ALONG_THE_WAY` are held against each happening, before it becomes part of the story; `AFTER_A_STEP` against the tasks
that are in the queues then. Attempts that RunTask or ``dispatch()`` forced go past schedules, limits and a queue's
state. Evidence: documented.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._messages.proto import nanoseconds, proto_of
from .._service.task import TaskState
from .._simulation.records import TaskRecord
from .._time.instants import to_datetime
from .observed_state import SECOND, Happening, Story

MICROSECOND = 1_000
"""What is read is cut to it."""
EnRoute = Callable[[Story, Happening], "str | None"]
Afterwards = Callable[[Story, Sequence[TaskRecord]], "str | None"]


def never_before_its_schedule_time(story: Story, what: Happening) -> str | None:
    """A task goes at its schedule time or later. Evidence: documented."""
    task = story.tasks.get(what.task)
    if not is_scheduled_dispatch(what) or task is None or task.dispatches or what.at >= task.schedule_time:
        return None
    return f"{task} was dispatched at {clock(what.at)}, before its schedule time, {clock(task.schedule_time)}."


def never_before_its_backoff(story: Story, what: Happening) -> str | None:
    """A retry waits as long as min_backoff, max_backoff and max_doublings say, or longer. Evidence: documented."""
    task = story.tasks.get(what.task)
    if not is_scheduled_dispatch(what) or task is None or task.retry_from is None or what.at >= task.retry_from:
        return None
    return (
        f"{task} was dispatched again at {clock(what.at)}, although after failure {task.failures} it is to wait until"
        f" {clock(task.retry_from)}."
    )


def never_past_its_retry_limits(story: Story, what: Happening) -> str | None:
    """Once max_attempts and max_retry_duration, those that are set, are used up, no retry follows. Documented."""
    task = story.tasks.get(what.task)
    if not is_scheduled_dispatch(what) or task is None or task.may_retry is not False:
        return None
    return f"{task} was dispatched again at {clock(what.at)}, although its retry limits were used up."


def never_given_up_too_soon(story: Story, what: Happening) -> str | None:
    """A task is not given up while one of its limits allows a retry. Evidence: documented."""
    task, queue = story.tasks.get(what.task), story.queues.get(what.queue)
    if not what.exhausted or task is None:
        return None
    config = task.own_retries or (None if queue is None else queue.retries)
    if config is None:
        return None
    attempts = len(task.dispatches)
    has_age_limit = config.max_retry_duration > 0
    attempts_left = not has_age_limit if config.max_attempts == -1 else attempts < config.max_attempts
    if not attempts_left and not (has_age_limit and what.at - task.dispatches[0].at < config.max_retry_duration):
        return None
    return f"{task} was given up at {clock(what.at)}, after attempt {attempts}, although its limits allow a retry."


def never_dispatched_once_gone(story: Story, what: Happening) -> str | None:
    """A task that has succeeded, or was given up, deleted, purged or expired, is not dispatched again. Documented."""
    task = story.tasks.get(what.task)
    if what.event != "task_dispatched" or task is None or not task.end:
        return None
    return f"{task} was dispatched at {clock(what.at)}, although it {task.end}."


def nothing_leaves_a_paused_queue(story: Story, what: Happening) -> str | None:
    """A paused queue, or a disabled one, dispatches nothing. Evidence: documented."""
    queue = story.queues.get(what.queue)
    if not is_scheduled_dispatch(what) or queue is None or queue.state == "running":
        return None
    return f"{story.tasks[what.task]} was dispatched at {clock(what.at)}, although its queue was {queue.state}."


def never_above_the_concurrency(story: Story, what: Happening) -> str | None:
    """No dispatch while max_concurrent_dispatches attempts are under way. Evidence: documented."""
    queue = story.queues.get(what.queue)
    if not is_scheduled_dispatch(what) or queue is None or queue.limits is None:
        return None
    if len(queue.under_way) < queue.limits.concurrency:
        return None
    return (
        f"{story.tasks[what.task]} was dispatched at {clock(what.at)}, while {len(queue.under_way)} attempts of the"
        f" queue were under way and its max_concurrent_dispatches is {queue.limits.concurrency}."
    )


def never_above_the_rate(story: Story, what: Happening) -> str | None:
    """In any stretch of t seconds at most max_burst_size + max_dispatches_per_second · t dispatches. Documented."""
    queue = story.queues.get(what.queue)
    if not is_scheduled_dispatch(what) or queue is None or queue.limits is None:
        return None
    if queue.tokens_at(what.at) >= 1 - queue.limits.rate * 2 * MICROSECOND / SECOND:
        return None
    return (
        f"{story.tasks[what.task]} was dispatched at {clock(what.at)}, although a burst of {queue.limits.burst} and"
        f" {queue.limits.rate:g} dispatches a second leave no token at that instant."
    )


def never_awaited_past_its_deadline(story: Story, what: Happening) -> str | None:
    """An attempt ends by its dispatch deadline. Evidence: documented."""
    task = story.tasks.get(what.task)
    if what.event != "task_answered" or task is None:
        return None
    for attempt in task.under_way:
        if attempt.number == what.number and what.at > attempt.deadline + MICROSECOND:
            return (
                f"Attempt {attempt.number} of {task} ended at {clock(what.at)}, and its dispatch deadline was"
                f" {clock(attempt.deadline)}."
            )
    return None


def names_are_unique(story: Story, what: Happening) -> str | None:
    """No task is created under the name of one that is there. Evidence: documented."""
    task = story.tasks.get(what.task)
    if what.event != "task_created" or task is None or task.end or task.may_vanish:
        return None
    return f"{task} was created at {clock(what.at)}, although there was a task of that name."


def time_never_goes_backwards(story: Story, what: Happening) -> str | None:
    """What happens later has no earlier instant, unless the test has set its own clock anew. Evidence: our choice."""
    if what.at >= story.latest or what.event == "clock_set_anew":
        return None
    return f"The timeline goes from {clock(story.latest)} back to {clock(what.at)} ({what.event} {what.task})."


def nothing_is_lost(story: Story, there: Sequence[TaskRecord]) -> str | None:
    """An accepted task that has not ended is in its queue. Evidence: documented (delivery at least once)."""
    listed = {record.name for record in there}
    lost = [task for task in story.tasks.values() if not task.end and not task.may_vanish and task.name not in listed]
    return None if not lost else f"{lost[0]} is in no queue, although nothing has ended it."


def what_has_ended_is_not_listed(story: Story, there: Sequence[TaskRecord]) -> str | None:
    """A task that has ended is in no queue any more. Evidence: documented."""
    for record in there:
        task = story.tasks.get(record.name)
        if record.state not in (TaskState.SCHEDULED, TaskState.DISPATCHED):
            return f"{record!r} is still in its queue, although it has ended."
        if task is not None and task.end:
            return f"{task} is still in its queue, although it {task.end}."
    return None


def attempts_are_counted(story: Story, there: Sequence[TaskRecord]) -> str | None:
    """dispatch_count is the number of dispatches, and response_count no more than that. Evidence: documented."""
    for record in there:
        if record.name not in story.touched:
            continue
        attempts = story.tasks[record.name].dispatches
        numbers = [attempt.number for attempt in attempts]
        if numbers != list(range(1, record.dispatch_count + 1)) and record.method:
            return (
                f"{record!r} has the attempts {numbers}, and its dispatch_count is {record.dispatch_count}: they should"
                " be counted from 1 on."
            )
        if record.response_count > record.dispatch_count:
            return (
                f"{record!r} has a response_count of {record.response_count}, more than its dispatch_count of"
                f" {record.dispatch_count}."
            )
    return None


def attempts_are_kept(story: Story, there: Sequence[TaskRecord]) -> str | None:
    """first_attempt and last_attempt are the first and the last one dispatched. Evidence: documented."""
    for record in there:
        if record.name not in story.touched:
            continue
        attempts = story.tasks[record.name].dispatches
        if not attempts:
            continue
        message = proto_of(record.message)
        kept = nanoseconds(message.first_attempt.dispatch_time), nanoseconds(message.last_attempt.dispatch_time)
        if any(
            at != attempt.at and (at or not attempt.may_lack_times)
            for at, attempt in zip(kept, (attempts[0], attempts[-1]), strict=True)
        ):
            return (
                f"{record!r} was dispatched first at {clock(attempts[0].at)} and last at {clock(attempts[-1].at)}; its"
                f" first_attempt says {clock(kept[0])}, its last_attempt {clock(kept[1])}."
            )
    return None


def is_scheduled_dispatch(what: Happening) -> bool:
    """Whether a task goes out by the queue's own doing."""
    return what.event == "task_dispatched" and not what.forced


def clock(instant: int) -> str:
    """An instant as a sentence has it."""
    at = to_datetime(instant)
    return f"{at:%Y-%m-%d %H:%M:%S}" + (f".{at.microsecond:06d}" if at.microsecond else "")


ALONG_THE_WAY: tuple[EnRoute, ...] = (
    never_before_its_schedule_time,
    never_before_its_backoff,
    never_past_its_retry_limits,
    never_given_up_too_soon,
    never_dispatched_once_gone,
    nothing_leaves_a_paused_queue,
    never_above_the_concurrency,
    never_above_the_rate,
    never_awaited_past_its_deadline,
    names_are_unique,
    time_never_goes_backwards,
)
AFTER_A_STEP: tuple[Afterwards, ...] = (
    nothing_is_lost,
    what_has_ended_is_not_listed,
    attempts_are_counted,
    attempts_are_kept,
)
