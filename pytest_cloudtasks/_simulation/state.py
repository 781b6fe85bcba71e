"""The state of one test: a service, its clock, its targets, and what was seen of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._messages import api_versions as frontends
from .._messages.rpc_call import RpcCall
from .._messages.rpc_handlers import Frontend
from .._service.queue import Queue
from .._service.request import PullMessage
from .._service.scheduler import Agenda
from .._service.service import Service
from .._service.task import Attempt, Task
from .._service.validation import id_of
from .._targets.answers import Answer
from .._targets.registry import Targets
from .._targets.request import TargetRequest
from .._text import did_you_mean, listed, safe_repr
from .._time.clock import Clock, Leap, Mode
from .._time.instants import to_datetime
from . import call_log
from .choices import Choices, SeededChoices
from .delivery import Handler
from .exceptions import failure
from .fault_plans import Plans
from .fork_safety import forks
from .notes import Note, Origin
from .seeded_ids import Randomness
from .seen import Attention
from .settings import Settings


class State:
    """What there is in a test and what has happened in it; a `Simulation` is one that answers calls."""

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
        self.clock = Clock(start=settings.start, virtual=settings.time == "virtual")
        self.targets = Targets()
        self.log = call_log.CallLog(call_log.CALLS_KEPT)
        self.requests: dict[Attempt, TargetRequest] = {}
        """What targets have received; after redirects, the last one."""
        self.answers: dict[Attempt, Answer] = {}
        """What they have answered, or raised."""
        self.attention = Attention()
        """What of all that the test has looked at."""
        self.failures: list[str] = []
        """Failures raised where application code may have swallowed them."""
        self.ending: BaseException | None = None
        """What ends the run, raised where application code may have swallowed it."""
        self.origins: list[Origin] = []
        """What the timeline counts from."""
        self.verb: str | None = None
        """The driving verb that is under way."""
        self.sleepers: Agenda[Handler] = Agenda()
        """Async handlers that wait for their instant."""
        self.lock = forks.lock()
        self.generation = forks.generation

    # --- time ----------------------------------------------------------------------------------------------------

    def hold_time(self, *, whole_second: bool = True) -> None:
        """Hold time from here on; the queues of the settings are there from then on."""
        with self.lock:
            leap = self.clock.hold_time(whole_second=whole_second)
            self._begin()
            if leap is not None:
                self._leap(leap)

    def let_time_go(self) -> None:
        """Let the application's time be real from now on, for good; the queue keeps its instant."""
        with self.lock:
            self.clock.release()

    def contact(self) -> int:
        """Bring the queue's instant up to the application's time; a fake that waits for its first use holds it now."""
        if self.clock.mode is Mode.ON_USE:
            self.hold_time(whole_second=False)
        elif not self.clock.has_started:
            self.clock.use()
            self._begin()
        leap = self.clock.observe()
        if leap is not None:
            self._leap(leap)
        return self.clock.now

    def _begin(self) -> None:
        if self.origins:
            return  # it was used before, or goes on from another's state, its queues among it
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

    @property
    def rpcs(self) -> Sequence[RpcCall]:
        """The calls of clients, oldest first."""
        return self.log.rpcs

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
                f"There is no queue {safe_repr(queue)}.{did_you_mean(queue, words)} {there} Create it with"
                f" cloud_tasks.create_queue({safe_repr(queue)}), or by the option queues."
            )
        return name

    def _queue_word(self, name: str) -> str:
        """What a test calls the queue: its ID, or the full name where the ID would mean another."""
        short = id_of(name)
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


def _no_way_back(leap: Leap, what_is_there: str) -> str:
    """What is wrong with a clock that shows an earlier instant than the queue's, and what to do."""
    assert leap.clock is not None, "real time is never followed back"
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
