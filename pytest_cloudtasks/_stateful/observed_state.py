"""What has happened in an example, as `FakeCloudTasks` tells it: the promises are held against it.

Nothing here asks the model. What happened is read off the timeline, and the settings off the queues, after each step.
Instants and durations are nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from .._api.fake import FakeCloudTasks, simulation_of
from .._diagnostics.timeline import line_data, lines_of
from .._messages.proto import nanoseconds, proto_of
from .._service.validation import id_of
from .._simulation.records import TaskRecord
from .._time.instants import from_datetime, from_timedelta

SECOND = 1_000_000_000
SUCCESSES = range(200, 300)
NOT_MODIFIED = 304
PURGED = "was purged"


@dataclass(frozen=True)
class Limits:
    """A queue's RateLimits."""

    rate: float
    burst: int
    concurrency: int


@dataclass(frozen=True)
class Retries:
    """The RetryConfig of a queue or of a task."""

    max_attempts: int
    max_retry_duration: int
    min_backoff: int
    max_backoff: int
    max_doublings: int

    def delay_after(self, failures: int) -> int:
        """The wait after so many failures: doubled, then in even steps, up to the longest. Evidence: documented."""
        doublings = min(failures - 1, self.max_doublings)
        return min((self.min_backoff << doublings) * (failures - doublings), self.max_backoff)


@dataclass
class Happening:
    """A line of the timeline."""

    at: int
    event: str
    queue: str = ""
    task: str = ""
    schedule_time: int = 0
    """Of a task that was created."""
    number: int = 0
    forced: bool = False
    result: int | str = 0
    has_verdict: bool = False
    """A failure after which the task was retried, or given up."""
    exhausted: bool = False
    dropped: bool = False


@dataclass
class DispatchStory:
    """An attempt."""

    number: int
    at: int
    forced: bool
    schedule_time: int
    deadline: int
    """The instant by which it has to end."""
    ended: int | None = None

    @property
    def may_lack_times(self) -> bool:
        """Whether the task's message may be without this attempt's times: RunTask answers before the request goes out.

        Evidence: recorded.
        """
        return self.forced and self.ended is None


@dataclass
class TaskStory:
    """A task, from its creation on."""

    name: str
    queue: str
    schedule_time: int
    own_retries: Retries | None = None
    dispatches: list[DispatchStory] = field(default_factory=list)
    failures: int = 0
    retry_from: int | None = None
    """The earliest instant of the retry that the last failure leads to, where the settings are known."""
    may_retry: bool | None = None
    """Whether the limits leave a retry; None where nobody knows."""
    end: str = ""
    """How it ended, in the words of a sentence."""
    may_vanish: bool = False
    """It was purged, and goes within the minute."""

    @property
    def under_way(self) -> list[DispatchStory]:
        """Attempts without an answer."""
        return [one for one in self.dispatches if one.ended is None]

    def __str__(self) -> str:
        return f"{id_of(self.queue)}/{id_of(self.name)}"


@dataclass
class QueueStory:
    """A queue, from its creation to its deletion."""

    name: str
    state: str = "running"
    limits: Limits | None = None
    """None from the moment they change to the end of the step."""
    retries: Retries | None = None
    tokens: float = 0
    """At the most, at the instant `counted`."""
    counted: int = 0
    under_way: set[tuple[str, int]] = field(default_factory=set)
    """Attempts, by the task's name and their number."""

    def tokens_at(self, instant: int) -> float:
        """At the most so many dispatches are allowed at ``instant``."""
        assert self.limits is not None, "the settings are known"
        return min(self.limits.burst, self.tokens + (instant - self.counted) / SECOND * self.limits.rate)

    def __str__(self) -> str:
        return id_of(self.name)


class Story:
    """All queues and tasks of an example, as far as it was read."""

    def __init__(self, *, purges_take_time: bool = False) -> None:
        self.purges_take_time = purges_take_time
        self.queues: dict[str, QueueStory] = {}
        """Those that are there."""
        self.tasks: dict[str, TaskStory] = {}
        """The latest of each name."""
        self.latest = 0
        """The instant of what was read last."""
        self.touched: set[str] = set()
        """The tasks of which there was something to read in this step."""
        self._read = 0
        self._dispatches = 0

    def unread(self, cloud_tasks: FakeCloudTasks) -> Iterator[Happening]:
        """What has happened since, in order; what is given is part of the story when the next is asked for."""
        cloud_tasks.tasks()  # whatever only takes time has taken effect
        # What timeline(format="json") gives, from where it was read to, and without the way through a text.
        told = list(islice(lines_of(simulation_of(cloud_tasks).history.entries()), self._read, None))
        attempts = cloud_tasks.attempts() if told else []
        self.touched.clear()
        for line in told:
            what = happening(line_data(line))
            yield what
            if what.event == "task_dispatched":
                attempt = attempts[self._dispatches]
                self._dispatches += 1
                self._dispatch(what, attempt.task, from_datetime(attempt.schedule_time, what="a schedule time"))
            else:
                self._apply(what)
            self.latest = what.at
            self.touched.add(what.task)
        self._read += len(told)
        self._learn(cloud_tasks)

    def _dispatch(self, what: Happening, record: TaskRecord, schedule_time: int) -> None:
        task, queue = self.tasks[what.task], self.queues[what.queue]
        deadline = what.at + from_timedelta(record.dispatch_deadline)
        task.own_retries = task.own_retries or own_retries(record)
        task.dispatches.append(DispatchStory(what.number, what.at, what.forced, schedule_time, deadline))
        queue.under_way.add((what.task, what.number))
        if queue.limits is not None and not what.forced:
            queue.tokens, queue.counted = queue.tokens_at(what.at) - 1, what.at

    def _apply(self, what: Happening) -> None:
        if what.event == "queue_created":
            self.queues[what.queue] = QueueStory(what.queue)
        elif what.event == "queue_deleted":
            del self.queues[what.queue]
            self._end_all(what.queue, "was deleted with its queue")
        elif what.event == "queue_purged":
            self._end_all(what.queue, PURGED)
        elif what.event in ("queue_paused", "queue_resumed", "queue_disabled"):
            self.queues[what.queue].state = what.event.removeprefix("queue_").replace("resumed", "running")
        elif what.event == "queue_updated":
            self.queues[what.queue].limits = self.queues[what.queue].retries = None
        elif what.event == "task_created":
            self.tasks[what.task] = TaskStory(what.task, what.queue, what.schedule_time)
        elif what.event == "task_answered":
            self._answer(what)
        elif what.event in ("task_deleted", "task_expired", "task_acknowledged", "task_leases_exhausted"):
            self.tasks[what.task].end = f"was {what.event.removeprefix('task_')}".replace("_", " ")

    def _end_all(self, queue: str, how: str) -> None:
        for task in self.tasks.values():
            if task.queue == queue and not task.end:
                if how == PURGED and self.purges_take_time:
                    task.may_vanish = True
                else:
                    task.end = how

    def _answer(self, what: Happening) -> None:
        task, queue = self.tasks[what.task], self.queues.get(what.queue)
        attempts = [one for one in task.dispatches if one.number == what.number]
        if not attempts:
            return  # of an earlier task of that name
        attempts[0].ended = what.at
        if queue is not None:
            queue.under_way.discard((what.task, what.number))
        if what.dropped:
            return
        if succeeded(what, task):
            task.end = "had succeeded"
            return
        task.failures += 1
        config = task.own_retries or (None if queue is None else queue.retries)
        if config is None:
            task.retry_from = task.may_retry = None
        else:
            task.retry_from = what.at + config.delay_after(task.failures)
            task.may_retry = has_retry(config, task, what.at - task.dispatches[0].at)
        if what.exhausted:
            task.end = "had no retry left"

    def _learn(self, cloud_tasks: FakeCloudTasks) -> None:
        """Ask for settings that are not known."""
        for name, queue in self.queues.items():
            if queue.limits is None:
                message = proto_of(cloud_tasks.queue(name).message)
                limits = message.rate_limits
                queue.limits = Limits(
                    limits.max_dispatches_per_second, limits.max_burst_size, limits.max_concurrent_dispatches
                )
                queue.retries = retries_in(message.retry_config)
                queue.tokens, queue.counted = float(queue.limits.burst), self.latest


def happening(line: dict[str, Any]) -> Happening:
    """A line of ``timeline(format="json")``."""
    return Happening(
        at=instant(line["at"]),
        event=line["event"],
        queue=line.get("queue", ""),
        task=line.get("task", ""),
        schedule_time=instant(line["schedule_time"]) if "schedule_time" in line else 0,
        number=line.get("attempt", 0),
        forced=line.get("forced", False),
        result=line.get("result", 0),
        has_verdict="retry_at" in line or "exhausted" in line,
        exhausted="exhausted" in line,
        dropped=line.get("dropped", False),
    )


def instant(text: str) -> int:
    """The nanoseconds of an ISO 8601 instant."""
    return from_datetime(datetime.fromisoformat(text), what="an instant of the timeline")


def succeeded(what: Happening, task: TaskStory) -> bool:
    """Whether the answer ended its task well. A 304 does by a service option: no verdict on a failure then."""
    if what.result == NOT_MODIFIED:
        return not what.has_verdict and not task.under_way
    return what.result in SUCCESSES


def has_retry(config: Retries, task: TaskStory, age: int) -> bool:
    """Whether a task that has failed at this age may go again: as long as one of the limits that are set allows it."""
    if config.max_attempts == -1:
        return config.max_retry_duration == 0 or age <= config.max_retry_duration
    is_young = config.max_retry_duration > 0 and age <= config.max_retry_duration
    return is_young or len(task.dispatches) < config.max_attempts


def retries_in(config: Any) -> Retries:
    """A RetryConfig message as it is stored."""
    return Retries(
        config.max_attempts,
        nanoseconds(config.max_retry_duration),
        nanoseconds(config.min_backoff),
        nanoseconds(config.max_backoff),
        config.max_doublings,
    )


def own_retries(record: TaskRecord) -> Retries | None:
    """What a task has set for itself."""
    message = proto_of(record.message)
    if "retry_config" not in message.DESCRIPTOR.fields_by_name or not message.HasField("retry_config"):
        return None
    return retries_in(message.retry_config)
