"""Workloads: the tasks that an application enqueues, where and when, and the outcomes of their first deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import DrawFn, SearchStrategy

from .._arguments import is_whole
from .._messages.proto import proto_of
from .._service.validation import location_of
from .._time.instants import Duration
from .field_defaults import Given, chosen, duration_given, durations
from .names import resource_names
from .outcomes import Outcome, checked_outcomes
from .outcomes import outcomes as one_outcome
from .queues import LOCATION, tokenless_http_targets
from .queues import queues as one_queue
from .requests import SIMPLEST_URL, bodies, pull_messages
from .tasks import tasks as one_task
from .validity import check_queue, check_task
from .versions import Version, has_field, message, messages_of, own_client


class Clock(Protocol):
    """The time of a fake."""

    def now(self) -> datetime:
        """Return the queue's instant."""
        ...


class Script(Protocol):
    """The part of a route that scripts it."""

    def returns(self, *statuses: int) -> Any:
        """Answer with a status."""
        ...

    def raises(self, exception: type[BaseException]) -> Any:
        """Answer as if a handler had raised."""
        ...

    def then_pass_through(self) -> Any:
        """Let what comes after the script through."""
        ...


class Fake(Protocol):
    """The part of `FakeCloudTasks`, which is in a room above, that a workload needs."""

    @property
    def clock(self) -> Clock:
        """Its time."""
        ...

    def client(self) -> Any:
        """Return a client of v2."""
        ...

    def advance(self, *, to: datetime) -> Any:
        """Pass time."""
        ...

    def route(self, url: str, *, name: str) -> Script:
        """Answer for one task."""
        ...


@dataclass(frozen=True)
class Step:
    """One task that a workload enqueues."""

    at: timedelta
    """When it is enqueued, as a timedelta from the beginning."""
    queue: str
    """The queue's full name."""
    task: Any
    """The Task message, or a dict."""
    outcomes: tuple[Outcome, ...] = ()
    """The outcomes of its first deliveries. Later ones go to the test's own targets."""


@dataclass(frozen=True)
class Workload:
    """Queues, and the tasks that are enqueued in them, in this order."""

    queues: tuple[Any, ...]
    """Queue messages, or dicts."""
    steps: tuple[Step, ...]
    """The tasks, in the order in which they are enqueued."""
    version: Version = "v2"
    """The API version of the messages."""

    def play(self, cloud_tasks: Fake) -> list[Any]:
        """Create the queues that don't exist yet, and enqueue every task at its instant.

        Time passes as with ``advance()``, so tasks that are due meanwhile are dispatched. Drive the rest in the test.

        Args:
            cloud_tasks: The fake.

        Returns:
            The Task messages.

        Raises:
            TypeError: ``cloud_tasks`` is no fake.
        """
        if not hasattr(cloud_tasks, "advance"):
            raise TypeError(f"play() takes a fake, such as the fixture cloud_tasks, but got {cloud_tasks!r}.")
        client = cloud_tasks.client() if self.version == "v2" else own_client(self.version)
        self._create_queues(client)
        created: list[Any] = []
        begun, passed = cloud_tasks.clock.now(), timedelta(0)
        for step in self.steps:
            if step.at > passed:
                cloud_tasks.advance(to=begun + step.at)
                passed = step.at
            task = client.create_task(parent=step.queue, task=step.task)
            created.append(task)
            if step.outcomes:
                _script(cloud_tasks.route("*", name=task.name), step.outcomes)
        return created

    def _create_queues(self, client: Any) -> None:
        existing = {
            queue.name
            for location in sorted({location_of(name_of(queue)) for queue in self.queues})
            for queue in client.list_queues(parent=location)
        }
        for queue in self.queues:
            if name_of(queue) not in existing:
                client.create_queue(parent=location_of(name_of(queue)), queue=queue)


def _script(route: Script, outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, int):
            route.returns(outcome)
        else:
            route.raises(outcome)
    route.then_pass_through()


def name_of(queue: Any) -> str:
    """Return the full name in a queue's message or dict."""
    name: str = queue["name"] if isinstance(queue, Mapping) else queue.name
    return name


def is_pull(queue: Any) -> bool:
    """Return whether a queue's message or dict is that of a pull queue."""
    if isinstance(queue, Mapping):
        return queue.get("pull_target") is not None
    message = proto_of(queue)
    return "pull_target" in message.DESCRIPTOR.fields_by_name and bool(message.HasField("pull_target"))


_HOUR = timedelta(hours=1)
_names = resource_names()
_failures = st.lists(one_outcome(success=False), max_size=2)


@st.composite
def workloads(
    draw: DrawFn,
    *,
    queues: Given[Any] = ...,
    tasks: Given[Any] = ...,
    outcomes: Given[Sequence[Outcome]] = ...,
    within: Duration = _HOUR,
    max_queues: int = 3,
    max_tasks: int = 5,
    version: Version = "v2",
    as_dict: bool = False,
) -> Workload:
    """Draw what an application enqueues: tasks, queues, order, times, and how deliveries end.

    Shrinks to the simplest task in the queue ``0``, at once, without failures, in as few steps as possible.

    Args:
        queues: A list of IDs, full names or queues, or a strategy for one of up to ``max_queues``.
        tasks: A strategy for one task.
        outcomes: A strategy for the outcomes of a task's first deliveries.
        within: How long it takes until everything is enqueued, as a duration.
        max_queues: The highest number of queues.
        max_tasks: The highest number of tasks.
        version: ``"v2"``, ``"v2beta3"`` or ``"v2beta2"``.
        as_dict: Draw dicts instead of messages.
    """
    messages_of(version)  # rejects an unknown one
    longest = duration_given(within, "workloads(within=…)")
    _check_sizes(max_queues=max_queues, max_tasks=max_tasks)
    queue_values = tuple(_queues(draw, queues, max_queues, version, as_dict))
    most = max(max_queues, len(queue_values))
    step = _steps(queue_values, most, tasks, outcomes, longest, version, as_dict)
    steps = draw(st.lists(step, min_size=1, max_size=max_tasks))
    at = sorted(step.at for step in steps)
    in_order = (Step(at, step.queue, step.task, step.outcomes) for at, step in zip(at, steps, strict=True))
    return Workload(queue_values, tuple(in_order), version)


def _check_sizes(**counts: object) -> None:
    for name, count in counts.items():
        if not is_whole(count) or count < 1:
            raise InvalidArgument(f"workloads({name}={count!r}) takes a number of 1 or more")


def _queues(draw: DrawFn, queues: Any, most: int, version: Version, as_dict: bool) -> Sequence[Any]:
    if queues is ...:
        return draw(_default_queues(most, version, as_dict))
    if isinstance(queues, SearchStrategy):
        strategy = queues.map(lambda one: _checked(one, version, as_dict))
        return draw(st.lists(strategy, min_size=1, max_size=most, unique_by=name_of))
    if isinstance(queues, str):
        queues = [queues]
    if queues is not None and (isinstance(queues, Mapping) or not isinstance(queues, Iterable)):
        raise InvalidArgument(f"workloads(queues={queues!r}) takes a list of IDs, full names or queues, or a strategy")
    checked = [_checked(queue, version, as_dict) for queue in queues or ()]
    if not checked or len({name_of(queue) for queue in checked}) < len(checked):
        raise InvalidArgument(f"workloads(queues={queues!r}) takes one queue or more, each of another name")
    return checked


@cache
def _default_queues(most: int, version: Version, as_dict: bool) -> SearchStrategy[list[Any]]:
    """Return queues, half of them with settings of their own."""
    target = tokenless_http_targets if has_field(version, "Queue", "http_target") else None
    strategy = _plain_queues(version, as_dict) | one_queue(version=version, http_target=target, as_dict=as_dict)
    return st.lists(strategy, min_size=1, max_size=most, unique_by=name_of)


def _checked(queue: Any, version: Version, as_dict: bool) -> Any:
    """Return a queue of the caller's, which may be only an ID or a name."""
    if isinstance(queue, str):
        queue = _plain_queue(queue if "/" in queue else f"{LOCATION}/queues/{queue}", version, as_dict)
    check_queue(version, queue)
    return queue


@st.composite
def _plain_queues(draw: DrawFn, version: Version, as_dict: bool) -> Any:
    return _plain_queue(draw(_names), version, as_dict)


def _plain_queue(name: str, version: Version, as_dict: bool) -> Any:
    return {"name": name} if as_dict else message(version, "Queue", {"name": name})


@st.composite
def _steps(
    draw: DrawFn,
    queues: Sequence[Any],
    most: int,
    tasks: Any,
    outcomes: Any,
    within: timedelta,
    version: Version,
    as_dict: bool,
) -> Step:
    """Draw one step. The simplest takes few draws, whatever the number of queues.

    Hypothesis removes at most five choices at a time from an example. A step takes five: one to continue the list, the
    place, the body, the outcomes and the offset. So Hypothesis can leave out any step.
    """
    half, index = divmod(draw(st.integers(0, 2 * most - 1)), most)
    queue = queues[index % len(queues)]
    name, pulls = name_of(queue), is_pull(queue)
    task = chosen(draw, tasks, _default_tasks(pulls, half == 0, version, as_dict))
    if tasks is not ...:
        check_task(version, task, name, pulls=pulls)
    failures = () if pulls and outcomes is ... else checked_outcomes(chosen(draw, outcomes, _failures))
    return Step(draw(_offsets(within)), name, task, failures)


@cache
def _default_tasks(pulls: bool, is_plain: bool, version: Version, as_dict: bool) -> SearchStrategy[Any]:
    """Draw tasks, half of them like those of applications, with only a body."""
    if pulls:
        return one_task(pull_message=pull_messages(as_dict=as_dict), version=version, as_dict=as_dict)
    return _plain_tasks(version, as_dict) if is_plain else one_task(version=version, as_dict=as_dict)


@st.composite
def _plain_tasks(draw: DrawFn, version: Version, as_dict: bool) -> Any:
    body = draw(bodies)
    request = {"url": SIMPLEST_URL, "http_method": "POST", **({"body": body} if body else {})}
    return {"http_request": request} if as_dict else message(version, "Task", {"http_request": request})


@cache
def _offsets(within: timedelta) -> SearchStrategy[timedelta]:
    """Draw delays, half of them zero, so that several tasks come at one instant."""
    return st.just(timedelta(0)) | durations(timedelta(0), within)
