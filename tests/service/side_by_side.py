"""The property that holds the model against `reference`: the same workload, the same history.

The model under test is given as a loaded package, so that altered copies of it can be put to the same property.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import ModuleType
from typing import Any

from . import reference_parts as reference
from .driving import LOCATION, START, Driver, numbered_ids
from .reference import Reference
from .reference_parts import DAY, SECOND, Laws, Rates
from .reference_requests import Request
from .workloads import BURSTS, Advance, BatchCreate, BatchDelete, Command, Create, OnQueue, OnTask, Workload


class Difference(AssertionError):
    """The model and the reference don't agree."""


@dataclass(frozen=True)
class Model:
    """The modules of one copy of the model."""

    batch: ModuleType
    options: ModuleType
    outcome: ModuleType
    refusals: ModuleType
    service: ModuleType
    target: ModuleType
    task: ModuleType

    @classmethod
    def of(cls, package: str) -> Model:
        """The model in the importable ``package``."""
        return cls(
            *(
                importlib.import_module(f"{package}.{name}")
                for name in ("batches", "options", "task", "errors", "service", "request", "task")
            )
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


def verdict_of(failed: dict[int, Any]) -> str:
    """What came of a batch, as the names of the codes by index."""
    return ", ".join(f"{index}: {error.code.name}" for index, error in sorted(failed.items()))


class ModelSide:
    """Puts commands to a copy of the model."""

    def __init__(self, model: Model, laws: Laws) -> None:
        self.model = model
        self.laws = laws
        self.events: list[Any] = []
        self.driver = Driver(
            model.service.Service(numbered_ids(), self._options(), record=self.events.append), self._handle
        )
        self.service = self.driver.service
        self._scripts: dict[Any, reference.Script] = {}

    def _options(self) -> Any:
        laws, options = self.laws, self.model.options
        return options.ServiceOptions(
            burst_size=lambda rate: BURSTS[Fraction(rate)],
            queue_tombstone_ttl=laws.queue_tombstone_ttl,
            task_tombstone_ttl=laws.task_tombstone_ttl,
            purge_delay=laws.purge_delay,
            queue_init_delay=laws.queue_init_delay,
            ghost_recreate=laws.ghosts,
            legacy_errors=laws.old_errors,
            system_throttle=options.SystemThrottle.SIMPLE if laws.throttles else options.SystemThrottle.NONE,
            honour_retry_after=laws.honours_retry_after,
            treat_304_as_success=laws.takes_304,
        )

    def do(self, command: Command) -> str:
        """Carry out a command; the answer is the name of the code it was rejected with, or what came of it."""
        if isinstance(command, Advance):
            self.driver.advance(command.by)
            return ""
        try:
            result = self._command(command)
        except self.model.refusals.ServiceError as refused:
            code: str = refused.code.name  # the reference doesn't know what is wrong with an argument
            return code if code == "INVALID_ARGUMENT" else f"{code}: {refused.message}"
        self.driver.advance(0)
        return result

    def _command(self, command: Create | OnTask | OnQueue | BatchCreate | BatchDelete) -> str:
        service, now = self.service, self.driver.now
        if isinstance(command, OnTask):
            known = [task.name for task in service.accepted]
            getattr(service, command.verb)(now, chosen(known, command.back))
        elif isinstance(command, Create):
            for _ in range(1 if command.task else command.times):
                task = service.create_task(now, queue_name(command.queue), self._spec(command))
                self._scripts[task] = script_of(command)
        elif isinstance(command, OnQueue):
            self._on_queue(command, now, queue_name(command.queue))
        elif isinstance(command, BatchDelete):
            known = [task.name for task in service.accepted]
            doomed = [chosen(known, back) for back in command.backs]
            return verdict_of(
                service.batch_delete_tasks(now, queue_name(command.queue), doomed, command.request_id).failed
            )
        else:
            wanted = [self.model.batch.Creation(queue_name(one.queue), self._spec(one)) for one in command.creations]
            operation = service.batch_create_tasks(now, queue_name("q"), wanted, command.request_id)
            for index, task in operation.created.items():
                self._scripts.setdefault(
                    service.accepted.get(task.sequence),
                    script_of(command.creations[min(index, len(command.creations) - 1)]),
                )
            return verdict_of(operation.failed)
        return ""

    def _spec(self, create: Create) -> Any:
        target = self.model.target
        request, now = create.request, self.driver.now
        kind = target.AppEngineTarget if request.is_app_engine else target.HttpTarget
        return self.model.task.TaskSpec(
            kind(request.url, request.method, request.headers, request.body),
            name=task_name(create.queue, create.task) if create.task else "",
            schedule_time=None if create.after is None else now + create.after,
            dispatch_deadline=create.deadline,
            retry_config=None if create.retries is None else vars(create.retries),
        )

    def _on_queue(self, command: OnQueue, now: int, name: str) -> None:
        service = self.service
        limits, wanted = _limits(command.rates), {"retry_config": vars(command.retries)}
        if command.verb == "create_queue":
            target = {"http_target": command.http_target} if command.http_target else {}
            service.create_queue(now, LOCATION, name, {**limits, **wanted, **target})
            return
        if not command.verb.startswith("update_"):
            getattr(service, command.verb)(now, name)
            return
        service.get_queue(now, name)
        if command.verb == "update_rates":
            service.update_queue(now, name, limits, [f"rate_limits.{field}" for field in _RATE_FIELDS])
        elif command.verb == "update_retries":
            service.update_queue(now, name, wanted, ["retry_config"])
        elif command.verb == "update_doublings":
            service.update_queue(now, name, wanted, ["retry_config.max_doublings"])
        else:
            service.update_queue(now, name, {"http_target": command.http_target}, ["http_target"])

    def _handle(self, attempt: Any) -> tuple[Any, int]:
        answer = self._scripts[attempt.task](attempt.number)
        outcomes = self.model.outcome
        if answer.status is None:
            return outcomes.NO_RESPONSE, answer.takes
        outcome = outcomes.response(answer.status)
        if self.laws.honours_retry_after and answer.retry_after is not None:
            outcome = replace(outcome, retry_at=self.driver.now + answer.takes + answer.retry_after)
        return outcome, answer.takes

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
                [self._shown(attempt) for attempt in task.attempts],
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
            self._sent(attempt.target),
        )

    def _sent(self, target: Any) -> tuple[object, ...]:
        if not hasattr(target, "url"):
            return (target.relative_uri, target.method, target.body)
        own = [pair for pair in target.headers if pair[0] != "User-Agent"]
        token = None if target.oidc is None else target.oidc.audience
        return (target.url, target.method, target.body, sorted(own), token)

    def _outcome(self, outcome: Any) -> str:
        if outcome is None:
            return ""
        return str(outcome.http_status) if outcome.kind.name == "RESPONSE" else str(outcome.kind.name)

    def history(self, queue: str) -> list[tuple[object, ...]]:
        """What happened to a queue and its tasks; expiry is seen in the tasks."""
        return [
            self._told(event)
            for event in self.events
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

    DEADLINE = 600 * SECOND

    def __init__(self, laws: Laws) -> None:
        self.reference = Reference(START, laws)
        self._new_id = numbered_ids()

    def do(self, command: Command) -> str:
        """As `ModelSide.do`."""
        if isinstance(command, Advance):
            self.reference.advance(command.by)
            return ""
        try:
            result = self._command(command)
        except reference.Refused as refused:
            return refused.code if refused.code == "INVALID_ARGUMENT" else f"{refused.code}: {refused.text}"
        self.reference.advance(0)
        return result

    def _command(self, command: Create | OnTask | OnQueue | BatchCreate | BatchDelete) -> str:
        known = [task.name for task in self.reference.all_tasks]
        if isinstance(command, OnTask):
            name = chosen(known, command.back)
            getattr(self.reference, command.verb)(name.rpartition("/tasks/")[0], name)
        elif isinstance(command, Create):
            for _ in range(1 if command.task else command.times):
                self._create(command)
        elif isinstance(command, OnQueue):
            self._on_queue(command, queue_name(command.queue))
        elif isinstance(command, BatchDelete):
            doomed = [chosen(known, back) for back in command.backs]
            return self._batch_delete(queue_name(command.queue), doomed, command.request_id)
        else:
            return self._batch_create(command)
        return ""

    def _on_queue(self, command: OnQueue, name: str) -> None:
        if command.verb == "create_queue":
            other = {"http_target": command.http_target} if command.http_target else {}
            self.reference.create_queue(name, command.rates, command.retries, other)
        elif command.verb == "update_rates":
            self.reference.update_rates(name, command.rates)
        elif command.verb == "update_retries":
            self.reference.update_retries(name, command.retries)
        elif command.verb == "update_doublings":
            self.reference.update_doublings(name, command.retries.max_doublings)
        elif command.verb == "update_target":
            self.reference.update_target(name, command.http_target)
        else:
            getattr(self.reference, command.verb)(name)

    def _batch_create(self, batch: BatchCreate) -> str:
        names = [one.task for one in batch.creations if one.task]
        if any(one.queue != "q" for one in batch.creations) or len(set(names)) < len(names):
            return "INVALID_ARGUMENT"
        deeds = [lambda one=one: self._create(one) for one in batch.creations]
        return self._told(self.reference.batch("create", queue_name("q"), batch.request_id, deeds))

    def _batch_delete(self, queue: str, doomed: list[str], request_id: str) -> str:
        deleted: set[str] = set()
        deeds = [lambda name=name: self._delete(queue, name, deleted) for name in doomed]
        return self._told(self.reference.batch("delete", queue, request_id, deeds))

    def _delete(self, queue: str, name: str, deleted: set[str]) -> None:
        if name in deleted:
            return
        if name.rpartition("/tasks/")[0] != queue:
            raise reference.Refused("INVALID_ARGUMENT", "")
        self.reference.delete_task(queue, name)
        deleted.add(name)

    def _told(self, operation: reference.Operation) -> str:
        return ", ".join(f"{index}: {refused.code}" for index, refused in sorted(operation.failed.items()))

    def _create(self, create: Create) -> None:
        def new_name() -> str:
            return task_name(create.queue, create.task or self._new_id())

        self.reference.create_task(
            queue_name(create.queue),
            new_name,
            None if create.after is None else self.reference.now + create.after,
            create.deadline or self.DEADLINE,
            create.retries,
            script_of(create),
            create.request,
        )

    def queues(self) -> list[tuple[object, ...]]:
        """As `ModelSide.queues`."""
        return sorted(
            (queue.name, queue.state, queue.purged, len(queue.under_way), [task.name for task in queue.live_tasks])
            for queue in self.reference.live_queues
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
            self._sent(attempt.sent),
        )

    def _sent(self, request: Request) -> tuple[object, ...]:
        if request.is_app_engine:
            return (request.url, request.method, request.body)
        token = None if request.token is None else request.token[2]
        return (request.url, request.method, request.body, sorted(request.headers), token)

    def history(self, queue: str) -> list[tuple[object, ...]]:
        """As `ModelSide.history`."""
        return [told for one in self.reference.queues if one.name == queue_name(queue) for told in one.history]


# --- the property ------------------------------------------------------------------------------------------------


def agree_on(model: Model, workload: Workload) -> None:
    """The model and the reference go the same way, command by command, and on until no task can be left."""
    actual, expected = ModelSide(model, workload.laws), ReferenceSide(workload.laws)
    for command in [*workload.commands, Advance(32 * DAY)]:
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
    except AssertionError as broken:  # it ran away, or found itself in a state that can't be
        raise Difference(str(broken)) from None
    wanted = question(expected)
    if said != wanted:
        if isinstance(said, list) and isinstance(wanted, list):
            pairs = itertools.zip_longest(said, wanted)
            index, (said, wanted) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
            what = f"{what}, from number {index} on"
        raise Difference(f"{what}:\n  model     {said}\n  reference {wanted}")
