"""Driving: moving the world from event to event, and delivering attempts to their targets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from .._model.attempt import Attempt, OutcomeKind, response
from .._model.dispatching import Upcoming
from .._model.queue import Queue
from .._model.task import Task
from .._targets.answers import Answer
from .._targets.request import TargetRequest
from .._targets.routes import Mount, Route, destination_of
from .._time.instants import from_datetime, from_timedelta, to_datetime
from .failing import DrainLimitReached, NoTarget
from .records import short_name
from .suggestions import counted, did_you_mean
from .summary import Beginning, Summary, beginning, summary_since
from .world import Delivery, World


@dataclass(frozen=True)
class Moved:
    """One thing that was done."""

    attempt: Attempt
    was_delivered: bool
    """Whether a request went out, rather than an answer coming in."""


class Driver:
    """The sync driver of one world. One verb at a time: none may be called from within another, as handlers would."""

    def __init__(self, world: World) -> None:
        self.world = world

    # --- verbs ---------------------------------------------------------------------------------------------------

    def step(self) -> Attempt | None:
        """Move to the next dispatch or answer and do it."""
        with self._verb("step"):
            moved = self._next(None, None)
            return None if moved is None else moved.attempt

    def dispatch_due(self, queue: str | None) -> Summary:
        """Dispatch what is due at this instant."""
        with self._verb("dispatch_due") as begin:
            only = self._queue(queue)
            while self._next(self.world.clock.now, only) is not None:
                pass
            return summary_since(self.world, begin, only)

    def advance_by(self, duration: int) -> Summary:
        """Pass ``duration`` of time, visiting every event on the way."""
        with self._verb("advance") as begin:
            return self._advance(self.world.clock.now + duration, begin)

    def advance_to(self, at: int) -> Summary:
        """Pass time up to ``at``, visiting every event on the way."""
        with self._verb("advance_to") as begin:
            now = self.world.clock.now
            if at < now:
                raise ValueError(
                    f"Time can't go backwards: it is {to_datetime(now).isoformat()}, and advance_to() was asked for"
                    f" {to_datetime(at).isoformat()}. Advance to a later instant."
                )
            return self._advance(at, begin)

    def _advance(self, to: int, begin: Beginning) -> Summary:
        while self._next(to, None) is not None:
            pass
        self._pass_time(to)
        return summary_since(self.world, begin, None)

    def drain(self, until: datetime | timedelta | None, queue: str | None, limit: int) -> Summary:
        """Jump from event to event until there is none, or until ``until``."""
        with self._verb("drain") as begin:
            only = self._queue(queue)
            end = self._end_of(until)
            left = limit
            while (moved := self._next(end, only, left, limit)) is not None:
                left -= moved.was_delivered
            if end is not None and self.world.service.dispatcher.upcoming(only) is not None:
                self._pass_time(end)
            return summary_since(self.world, begin, only)

    def dispatch(self, task: Task) -> Attempt:
        """Deliver ``task`` now."""
        with self._verb("dispatch"):
            if not task.is_live:
                raise ValueError(
                    f"The task {short_name(task)} can't be dispatched: it is {task.state.value}, and the service does"
                    " not have it any more."
                )
            target = self._target_for(task)
            with self.world.lock:
                attempt = self.world.service.force(self.world.clock.now, task)
            self._deliver(attempt, target)
            return attempt

    # --- inside --------------------------------------------------------------------------------------------------

    @contextmanager
    def _verb(self, name: str) -> Iterator[Beginning]:
        """Guards a verb, and gives its beginning."""
        delivering = self.world.delivering
        if delivering is not None:
            raise self.world.fail(
                f"cloud_tasks.{name}() was called while the handler of {short_name(delivering.task)} was running. A"
                " handler may call the Cloud Tasks client; let the test itself drive the queue, after the handler has"
                " returned."
            )
        with self.world.lock:
            now = self.world.contact()
            begin = beginning(self.world)
            self.world.service.dispatcher.observe(now)
        yield begin

    def _queue(self, queue: str | None) -> Queue | None:
        if queue is None:
            return None
        found = self.world.service.queues.get(self.world.queue_named(queue))
        if found is None:
            raise LookupError(
                f"The queue {queue!r} was deleted in this test, and nothing in it can go out any more. Drive another"
                " queue, or leave queue=… out to drive all of them."
            )
        return found

    def _end_of(self, until: datetime | timedelta | None) -> int | None:
        if until is None:
            return None
        now = self.world.clock.now
        if isinstance(until, timedelta):
            end = now + from_timedelta(until, what="drain(until=…)")
        elif isinstance(until, datetime):
            end = from_datetime(until, what="drain(until=…)")
        else:
            raise TypeError(
                f"drain(until=…) takes an aware datetime or a timedelta, and got {until!r}. Pass one, such as"
                " timedelta(hours=1)."
            )
        if end < now:
            raise ValueError(
                f"Time can't go backwards: it is {to_datetime(now).isoformat()}, and drain() was asked to go until"
                f" {to_datetime(end).isoformat()}. Drain until a later instant."
            )
        return end

    def _pass_time(self, to: int) -> None:
        with self.world.lock:
            self.world.clock.move(to)
            self.world.service.dispatcher.observe(to)

    def _next(self, end: int | None, only: Queue | None, left: int = 1, limit: int = 1) -> Moved | None:
        """Do the next thing up to ``end``; None if there is none. ``left`` of ``limit`` attempts may still be made."""
        world, dispatcher = self.world, self.world.service.dispatcher
        with world.lock:
            upcoming = dispatcher.upcoming(only)
            if upcoming is None or (end is not None and upcoming.at > end):
                return None
            if upcoming.needs_target and left <= 0:
                raise self._limit_reached(upcoming, limit)
            target = self._target_for(upcoming.task) if upcoming.needs_target else None
            if upcoming.at > world.clock.now:
                world.clock.move(upcoming.at)
                dispatcher.observe(upcoming.at)
                if dispatcher.upcoming(only) != upcoming:  # its task has just expired
                    return self._next(end, only, left, limit)
            attempt = dispatcher.proceed(upcoming, world.clock.now)
        if target is not None:
            self._deliver(attempt, target)
        return Moved(attempt, target is not None)

    def _deliver(self, attempt: Attempt, target: Route | Mount) -> None:
        """Hand the request to the target and its answer to the service; an exception comes out in the end."""
        __tracebackhide__ = True
        world = self.world
        request = TargetRequest(attempt)
        target.calls.append(request)
        world.deliveries[attempt] = Delivery(request, target, None)
        world.delivering = attempt
        try:
            answer = target.answer(request)
        except BaseException as error:  # also pytest's own failures, which are to go on from here
            answer = Answer(response(500), exception=error)
        finally:
            world.delivering = None
        world.deliveries[attempt] = Delivery(request, target, answer)
        with world.lock:
            now = world.clock.now
            at = attempt.dispatch_time + target.duration_for(request)
            if answer.outcome.kind is OutcomeKind.DEADLINE_EXCEEDED:
                at = attempt.deadline
            world.service.dispatcher.answer(attempt, answer.outcome, max(at, now), now)
        self._raise_for(answer, target)

    def _raise_for(self, answer: Answer, target: Route | Mount) -> None:
        __tracebackhide__ = True
        error = answer.exception
        if error is None or answer.scripted:
            return
        policy = target.on_exception or self.world.settings.on_exception
        if policy == "raise" or not isinstance(error, Exception):
            raise error

    def _target_for(self, task: Task) -> Route | Mount:
        destination = destination_of(task)
        target = self.world.targets.find(destination)
        if target is not None:
            return target
        known = self.world.targets.describe()
        targets = "".join(f"\n  {one}" for one in known) if known else " none"
        raise NoTarget(
            f"The task {short_name(task)} is due, and its URL has no target: {destination.method} {destination.url}."
            f"{did_you_mean(destination.url, known)}\nTargets of this test:{targets}\nAdd one with"
            f" cloud_tasks.route({destination.url!r}), or mount the application that serves it with"
            " cloud_tasks.mount(base_url, app). Nothing was sent."
        )

    def _limit_reached(self, upcoming: Upcoming, limit: int) -> DrainLimitReached:
        task = upcoming.task
        return DrainLimitReached(
            f"drain() has made {counted(limit, 'attempt')}, which is its limit, and {short_name(task)} goes out next,"
            f" after {counted(task.dispatch_count, 'attempt')} of its own. Limit the queue's retries (max_attempts,"
            " max_retry_duration), stop the handler from enqueueing for ever, or drain with a higher limit=… or with"
            " until=…."
        )
