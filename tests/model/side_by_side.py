"""The property that holds the model against `reference`: the same workload, the same history.

The model under test is given as a loaded package, so that altered copies of it can be put to the same property.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from . import reference
from .driving import LOCATION, START, URL, Driver, RanAway, numbered_ids
from .reference import DAY, HOUR, SECOND, Answer, Rates, Reference, Retries


class Difference(AssertionError):
    """The model and the reference don't agree."""


@dataclass(frozen=True)
class Model:
    """The modules of one copy of the model."""

    attempt: ModuleType
    knobs: ModuleType
    refusals: ModuleType
    service: ModuleType
    task: ModuleType

    @classmethod
    def of(cls, package: str) -> Model:
        """The model in the importable ``package``."""
        return cls(
            *(
                importlib.import_module(f"{package}.{name}")
                for name in ("attempt", "knobs", "refusals", "service", "task")
            )
        )


# --- workloads ---------------------------------------------------------------------------------------------------

BURSTS = {Fraction(1, 2): 1, Fraction(1): 2, Fraction(2): 1, Fraction(5): 3}
"""Rates at which a token takes a whole number of nanoseconds, and small bursts, so that tokens do run out."""


@dataclass(frozen=True)
class Create:
    queue: str
    task: str
    """Empty for a name of the service's own."""
    after: int | None
    """The schedule time, counted from now."""
    deadline: int | None
    retries: Retries | None
    times: int
    """How many of it are created, if unnamed."""
    answers: tuple[Answer, ...]
    """What the handler does, attempt by attempt; the last one repeats."""


@dataclass(frozen=True)
class OnTask:
    verb: str
    back: int
    """Which one: 0 for the task that was accepted last, gone or not."""


@dataclass(frozen=True)
class OnQueue:
    verb: str
    queue: str
    rates: Rates
    retries: Retries


@dataclass(frozen=True)
class Advance:
    by: int


Command = Create | OnTask | OnQueue | Advance

QUICK = Retries(3, 0, SECOND, 5 * SECOND, 1)
retries = st.sampled_from(
    [
        QUICK,
        replace(QUICK, max_attempts=1),
        replace(QUICK, max_attempts=1, max_retry_duration=3 * SECOND),
        replace(QUICK, max_attempts=-1, max_retry_duration=7 * SECOND),
        replace(QUICK, max_attempts=6, max_retry_duration=7 * SECOND),
        Retries(8, 0, 10 * SECOND, 300 * SECOND, 2),
        Retries(8, 0, 2 * SECOND, 7 * SECOND, 0),
        Retries(30, 0, SECOND // 10, HOUR, 16),
        Retries(-1, 0, 10 * SECOND, 100_000 * SECOND, 16),
    ]
)
rates = st.builds(
    lambda rate, concurrency: Rates(rate, BURSTS[rate], concurrency),
    st.sampled_from(sorted(BURSTS)),
    st.sampled_from([1000, 2, 1, 1]),
)
answers = st.builds(
    Answer,
    st.sampled_from([200, 503, 404, 500, None]),
    st.sampled_from([0, 0, SECOND, 3 * SECOND, 15 * SECOND, 20 * SECOND]),
)
queues = st.sampled_from([*"qqqqq", "r"])
creations = st.builds(
    Create,
    queues,
    st.sampled_from(["", "", "a", "b"]),
    st.sampled_from([None, None, None, -5 * SECOND, SECOND, 5 * SECOND, HOUR, 720 * HOUR, 720 * HOUR + 1]),
    st.sampled_from([None, 15 * SECOND, 20 * SECOND]),
    st.none() | retries,
    st.sampled_from([1, 1, 1, 4]),
    st.lists(answers, min_size=1, max_size=4).map(tuple),
)
on_tasks = st.builds(
    OnTask,
    st.sampled_from(["run_task", "run_task", "delete_task", "get_task"]),
    st.sampled_from([0, 0, 1, 2, 5]),
)
on_queues = st.builds(
    OnQueue,
    st.sampled_from(
        [
            "create_queue",
            "delete_queue",
            "purge_queue",
            *["pause_queue", "resume_queue"] * 2,
            *["update_rates", "update_retries"] * 3,
        ]
    ),
    queues,
    rates,
    retries,
)
_SHORT_WHILES = [SECOND // 2, *(seconds * SECOND for seconds in (1, 1, 2, 2, 3, 5, 5, 15, 60))]
advances = st.sampled_from([*_SHORT_WHILES, *_SHORT_WHILES, HOUR, DAY, 7 * DAY, 31 * DAY]).map(Advance)


@st.composite
def names_used_again(draw: st.DrawFn) -> list[Command]:
    """A named task, or a queue, goes, and its name is asked for again about when it is free."""
    if draw(st.booleans()):
        first, again = draw(creations), draw(creations)
        return [
            replace(first, queue="q", task="a"),
            OnTask("delete_task", 0),
            draw(st.sampled_from([Advance(DAY), Advance(DAY - 1), Advance(HOUR)])),
            replace(again, queue="q", task="a"),
        ]
    first_queue, queue_again = draw(on_queues), draw(on_queues)
    return [
        replace(first_queue, verb="delete_queue", queue="q"),
        draw(st.sampled_from([Advance(7 * DAY), Advance(7 * DAY - 1), Advance(DAY)])),
        replace(queue_again, verb="create_queue", queue="q"),
    ]


@st.composite
def limits_changed_at_work(draw: st.DrawFn) -> list[Command]:
    """A queue with more tasks than it may dispatch gets other limits."""
    return [
        replace(draw(creations), queue="q", task="", times=4, after=None),
        draw(advances),
        replace(draw(on_queues), verb="update_rates", queue="q"),
        draw(advances),
    ]


def _one(command: Command) -> list[Command]:
    return [command]


episodes = st.sampled_from(
    [
        *[creations.map(_one)] * 4,
        *[advances.map(_one)] * 4,
        *[on_tasks.map(_one)] * 2,
        *[on_queues.map(_one)] * 2,
        names_used_again(),
        limits_changed_at_work(),
    ]
).flatmap(lambda kind: kind)
workloads = st.builds(
    lambda q, r, drawn: [q, r, *(command for episode in drawn for command in episode)],
    st.builds(OnQueue, st.just("create_queue"), st.just("q"), rates, retries),
    st.builds(OnQueue, st.just("create_queue"), st.just("r"), rates, retries),
    st.lists(episodes, min_size=12, max_size=40),
)


# --- the two sides -----------------------------------------------------------------------------------------------


def queue_name(queue: str) -> str:
    return f"{LOCATION}/queues/{queue}"


def task_name(queue: str, task: str) -> str:
    return f"{queue_name(queue)}/tasks/{task}"


def chosen(known: list[str], back: int) -> str:
    """The name that a command on a task means; one that never was if there are not so many."""
    return known[-1 - back] if back < len(known) else task_name("q", "never")


def script_of(create: Create) -> reference.Script:
    return lambda number: create.answers[min(number, len(create.answers)) - 1]


class ModelSide:
    """Puts commands to a copy of the model."""

    def __init__(self, model: Model) -> None:
        knobs = model.knobs.Knobs(
            burst_size=lambda rate: BURSTS[Fraction(rate)], zero_max_doublings=model.knobs.ZeroMaxDoublings.LITERAL
        )
        self.model = model
        self.driver = Driver(model.service.Service(numbered_ids(), knobs), self._handle)
        self.service = self.driver.service
        self._scripts: dict[Any, reference.Script] = {}

    def do(self, command: Command) -> str:
        """Carry out a command; the answer is the name of the code it was refused with, or nothing."""
        if isinstance(command, Advance):
            self.driver.advance(command.by)
            return ""
        try:
            self._command(command)
        except self.model.refusals.ServiceError as refused:
            return str(refused.code.name)
        self.driver.advance(0)
        return ""

    def _command(self, command: Create | OnTask | OnQueue) -> None:
        service, now = self.service, self.driver.now
        if isinstance(command, OnTask):
            known = [task.name for task in service.accepted]
            getattr(service, command.verb)(now, chosen(known, command.back))
            return
        name = queue_name(command.queue)
        if isinstance(command, Create):
            spec = self.model.task.TaskSpec(
                self.model.task.HttpTarget(URL),
                name=task_name(command.queue, command.task) if command.task else "",
                schedule_time=None if command.after is None else now + command.after,
                dispatch_deadline=command.deadline,
                retry_config=None if command.retries is None else vars(command.retries),
            )
            for _ in range(1 if command.task else command.times):
                self._scripts[service.create_task(now, name, spec)] = script_of(command)
        elif command.verb == "create_queue":
            service.create_queue(now, LOCATION, name, {**_limits(command.rates), "retry_config": vars(command.retries)})
        elif command.verb == "update_rates":
            service.get_queue(now, name)
            service.update_queue(now, name, _limits(command.rates), [f"rate_limits.{field}" for field in _RATE_FIELDS])
        elif command.verb == "update_retries":
            service.get_queue(now, name)
            service.update_queue(now, name, {"retry_config": vars(command.retries)}, ["retry_config"])
        else:
            getattr(service, command.verb)(now, name)

    def _handle(self, attempt: Any) -> tuple[Any, int]:
        answer = self._scripts[attempt.task](attempt.number)
        outcomes = self.model.attempt
        return outcomes.NO_RESPONSE if answer.status is None else outcomes.response(answer.status), answer.takes

    def queues(self) -> list[tuple[object, ...]]:
        """Every live queue as it is now."""
        return sorted(
            (
                queue.name,
                queue.state.name,
                queue.purge_time,
                queue.in_flight,
                [task.name for task in queue.tasks.values()],
            )
            for queue in self.service.queues.values()
        )

    def tasks(self) -> list[tuple[object, ...]]:
        """Every task there ever was."""
        return [
            (
                task.name,
                task.state.name,
                task.create_time,
                task.schedule_time,
                task.ended_at,
                task.dispatch_count,
                task.response_count,
                task.failures,
                task.in_flight,
                [self._shown(attempt) for attempt in task.attempts or ()],
            )
            for task in self.service.accepted
        ]

    def _shown(self, attempt: Any) -> tuple[object, ...]:
        return (
            attempt.number,
            attempt.schedule_time,
            attempt.dispatch_time,
            attempt.response_time,
            self._outcome(attempt.outcome),
            attempt.forced,
            attempt.retry_count,
            attempt.execution_count,
            self._outcome(attempt.previous),
        )

    def _outcome(self, outcome: Any) -> str:
        if outcome is None:
            return ""
        return str(outcome.http_status) if outcome.kind.name == "RESPONSE" else str(outcome.kind.name)

    def history(self, queue: str) -> list[tuple[object, ...]]:
        """What happened to a queue and its tasks; expiry is seen in the tasks."""
        return [
            self._told(event)
            for event in self.service.events
            if event.queue_name == queue_name(queue) and event.kind.name != "TASK_EXPIRED"
        ]

    def _told(self, event: Any) -> tuple[object, ...]:
        told: tuple[object, ...] = (event.at, event.kind.name)
        if event.task is not None:
            told += (event.task.name,)
        if event.attempt is not None:
            told += (event.attempt.number,)
        if event.kind.name == "TASK_ANSWERED":
            told += (self._outcome(event.attempt.outcome), self._decision(event))
        return told

    def _decision(self, event: Any) -> str:
        if event.dropped:
            return "dropped"
        if event.verdict is None:
            return ""
        return f"retry at {event.verdict.at}" if hasattr(event.verdict, "at") else "give up"


_RATE_FIELDS = ("max_dispatches_per_second", "max_concurrent_dispatches")


def _limits(rates: Rates) -> dict[str, object]:
    return {"rate_limits": dict(zip(_RATE_FIELDS, (float(rates.rate), rates.concurrency), strict=True))}


class ReferenceSide:
    """Puts commands to the reference."""

    HTTP_DEADLINE = 600 * SECOND

    def __init__(self) -> None:
        self.reference = Reference(START)
        self._new_id = numbered_ids()

    def do(self, command: Command) -> str:
        """As `ModelSide.do`."""
        if isinstance(command, Advance):
            self.reference.advance(command.by)
            return ""
        try:
            self._command(command)
        except reference.Refused as refused:
            return refused.code
        self.reference.advance(0)
        return ""

    def _command(self, command: Create | OnTask | OnQueue) -> None:
        if isinstance(command, OnTask):
            known = [task.name for task in self.reference.all_tasks]
            name = chosen(known, command.back)
            getattr(self.reference, command.verb)(name.rpartition("/tasks/")[0], name)
            return
        now, name = self.reference.now, queue_name(command.queue)
        if isinstance(command, Create):
            for _ in range(1 if command.task else command.times):
                self._create(command, now)
        elif command.verb == "create_queue":
            self.reference.create_queue(name, command.rates, command.retries)
        elif command.verb == "update_rates":
            self.reference.update_rates(name, command.rates)
        elif command.verb == "update_retries":
            self.reference.update_retries(name, command.retries)
        else:
            getattr(self.reference, command.verb)(name)

    def _create(self, create: Create, now: int) -> None:
        def new_name() -> str:
            return task_name(create.queue, create.task or self._new_id())

        self.reference.create_task(
            queue_name(create.queue),
            new_name,
            None if create.after is None else now + create.after,
            create.deadline or self.HTTP_DEADLINE,
            create.retries,
            script_of(create),
        )

    def queues(self) -> list[tuple[object, ...]]:
        """As `ModelSide.queues`."""
        return sorted(
            (queue.name, queue.state, queue.purged, len(queue.under_way), [task.name for task in queue.live_tasks])
            for queue in self.reference.queues
            if queue.deleted is None
        )

    def tasks(self) -> list[tuple[object, ...]]:
        """As `ModelSide.tasks`."""
        return [
            (
                task.name,
                task.state,
                task.created,
                task.schedule_time,
                task.ended,
                len(task.attempts),
                len(task.responses),
                task.failures,
                len(task.under_way),
                [self._shown(attempt) for attempt in task.attempts],
            )
            for task in self.reference.all_tasks
        ]

    def _shown(self, attempt: reference.Attempt) -> tuple[object, ...]:
        return (
            attempt.number,
            attempt.schedule_time,
            attempt.dispatch_time,
            attempt.response_time,
            "" if attempt.response_time is None else attempt.answer,
            attempt.forced,
            attempt.retry_count,
            attempt.execution_count,
            attempt.previous,
        )

    def history(self, queue: str) -> list[tuple[object, ...]]:
        """As `ModelSide.history`."""
        return [told for one in self.reference.queues if one.name == queue_name(queue) for told in one.history]


# --- the property ------------------------------------------------------------------------------------------------


def agree_on(model: Model, workload: list[Command]) -> None:
    """The model and the reference go the same way, command by command, and on until no task can be left."""
    actual, expected = ModelSide(model), ReferenceSide()
    for command in [*workload, Advance(32 * DAY)]:
        _same(f"the answer to {command}", actual, expected, lambda side, command=command: side.do(command))
        _same(f"the queues after {command}", actual, expected, lambda side: side.queues())
    for queue in ("q", "r"):
        _same(f"the history of {queue}", actual, expected, lambda side, queue=queue: side.history(queue))
    _same("the tasks", actual, expected, lambda side: side.tasks())


def _same(
    what: str, actual: ModelSide, expected: ReferenceSide, question: Callable[[ModelSide | ReferenceSide], object]
) -> None:
    try:
        said = question(actual)
    except RanAway as endless:
        raise Difference(str(endless)) from None
    wanted = question(expected)
    if said != wanted:
        raise Difference(f"{what}:\n  model     {said}\n  reference {wanted}")
