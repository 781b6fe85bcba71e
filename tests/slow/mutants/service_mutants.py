"""Mistakes that the comparison with the reference must find: the model with one of its functions replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from pytest_cloudtasks._service import batches, errors, overrides, queue_settings, retry, scheduler, service, validation
from pytest_cloudtasks._service.errors import ServiceError
from pytest_cloudtasks._service.queue import DispatchRate, Queue, QueueState, WaitingTasks
from pytest_cloudtasks._service.request import HttpTarget
from pytest_cloudtasks._service.retry import Retry
from pytest_cloudtasks._service.scheduler import Scheduler
from pytest_cloudtasks._service.service import ReservedNames, Service
from pytest_cloudtasks._service.task import Attempt, OutcomeKind, TaskCause
from pytest_cloudtasks._units import DAY, LATEST, SECOND
from tests.service.reference_parts import HOUR, Laws
from tests.service.side_by_side import Difference

Function = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """A mistake: ``wrong`` makes the replacement of an attribute from what it is."""

    name: str
    where: Any
    attribute: str
    wrong: Callable[[Any], Any]
    laws: Laws = field(default_factory=Laws)
    """Under which it shows."""
    found_as: tuple[type[Exception], ...] = (Difference,)


LATE_PURGE, LATE_QUEUE = Laws(purge_delay=3 * SECOND), Laws(queue_init_delay=2 * SECOND)
THROTTLED = Laws(throttles=True)


def changed(change: Callable[..., tuple[Any, ...]]) -> Callable[[Function], Function]:
    """Call the function with what ``change`` makes of its arguments."""
    return lambda right: lambda *given: right(*change(*given))


def followed_by(more: Callable[..., object]) -> Callable[[Function], Function]:
    """Call the function, and then ``more`` with its result and its arguments."""

    def wrong(right: Function) -> Function:
        def both(*given: Any, **named: Any) -> Any:
            result = right(*given, **named)
            more(result, *given)
            return result

        return both

    return wrong


def verdict(change: Callable[..., dict[str, Any]]) -> Callable[[Function], Function]:
    """Let a failed attempt be judged by what ``change`` makes of the attempt: other arguments of the verdict."""

    def wrong(apply: Function) -> Function:
        judge = scheduler.verdict_on_failure

        def applied(self: Scheduler, attempt: Attempt, outcome: Any, now: int) -> None:
            def judged(config: Any, **given: Any) -> Any:
                given = {"config": config, **given, **change(attempt)}
                return judge(given.pop("config"), **given)

            with patch.object(scheduler, "verdict_on_failure", judged):
                apply(self, attempt, outcome, now)

        return applied

    return wrong


def one_limit(judge: Function) -> Function:
    return lambda config, **given: judge(
        config if config.max_attempts < 0 else config._replace(max_retry_duration=0), **given
    )


def keeps_slot(conclude: Function) -> Function:
    def wrong(self: Scheduler, attempt: Attempt, *given: Any) -> None:
        attempt.queue.in_flight += not attempt.task.is_live
        conclude(self, attempt, *given)

    return wrong


def as_if_running(next_dispatch: Function) -> Function:
    def wrong(queue: Queue, *among: Any) -> Any:
        state, queue.state = queue.state, QueueState.RUNNING
        try:
            return next_dispatch(queue, *among)
        finally:
            queue.state = state

    return wrong


def alone(apply: Function) -> Function:
    def wrong(self: Scheduler, attempt: Attempt, *given: Any) -> None:
        task = attempt.task
        others, task.in_flight = task.in_flight, 0
        apply(self, attempt, *given)
        task.in_flight = others

    return wrong


def sooner(apply: Function) -> Function:
    judge = scheduler.verdict_on_failure

    def wrong(self: Scheduler, attempt: Attempt, outcome: Any, now: int) -> None:
        def judged(*given: Any, **named: Any) -> Any:
            right = judge(*given, **named)
            return Retry(0) if isinstance(right, Retry) and outcome.retry_at is not None else right

        with patch.object(scheduler, "verdict_on_failure", judged):
            apply(self, attempt, outcome, now)

    return wrong


def counted(by: int, of_http: bool) -> Callable[[Function], Function]:
    """Count a 5xx otherwise."""

    def count(_: None, self: Scheduler, attempt: Attempt, outcome: Any, now: int) -> None:
        is_5xx = outcome.kind is OutcomeKind.RESPONSE and outcome.is_5xx
        if is_5xx and isinstance(attempt.task.target, HttpTarget) is of_http:
            attempt.task.response_count += by

    return followed_by(count)


def never_304(answer: Function) -> Function:
    def wrong(*given: Any) -> None:
        with patch.object(scheduler, "replace", lambda outcome, **_: outcome):
            answer(*given)

    return wrong


def zero_doublings(config_from: Function) -> Function:
    def wrong(given: Any) -> Any:
        config = config_from(given)
        return config._replace(max_doublings=0) if given.get("max_doublings") == 0 else config

    return wrong


def at_most(part_of: Callable[[Queue, Any], Any]) -> Callable[[Function], Function]:
    return lambda allow: lambda queue, part, now: allow(queue, part_of(queue, part), now)


def no_old_error(get_task: Function) -> Function:
    def wrong(*given: Any) -> Any:
        try:
            return get_task(*given)
        except ServiceError as error:
            if error.message == errors.LEGACY_TASK_NO_LONGER_EXISTS.text:
                raise errors.TASK_NO_LONGER_EXISTS.error() from None
            raise

    return wrong


def ended_by_failure(create_tasks: Function) -> Function:
    def wrong(*given: Any) -> Any:
        create_task, failures = Service.create_task, []

        def until_one_fails(*task: Any) -> Any:
            if failures:
                raise failures[0]
            try:
                return create_task(*task)
            except ServiceError as error:
                failures.append(error)
                raise

        with patch.object(Service, "create_task", until_one_fails):
            return create_tasks(*given)

    return wrong


def query_added(overridden_url: Function) -> Function:
    def wrong(url: str, given: Any) -> str:
        result: str = overridden_url(url, given)
        query = given.get("query_override", {}).get("query_params", "")
        return f"{result}?{query}" if query and "?" not in result else result

    return wrong


def besides(overridden_target: Function) -> Function:
    def wrong(target: Any, given: Any) -> Any:
        result = overridden_target(target, given)
        if isinstance(result, HttpTarget) and result is not target:
            result.headers = (*(pair for pair in target.headers if pair not in result.headers), *result.headers)
        return result

    return wrong


def reserve_queue(_: None, made: Service, now: int, name: str) -> None:
    made._reserved_queues.reserve(name, now, 7 * DAY)


def reserve_task(_: None, made: Service, task: Any, cause: Any, at: int) -> None:
    made._reserved_tasks[task.queue_name].reserve(validation.id_of(task.name), at, DAY)


def free_names(draft_task: Function) -> Function:
    def wrong(made: Service, now: int, parent: str, spec: Any) -> Any:
        if parent in made.queues:
            made._reserved_tasks[parent] = ReservedNames()
        return draft_task(made, now, parent, spec)

    return wrong


def wait_from_creation(waiting: WaitingTasks, task: Any, rank: int) -> None:
    task.waiting = (0, rank, task.sequence, task)
    waiting._heap.append(task.waiting)
    waiting._heap.sort()


MUTANTS = [
    Mutant(
        "the delay never grows linearly",
        retry,
        "delay_after",
        lambda right: lambda config, failures: right(config, min(failures, config.max_doublings + 1)),
    ),
    Mutant(
        "the delay doubles once too often",
        retry,
        "delay_after",
        changed(lambda config, failures: (config._replace(max_doublings=config.max_doublings + 1), failures)),
    ),
    Mutant(
        "max_backoff is no cap",
        retry,
        "delay_after",
        changed(lambda config, failures: (config._replace(max_backoff=100 * HOUR), failures)),
    ),
    Mutant(
        "one attempt too many",
        scheduler,
        "verdict_on_failure",
        lambda right: lambda config, *, attempts, **given: right(config, attempts=attempts - 1, **given),
    ),
    Mutant(
        "an age equal to the limit goes on",
        scheduler,
        "verdict_on_failure",
        lambda right: (
            lambda config, *, first_dispatch, **given: right(config, first_dispatch=first_dispatch + 1, **given)
        ),
    ),
    Mutant("one limit is enough to stop", scheduler, "verdict_on_failure", one_limit),
    Mutant(
        "the delay runs from the schedule time",
        Scheduler,
        "_apply",
        verdict(lambda attempt: {"ended": attempt.schedule_time}),
    ),
    Mutant(
        "the delay after RunTask runs from the call",
        Scheduler,
        "_apply",
        verdict(lambda attempt: {"ended": attempt.dispatch_time} if attempt.forced else {}),
    ),
    Mutant(
        "the age runs from the creation",
        Scheduler,
        "_apply",
        verdict(lambda attempt: {"first_dispatch": attempt.task.create_time}),
    ),
    Mutant(
        "a task's own retry_config is ignored",
        Scheduler,
        "_apply",
        verdict(lambda attempt: {"config": attempt.queue.config.retry_config}),
    ),
    Mutant(
        "one dispatch too many at once",
        Queue,
        "has_slot",
        lambda _: property(lambda queue: queue.in_flight <= queue.config.rate_limits.max_concurrent_dispatches),
    ),
    Mutant("a dropped answer keeps its slot", Scheduler, "_conclude", keeps_slot),
    Mutant(
        "tokens come twice as fast",
        DispatchRate,
        "take",
        followed_by(lambda _, rate, now: setattr(rate, "_full_at", rate._full_at - rate._interval // 2)),
    ),
    Mutant("there is no burst", DispatchRate, "ready_at", lambda _: lambda rate: rate._full_at),
    Mutant(
        "a new rate fills the bucket",
        DispatchRate,
        "change",
        followed_by(lambda _, rate, new, burst, now: setattr(rate, "_full_at", now)),
    ),
    Mutant("a paused queue dispatches", Queue, "next_dispatch", as_if_running),
    Mutant("new settings wait for the next event", Scheduler, "reconfigured", lambda _: lambda *given: None),
    Mutant(
        "of one instant the youngest task goes first",
        WaitingTasks,
        "add",
        changed(lambda waiting, task, rank: (waiting, task, -task.sequence)),
    ),
    Mutant("tasks go in the order of their creation", WaitingTasks, "add", lambda _: wait_from_creation),
    Mutant(
        "a task's name is free at once",
        Service,
        "draft_task",
        free_names,
    ),
    Mutant("a queue's name is free at once", Service, "is_reserved", lambda _: lambda *given: False),
    Mutant(
        "a reservation ends an instant late",
        ReservedNames,
        "holds",
        changed(lambda made, name, now: (made, name, now - 1)),
    ),
    Mutant("5xx counts as an execution", Scheduler, "_apply", counted(1, of_http=True)),
    Mutant("App Engine counts like HTTP", Scheduler, "_apply", counted(-1, of_http=False)),
    Mutant(
        "an answer at the deadline is late",
        Scheduler,
        "record_outcome",
        changed(lambda made, attempt, outcome, at, now: (made, attempt, outcome, at + (at == attempt.deadline), now)),
    ),
    Mutant("a late answer is awaited", Attempt, "deadline", lambda _: property(lambda attempt: LATEST)),
    Mutant("tasks never expire", Scheduler, "remove_due", lambda _: lambda made, now: False),
    Mutant(
        "the first of two attempts decides",
        Scheduler,
        "_apply",
        alone,
        found_as=(Difference, KeyError),  # the table of transitions finds it, too
    ),
    Mutant(
        "a purge leaves the tasks",
        Service,
        "_remove",
        lambda right: (
            lambda made, tasks, cause, now: None if cause is TaskCause.PURGE else right(made, tasks, cause, now)
        ),
    ),
    Mutant("720 hours are too far", validation, "MAX_SCHEDULE_AHEAD", lambda ahead: ahead - 1),
    Mutant(
        "a queue's name is reserved for 7 days",
        Service,
        "delete_queue",
        followed_by(reserve_queue),
        Laws(queue_tombstone_ttl=HOUR),
    ),
    Mutant(
        "a task's name is reserved for a day",
        Service,
        "_end",
        followed_by(reserve_task),
        Laws(task_tombstone_ttl=HOUR),
    ),
    Mutant(
        "a late purge comes at once",
        Scheduler,
        "purge_later",
        changed(lambda made, queue, before, at, now: (made, queue, before, now, now)),
        LATE_PURGE,
    ),
    Mutant(
        "a late purge takes what came since",
        Scheduler,
        "purge_later",
        changed(lambda made, queue, before, at, now: (made, queue, 10**9, at, now)),
        LATE_PURGE,
    ),
    Mutant(
        "a new queue is there at once",
        Service,
        "create_queue",
        followed_by(lambda queue, *given: setattr(queue, "initialized_at", 0)),
        LATE_QUEUE,
    ),
    Mutant(
        "a new queue comes an instant late",
        Service,
        "create_queue",
        followed_by(lambda queue, *given: setattr(queue, "initialized_at", queue.initialized_at + 1)),
        LATE_QUEUE,
    ),
    Mutant("a ghost is a queue", Service, "is_reserved", lambda _: lambda *given: False, Laws(ghosts=True)),
    Mutant("0 doublings of a queue are 0", queue_settings, "retry_config_from", zero_doublings),
    Mutant("0 doublings of a task are 0", service, "retry_config_from", zero_doublings),
    Mutant(
        "a throttled queue loses too much",
        Queue,
        "allow",
        at_most(lambda queue, part: part / 2 if part < queue.throttle else part),
        THROTTLED,
    ),
    Mutant(
        "a throttled queue gets nothing back",
        Queue,
        "allow",
        at_most(lambda queue, part: min(part, queue.throttle)),
        THROTTLED,
    ),
    Mutant(
        "429 throttles App Engine",
        scheduler,
        "_throttle",
        followed_by(
            lambda _, queue, task, outcome, now: (
                queue.allow(queue.throttle / 2, now)
                if outcome.http_status == 429 and not isinstance(task.target, HttpTarget)
                else None
            )
        ),
        THROTTLED,
    ),
    Mutant(
        "a throttled queue keeps its burst",
        Queue,
        "_change_rate",
        lambda _: (
            lambda queue, limits, now: queue.rate.change(
                queue.throttle * int(limits.max_dispatches_per_second), limits.max_burst_size, now
            )
        ),
        THROTTLED,
    ),
    Mutant("Retry-After comes sooner", Scheduler, "_apply", sooner, Laws(honours_retry_after=True)),
    Mutant("304 fails", Scheduler, "record_outcome", never_304, Laws(takes_304=True)),
    Mutant(
        "a deleted queue never was",
        Service,
        "_queue_missing",
        lambda _: lambda *given: errors.LEGACY_QUEUE_MISSING.error(),
        Laws(old_errors=True),
    ),
    Mutant("GetTask has no old error", Service, "get_task", no_old_error, Laws(old_errors=True)),
    Mutant(
        "a request ID counts for nothing",
        batches,
        "_new",
        changed(lambda made, kind, size, now, parent, request_id, api: (made, kind, size, now, parent, "", api)),
    ),
    Mutant("a failure ends a batch", batches, "create_tasks", ended_by_failure),
    Mutant(
        "IF_NOT_EXISTS replaces",
        overrides,
        "overridden_url",
        changed(lambda url, given: (url, {**given, "uri_override_enforce_mode": "ALWAYS"} if given else given)),
    ),
    Mutant(
        "port 0 is none",
        overrides,
        "overridden_url",
        changed(lambda url, given: (url, {key: one for key, one in given.items() if key != "port" or one})),
    ),
    Mutant("IF_NOT_EXISTS adds a query", overrides, "overridden_url", query_added),
    Mutant("an override by GET sends a body", HttpTarget, "can_be_sent", lambda _: property(lambda target: True)),
    Mutant("a queue's header comes besides", queue_settings, "overridden_target", besides),
    Mutant("a queue's token is ignored", overrides, "_queue_token", lambda _: lambda given: None),
    Mutant("a token goes with any URL", overrides, "check_token_url", lambda _: lambda token, url: None),
]
