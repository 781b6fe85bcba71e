"""The world of one test: a service, its clock, its targets, and what was seen of them."""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .._google import frontends
from .._google.frontend import Frontend
from .._google.rpc_call import RpcCall
from .._google.switchboard import switchboard
from .._model import names
from .._model.agenda import Agenda
from .._model.attempt import Attempt
from .._model.queue import Queue
from .._model.refusals import ServiceError
from .._model.service import Service
from .._model.suggestions import did_you_mean, listed
from .._model.task import PullMessage, Task
from .._targets.answers import Answer
from .._targets.asgi import in_a_loop
from .._targets.base import Target
from .._targets.registry import Targets
from .._targets.request import TargetRequest
from .._time.clock import Clock, Leap
from .._time.instants import to_datetime
from .attention import Attention
from .call_log import CallLog
from .choices import Choices, SeededChoices
from .failing import failure
from .forking import forks
from .handlers import Handler
from .lineups import PlannedLineup
from .lints import Lints
from .own_loop import OwnLoop
from .plans import Plans
from .randomness import Randomness
from .rpc_faults import failure_of, loss_of
from .settings import Settings

if TYPE_CHECKING:
    from .._google.status import InProcessRpcError

_CREATING = frozenset({"create_task", "batch_create_tasks"})


@dataclass(slots=True)
class Delivery:
    """An attempt as its target saw it."""

    request: TargetRequest
    target: Target
    answer: Answer | None


class Origin(NamedTuple):
    """From event number ``event`` on the timeline counts from ``instant``; ``elapsed`` had passed by then."""

    event: int
    instant: int
    elapsed: int


class Note(NamedTuple):
    """A planned fault that has happened, before event number ``event``; ``offset`` from first contact."""

    event: int
    offset: int
    text: str
    task: Task | None
    """Whose name comes before the text."""


class InlineShells(NamedTuple):
    """How a created task is dispatched before the call returns, for the sync and for the asyncio client."""

    sync: Callable[[World, Task], None]
    asynchronous: Callable[[World, Task], Awaitable[None]]


class WorldEnded(RuntimeError):
    """A call came, from another thread or process, when its test was over."""


class World:
    """Everything that is fresh for each test and each Hypothesis example. It is a `switchboard` backend."""

    def __init__(self, settings: Settings, test: str = "") -> None:
        self.settings = settings
        self.test = test
        self.handle: object = None
        """The control handle that users hold."""
        self.randomness = Randomness(settings.seed, test)
        self.choices: Choices = SeededChoices(settings.seed, test)
        self.plans = Plans()
        """Faults that are planned."""
        self.notes: list[Note] = []
        """Faults that have happened, but for answers that were lost: those are outcomes."""
        self.service = Service(self.randomness.task_id, settings.service, settings.location)
        self.service.dispatcher.lineup = PlannedLineup(self)
        self.clock = Clock(start=settings.start, virtual=settings.time == "virtual")
        self.targets = Targets()
        self.log = CallLog(settings.call_log)
        self.deliveries: dict[Attempt, Delivery] = {}
        self.attention = Attention()
        """What of all that the test has looked at."""
        self.lints = Lints()
        self.failures: list[str] = []
        """Failures raised where application code may have swallowed them."""
        self.origins: list[Origin] = []
        """What the timeline counts from."""
        self.created: InlineShells | None = None
        """What dispatches a created task at once, for the setting ``inline``."""
        self.verb: str | None = None
        """The driving verb that is under way."""
        self.sleepers: Agenda[Handler] = Agenda()
        """Async handlers that wait for their instant."""
        self._own_loop: OwnLoop | None = None
        self.lock = forks.lock()
        self.has_ended = False
        """Whether its test is over: a call that comes late must not hold time again."""

    # --- time ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Hold time from the start, where a start is set; else first contact does."""
        if self.settings.start is not None:
            self.contact()

    def contact(self, *, by_call: bool = False) -> int:
        """Make first contact if there was none, and bring the queue's instant up to the application's."""
        if not self.clock.has_started:
            self._first_contact(by_call)
        leap = self.clock.observe()
        if leap is not None:
            self._leap(leap)
        return self.clock.now

    def _first_contact(self, by_call: bool) -> None:
        self.clock.contact(by_call=by_call)
        if self.origins:
            return  # this world goes on from another's state, its queues among it
        self.origins.append(Origin(0, self.clock.origin, 0))
        for name, fields in self.settings.queues.items():
            self.configure(self.service, self.clock.now, self.settings.queue_name(name), fields)

    def _leap(self, leap: Leap) -> None:
        is_busy = self.service.dispatcher.awaits_answers or self.sleepers.first() is not None
        waiting = self.service.has_live_tasks or is_busy
        if waiting and leap.now < leap.was:
            raise self.fail(_no_way_back(leap, "attempts are under way" if is_busy else "tasks are waiting"))
        set_anew = not waiting and (leap.is_new or leap.now < leap.was)
        if set_anew:
            self.service.set_anew(leap.now - leap.was)
        self.clock.accept(leap, set_anew=set_anew)
        if set_anew:
            self.origins.append(Origin(len(self.service.events), self.clock.origin, self.clock.elapsed))

    def choose_by(self, choices: Choices) -> None:
        """From now on random choices are ``choices``."""
        self.choices = choices
        self.service.dispatcher.lineup = PlannedLineup(self)

    # --- the service ---------------------------------------------------------------------------------------------

    @property
    def frontend(self) -> Frontend:
        """Google's v2 messages in front of the service; the first use imports Google's client."""
        return frontends.v2()

    def frontend_for(self, task: Task) -> Frontend:
        """That of the version which shows what ``task`` carries."""
        return frontends.v2beta2() if isinstance(task.target, PullMessage) else self.frontend

    def configure(self, service: Service, now: int, name: str, fields: Mapping[str, Any]) -> Queue:
        """Create a queue in ``service`` by the fields of its message, in the first version that has them all."""
        return frontends.with_queue_fields(fields).configure(service, now, name, fields)

    def receive(self, call: RpcCall) -> Any:
        """Answer an RPC of a sync client."""
        response, error, tasks = self._answer(call)
        if self.created is not None:
            for task in tasks:
                self.created.sync(self, task)
        if error is not None:
            raise error
        return response

    def receive_async(self, call: RpcCall) -> tuple[Any, Awaitable[None] | None]:
        """Answer an RPC of an asyncio client: the response, and what to await before it is given."""
        response, error, tasks = self._answer(call)
        if tasks and self.created is not None:
            return response, self._dispatch_async(tasks, self.created, error)
        if error is not None:
            raise error
        return response, None

    async def _dispatch_async(
        self, tasks: Sequence[Task], created: InlineShells, error: InProcessRpcError | None
    ) -> None:
        for task in tasks:
            await created.asynchronous(self, task)
        if error is not None:
            raise error

    def _answer(self, call: RpcCall) -> tuple[Any, InProcessRpcError | None, Sequence[Task]]:
        """The response, the error to raise, and the tasks it has created, where they are to be dispatched at once."""
        with self.lock:
            if self.has_ended:
                raise WorldEnded(f"{call.method} was called when the test that its fake belongs to was over.")
            now = self.contact(by_call=True)
            service, plans = self.service, self.plans
            service.dispatcher.observe(now)
            accepted = len(service.accepted)
            call.event, call.note, call.offset = len(service.events), len(self.notes), now - self.clock.origin
            call.keep()
            self.log.add(call)
            response, error = None, failure_of(call, self) if plans.are_there else None
            if error is None:
                response, error = self._do(call, now)
                if error is None:
                    call.answer(response)
                    error = loss_of(call, self) if plans.are_there else None
            if error is not None:
                from .._google.client_retry import skipped_waits

                skipped_waits.install()
                call.error = error
            call.is_told = len(self.notes) > call.note or (error is None and len(service.events) > call.event)
            message, call.message = call.message, None
            self.lints.look(self, call.method, message, error, accepted)
            return response, error, service.accepted[accepted:] if self.settings.inline else ()

    def _do(self, call: RpcCall, now: int) -> tuple[Any, InProcessRpcError | None]:
        """Have the service do what ``call`` asks for: its response, or the error if it refuses."""
        try:
            frontend = frontends.speaking(call.api)
            if self.settings.auto_create_queues and call.method in _CREATING:
                self._create_missing(now, call.message.parent, frontend.fields_of_missing_queue(call.message))
            return frontend.answer(self.service, now, call.method, call.message, call.timeout), None
        except ServiceError as error:
            from .._google.status import rpc_error

            return None, rpc_error(error, self.randomness.jitter)

    @property
    def rpcs(self) -> Sequence[RpcCall]:
        """The calls of clients, oldest first."""
        return self.log.rpcs

    @property
    def own_loop(self) -> OwnLoop:
        """The event loop in which sync verbs run async targets; made when it is first needed."""
        with self.lock:
            if self._own_loop is None:
                self._own_loop = OwnLoop()
            return self._own_loop

    def redirects(self, address: str) -> bool:
        """Whether the settings redirect channels to ``address``."""
        return address in self.settings.redirect_endpoints

    def _create_missing(self, now: int, name: str, fields: Mapping[str, Any]) -> None:
        if names.is_queue(name) and name not in self.service.queues:
            self.configure(self.service, now, name, fields)

    def check_queues(self) -> None:
        """Refuse queues that the service would refuse, when the fake is made rather than in mid-test."""
        trial = Service(self.randomness.task_id, self.settings.service)
        for name, fields in self.settings.queues.items():
            try:
                self.configure(trial, 0, self.settings.queue_name(name), fields)
            except (ServiceError, ValueError, TypeError) as error:
                raise ValueError(f"The queue {name!r} of the settings can't be created: {error}") from None

    def live_tasks(self) -> list[Task]:
        """The tasks that are in the queues now, queue by queue; other threads may be enqueueing meanwhile."""
        with self.lock:
            return [task for queue in self.service.queues.values() for task in queue.tasks.values()]

    def queue_named(self, queue: str) -> str:
        """The full name of a queue that exists or existed in this test; any other is refused."""
        name = self.settings.queue_name(queue)
        if name in self.service.queues:
            return name
        known = {event.queue_name for event in self.service.events}
        if name not in known:
            words = sorted(one if "/" in queue else self._queue_word(one) for one in known)
            there = "This test has no queue."
            if words:
                are = "The only queue of this test is" if len(words) == 1 else "The queues of this test are"
                there = f"{are} {listed(words)}."
            raise LookupError(
                f"There is no queue {queue!r}.{did_you_mean(queue, words)} {there} Create it with"
                f" cloud_tasks.create_queue({queue!r}), or by the option queues."
            )
        return name

    def _queue_word(self, name: str) -> str:
        """What a test calls the queue: its ID, or the full name where the ID would mean another."""
        short = names.short(name)
        return short if self.settings.queue_name(short) == name else name

    # --- failing -------------------------------------------------------------------------------------------------

    def fail(self, message: str) -> BaseException:
        """An exception to raise in the midst of application code; the test fails with it even if it is swallowed."""
        self.failures.append(message)
        return failure(message)

    @property
    def has_a_story(self) -> bool:
        """Whether the timeline has anything to tell."""
        return bool(self.service.events or self.notes or self.rpcs)

    def note(self, text: str, task: Task | None = None) -> None:
        """Put a fault on the timeline."""
        offset = self.clock.now - self.clock.origin
        self.notes.append(Note(len(self.service.events), offset, text, task))

    # --- beginning and ending ------------------------------------------------------------------------------------

    @contextmanager
    def entered(self) -> Iterator[World]:
        """Intercepted calls come here, and time is held where the settings say so, until the block ends."""
        undo: Callable[[], None] | None = None
        if self.settings.google_auth:
            from .._google.default_credentials import anonymous_default

            undo = anonymous_default(self.settings.project)
        switchboard.enter(self)
        try:
            self.begin()
            yield self
        finally:
            try:
                self._end_handlers()
            finally:
                switchboard.leave(self)
                with self.lock:
                    self.has_ended = True
                    self.clock.release()
                if undo is not None:
                    undo()
                if switchboard.backend is None:
                    _stop_skipping_waits()

    def _end_handlers(self) -> None:
        """Handlers that are still asleep never wake; applications see their shutdown, where a loop is left for it."""
        asleep = []
        while (sleeper := self.sleepers.first()) is not None:
            self.sleepers.remove(sleeper[1])
            sleeper[1].abandon()
            asleep.append(sleeper[1])
        if self._own_loop is None or not in_a_loop():
            self._end_loops(asleep)
        else:  # a thread can have one running loop, and this one has its own
            thread = threading.Thread(target=self._end_loops, args=(asleep,))
            thread.start()
            thread.join()

    def _end_loops(self, asleep: Sequence[Handler]) -> None:
        if self._own_loop is not None:
            for handler in asleep:
                self._own_loop.run(handler.ended())
        self.targets.close()
        if self._own_loop is not None:
            _close(self._own_loop.loop)
            self._own_loop = None

    def snapshot(self) -> Callable[[], World]:
        """What makes new worlds like this one is now, one for each example; its targets are wound back each time."""
        state, back, plans = copy.deepcopy((self.service, self.choices)), self.targets.snapshot(), self.plans.snapshot()

        def fresh() -> World:
            back()
            world = World(self.settings, self.test)
            world.service, world.choices = copy.deepcopy(state)
            world.service.dispatcher.lineup = PlannedLineup(world)
            world.plans = plans()
            world.notes = list(self.notes)
            world.clock = self.clock.resumed()
            world.origins = list(self.origins)
            world.targets = self.targets
            world.attention = self.attention.copy()
            world.lints = self.lints.resumed()
            world.log = self.log.copy()
            return world

        return fresh


def _no_way_back(leap: Leap, what_is_there: str) -> str:
    """What is wrong with a clock that shows an earlier instant than the queue's, and what to do."""
    name = leap.clock.name
    shows, advice = "shows", "Freeze time before the first task is created, or move it forwards."
    if leap.instead_of is not None:
        shows = f"has taken over from {leap.instead_of} and shows"
        advice = (
            f"Hold time with one of the two in a test, or let {name} show the queue's instant or a later one when it"
            " takes over."
        )
    return (
        f"{name} {shows} {to_datetime(leap.now).isoformat()}, which lies before the queue's"
        f" {to_datetime(leap.was).isoformat()}, and {what_is_there} that cannot go back in time. {advice}"
    )


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left in ``loop`` and close it, as asyncio.run() does."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _stop_skipping_waits() -> None:
    module = sys.modules.get("pytest_cloudtasks._google.client_retry")
    if module is not None:
        module.skipped_waits.uninstall()
