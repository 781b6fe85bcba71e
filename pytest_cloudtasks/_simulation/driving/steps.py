"""Steps: the next dispatch or answer, or a sleeping delivery that wakes, and the delivery of an attempt.

Theory of operation. `run_next` finds the next step: one of the scheduler (a dispatch, or an answer), or a sleeping
delivery that wakes. For a dispatch, `_begin` finds the target, moves the clock there and lets the service begin the
attempt; `deliver` and `_run` deliver it, and `_take` passes the answer to the service. A task without a target raises
before anything has changed. An answer may arrive at a later instant, and is then a step of its own.

A delivery whose async handler sleeps in the queue's time is put on a timetable, from which `_wake` takes it. Until it
answers, the service expects DEADLINE_EXCEEDED at the attempt's deadline. So two handlers overlap only in the queue's
time: while a handler runs, the clock does not move. An exception that fails the test is raised last, when the attempt
is in the history.

One rule for threads: reading the service, the faults or the sleepers in order to decide, and the change that follows,
happen within one hold of the simulation's lock. Targets run outside of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ..._clients.identity.tokens import authorization_for
from ..._service.queue import QueueState
from ..._service.request import HttpTarget
from ..._service.scheduler import Step, Upcoming
from ..._service.task import DEADLINE_EXCEEDED, Attempt, OutcomeKind, Task
from ..._targets.answers import Answer, WrongAnswer
from ..._targets.base import Destination, Target, destination_of
from ..._targets.redirects import MAX_REDIRECTS, redirected, retry_at
from ..._targets.request import TargetRequest
from ..._text import counted
from ..exceptions import DrainLimitReached, ends_the_run
from ..formatting import short_name
from .delivery import Deliveries, Delivery, NotOfAsyncio
from .no_target import no_target

if TYPE_CHECKING:
    from ..simulation import Simulation


class Waking(NamedTuple):
    """A step of the driver's own: a sleeping delivery continues at the instant ``at``."""

    at: int
    delivery: Delivery


class Begun(NamedTuple):
    """A step that has begun; it is complete when its deliveries have run."""

    attempt: Attempt
    is_dispatch: bool
    """Whether the step was a dispatch: it began the attempt, or delivers one that RunTask has begun."""
    deliveries: Deliveries[None] | None
    """The deliveries to run; None if the step needs no target, or its attempt can't be sent."""


class Steps:
    """Finds the next step of a simulation, and does it."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    # --- which step comes next, and doing it -----------------------------------------------------------------------

    def pass_time(self, to: int) -> bool:
        """Move to ``to``, unless an external clock that ticks has passed it.

        Return whether nothing else has happened: no task was removed, and it is ``to`` now.
        """
        with self.simulation.lock:
            clock = self.simulation.clock
            clock.move(max(to, clock.now))
            now = clock.now
            took_effect = self.simulation.service.scheduler.remove_due(now)
            return now == to and not took_effect

    def peek(self) -> Upcoming | Waking | None:
        """Return the next step: the scheduler's, or that of a delivery that wakes before it."""
        upcoming = self.simulation.service.scheduler.upcoming()
        waking = self._first_waking() if self.simulation.activities.sleepers.entries else None
        if waking is None:
            return upcoming
        if upcoming is None or upcoming.at > waking.at:
            return waking
        return upcoming if upcoming.at < waking.at or _goes_before_sleepers(upcoming) else waking

    def _first_waking(self) -> Waking | None:
        sleepers = self.simulation.activities.sleepers
        while (first := sleepers.first()) is not None:
            waking = Waking(*first)
            if waking.delivery.wakes_at == waking.at:
                return waking
            sleepers.remove(waking.delivery)  # its tasks were cancelled or woken by others
            self._let_sleep(waking.delivery)
        return None

    def _let_sleep(self, delivery: Delivery) -> bool:
        """Let ``delivery`` wake at its next alarm. Return whether it has one."""
        at, attempt = delivery.wakes_at, delivery.attempt
        if at is not None:
            self.simulation.activities.sleepers.put(delivery, at, (attempt.task.sequence, attempt.number))
        return at is not None

    def run_next(self, end: int | None, left: int = 1, limit: int = 1) -> Deliveries[tuple[Attempt, bool] | None]:
        """Do the next step up to ``end``; return None if there is none. ``left`` of ``limit`` attempts may still be
        made.

        Return the step's attempt, and whether the step was a dispatch, which counts towards the limit.
        """
        __tracebackhide__ = True
        begun = self.begin_next(end, left, limit)
        if begun is None:
            return None
        if begun.deliveries is not None:
            yield from begun.deliveries
        return begun.attempt, begun.is_dispatch

    def begin_next(self, end: int | None, left: int = 1, limit: int = 1) -> Begun | None:
        """Begin the next step as `run_next` does, and return it before its deliveries have run."""
        __tracebackhide__ = True
        simulation = self.simulation
        while True:
            with simulation.lock:
                simulation.catch_up()  # a handler may have moved an external clock
                coming = self.peek()
                if coming is None or (end is not None and coming.at > end):
                    return None
                begun = self._wake(coming) if isinstance(coming, Waking) else self._begin(coming, left, limit)
            if begun is not None:
                return begun

    def _wake(self, waking: Waking) -> Begun | None:
        """Let a sleeping delivery continue; return None if another step comes first now."""
        if waking.at > self.simulation.clock.now and not self._reach(waking):
            return None
        self.simulation.activities.sleepers.remove(waking.delivery)
        return Begun(waking.delivery.attempt, False, self._run(waking.delivery))

    def _begin(self, upcoming: Upcoming, left: int, limit: int) -> Begun | None:
        """Begin the scheduler's step; return None if another one comes first now."""
        __tracebackhide__ = True
        clock, scheduler = self.simulation.clock, self.simulation.service.scheduler
        step = scheduler.resolve(upcoming, clock.now)
        target = None
        if step.needs_target:
            if left <= 0:
                raise self._limit_reached(step, limit)
            target = self.target_for(step.task, step.attempt)
        if upcoming.at > clock.now and not self._reach(upcoming):
            return None
        attempt = scheduler.proceed(step, clock.now)
        return Begun(attempt, step.needs_target, None if target is None else self.deliver(attempt, target))

    def _reach(self, step: Upcoming | Waking) -> bool:
        """Move to the instant of ``step``.

        Return whether it still comes next, because its task may have expired by then.
        """
        return self.pass_time(step.at) or self.peek() == step

    # --- the delivery of an attempt --------------------------------------------------------------------------------

    def deliver_at_once(self, task: Task) -> Deliveries[None]:
        """Deliver ``task`` if it is due, as the queue does, even while a driving method runs."""
        __tracebackhide__ = True
        with self.simulation.lock:
            if not self.is_due(task):
                return
            target = self.target_for(task)
            attempt = self.simulation.service.begin(self.simulation.clock.now, task)
        if target is not None:
            yield from self.deliver(attempt, target)

    def is_due(self, task: Task) -> bool:
        """Return whether a task that was just created may go out; another thread may have dispatched or deleted it."""
        with self.simulation.lock:
            if not task.is_live or task.dispatch_count:
                return False
            queue = self.simulation.service.queues[task.queue_name]
            return (
                task.eligible_at <= self.simulation.clock.now
                and queue.state is QueueState.RUNNING
                and not queue.is_pull
            )

    def deliver(self, attempt: Attempt, target: Target) -> Deliveries[None]:
        """Pass the request to the target and its answer to the service. An exception is raised at the end."""
        __tracebackhide__ = True
        authorization = authorization_for(attempt.target, attempt.dispatch_time)
        request = TargetRequest(attempt, authorization)
        self.simulation.history.requests[attempt] = request
        yield from self._run(Delivery(attempt, target, request))
        if not self.simulation.faults.are_planned:
            return
        with self.simulation.lock:
            second = self._second_delivery(attempt, target, authorization)
        if second is not None:
            yield from self._run(second)

    def _run(self, delivery: Delivery) -> Deliveries[None]:
        """Start ``delivery``, or let it continue, until it has answered or sleeps."""
        __tracebackhide__ = True
        simulation, attempt = self.simulation, delivery.attempt
        if delivery.is_over:
            yield delivery
            self._let_tasks_go_on(delivery)
            return
        if delivery.is_second:
            yield from self._run_second(delivery)
            return
        try:
            yield delivery
        except GeneratorExit:  # the driving method was cancelled, and its handler with it
            self._miss_deadline(attempt)
            raise
        if delivery.answer is None:
            with simulation.lock:
                is_asleep = self._let_sleep(delivery)
                assert is_asleep, "a handler that has not answered sleeps"
                self._miss_deadline(attempt)
            return
        self._let_tasks_go_on(delivery)
        hop = self._hop(delivery, delivery.answer)
        if hop is None:
            self._take(delivery, delivery.answer)
        else:
            yield from self._run(hop)

    def _let_tasks_go_on(self, delivery: Delivery) -> None:
        """Wake the tasks that a handler has started and not awaited, at the instants of their alarms."""
        with self.simulation.lock:
            delivery.is_over, delivery.on_late_alarm = True, self._let_tasks_go_on
            self._let_sleep(delivery)

    def _run_second(self, delivery: Delivery) -> Deliveries[None]:
        """Run a second delivery, which the service does not notice."""
        __tracebackhide__ = True
        yield delivery
        with self.simulation.lock:
            self._record_second(delivery)
        if delivery.answer is not None:
            self._let_tasks_go_on(delivery)
            if delivery.answer.exception is not None:
                self._raise_for(delivery.answer.exception, delivery.answer, delivery.target, delivery.attempt)

    def _second_delivery(self, attempt: Attempt, target: Target, authorization: str | None) -> Delivery | None:
        """Return a second delivery of ``attempt`` to ``target``, if one is planned."""
        faults = self.simulation.faults
        if not faults.are_two_deliveries(attempt.task):
            return None
        now_there = self.simulation.targets.find_for(attempt.task, attempt.target)  # a route's script may have ended
        delivery = Delivery(attempt, now_there or target, TargetRequest(attempt, authorization))
        delivery.is_second = True
        return delivery

    def _record_second(self, delivery: Delivery) -> None:
        """Record that a second delivery was answered. If it sleeps, let it."""
        attempt, again = delivery.attempt, f"attempt {delivery.attempt.number} delivered a second time"
        faults = self.simulation.faults
        if delivery.answer is not None:
            faults.record(f"{again} → {delivery.answer.outcome.result}", attempt.task)
            return
        is_asleep = self._let_sleep(delivery)
        assert is_asleep, "a handler that has not answered sleeps"
        if not delivery.is_recorded:
            faults.record(again, attempt.task)
            delivery.is_recorded = True

    def _hop(self, delivery: Delivery, answer: Answer) -> Delivery | None:
        """Return the delivery that a redirect leads to within the attempt, and record its request.

        Return None if ``answer`` ends the attempt, as every answer to an App Engine task does. If the redirect's URL
        has no target, pass the redirect itself to the service, and raise.
        """
        __tracebackhide__ = True
        simulation, attempt = self.simulation, delivery.attempt
        may_follow = simulation.settings.service.follow_redirects and delivery.hops < MAX_REDIRECTS
        if not may_follow or attempt.outcome is not None or not isinstance(attempt.target, HttpTarget):
            return None
        request = redirected(delivery.request, answer)
        taken = delivery.taken + delivery.target.duration_for(delivery.request)
        if request is None or attempt.dispatch_time + taken > attempt.deadline:
            return None
        destination = Destination(request.url, request.method, attempt.task.queue_name, task_name=attempt.task.name)
        target = simulation.targets.find(destination)
        if target is None:
            self._take(delivery, answer)
            problem = f"The task {short_name(attempt.task)} was redirected to a URL that has no target"
            raise no_target(problem, destination, simulation.targets)
        hop = Delivery(attempt, target, request)
        hop.hops, hop.taken = delivery.hops + 1, taken
        simulation.history.requests[attempt] = request
        return hop

    def _miss_deadline(self, attempt: Attempt) -> None:
        """Record DEADLINE_EXCEEDED for ``attempt``, unless it has an outcome."""
        with self.simulation.lock:
            if attempt.outcome is None:
                self.simulation.service.scheduler.record_outcome(
                    attempt, DEADLINE_EXCEEDED, attempt.deadline, self.simulation.clock.now
                )

    def _take(self, delivery: Delivery, answer: Answer) -> None:
        """Pass an answer to the service, which ignores one after the deadline."""
        __tracebackhide__ = True
        simulation, attempt, target = self.simulation, delivery.attempt, delivery.target
        with simulation.lock:
            simulation.history.answers[attempt] = answer
            if attempt.outcome is None:
                now, outcome = simulation.clock.now, answer.outcome
                at = max(attempt.dispatch_time + delivery.taken + target.duration_for(delivery.request), now)
                if outcome.kind is OutcomeKind.DEADLINE_EXCEEDED:
                    at = max(attempt.deadline, now)
                if simulation.settings.service.honour_retry_after:
                    outcome = replace(outcome, retry_at=retry_at(answer.headers, at))
                if simulation.faults.are_planned and at <= attempt.deadline:
                    outcome = simulation.faults.outcome_of(attempt.task, outcome)
                simulation.service.scheduler.record_outcome(attempt, outcome, at, now)
        if answer.exception is not None:
            self._raise_for(answer.exception, answer, target, attempt)

    def _raise_for(self, error: BaseException, answer: Answer, target: Target, attempt: Attempt) -> None:
        """Raise a handler's exception, or record it for the test."""
        __tracebackhide__ = True
        if answer.scripted:
            return
        policy = target.on_exception or self.simulation.settings.on_exception
        is_the_tests = isinstance(error, (WrongAnswer, NotOfAsyncio)) or ends_the_run(error)
        if policy == "raise" or is_the_tests:
            if isinstance(error, StopIteration):  # Python does not let a generator raise it
                raise RuntimeError("A handler raised StopIteration, which is the cause of this.") from error
            raise error
        self.simulation.history.inspected.recorded(attempt, error)

    def target_for(self, task: Task, attempt: Attempt | None = None) -> Target | None:
        """Return the target of ``attempt``, or of the task's next attempt; None if it can't be sent."""
        __tracebackhide__ = True
        simulation = self.simulation
        sent = simulation.service.target_of(task) if attempt is None else attempt.target
        if not sent.can_be_sent:
            return None
        target = simulation.targets.find_for(task, sent)
        if target is not None:
            return target
        problem = f"The task {short_name(task)} is due, but its URL has no target"
        raise no_target(problem, destination_of(task, sent), self.simulation.targets)

    def _limit_reached(self, upcoming: Upcoming, limit: int) -> DrainLimitReached:
        task, method = upcoming.task, self.simulation.activities.method
        less = (
            "drain with a higher limit=… or with until=…"
            if method == "drain"
            else "advance by less or with a higher limit=…"
        )
        return DrainLimitReached(
            f"{method}() stopped after {counted(limit, 'attempt')}, its limit. Next would be attempt"
            f" {task.dispatch_count + 1} of {short_name(task)}. Limit the queue's retries (max_attempts,"
            f" max_retry_duration), stop the handler from enqueueing for ever, or {less}."
        )


def _goes_before_sleepers(upcoming: Upcoming) -> bool:
    """Return whether a scheduler's step comes before sleepers: at one instant answers are first and dispatches last."""
    return upcoming.attempt is not None and upcoming.step is Step.ANSWER and upcoming.at < upcoming.attempt.deadline
