"""A workload as a value: what an application enqueues, where and when, and what becomes of the first deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from .._messages.proto import proto_of
from .._service.validation import location_of
from .outcomes import Outcome
from .versions import Version, own_client


class Clock(Protocol):
    """The time of a fake."""

    def now(self) -> datetime:
        """The queue's instant."""
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
    """What a workload needs of the handle, which lies above."""

    @property
    def clock(self) -> Clock:
        """Its time."""
        ...

    def client(self) -> Any:
        """A client of v2."""
        ...

    def advance(self, *, to: datetime) -> Any:
        """Pass time."""
        ...

    def route(self, url: str, *, name: str) -> Script:
        """Answer for one task."""
        ...


@dataclass(frozen=True)
class Step:
    """One task that is enqueued."""

    at: timedelta
    """How long after the beginning."""
    queue: str
    """The queue's full name."""
    task: Any
    """The Task message, or a dict."""
    outcomes: tuple[Outcome, ...] = ()
    """What its first deliveries come to; the ones after them go to the test's own targets."""


@dataclass(frozen=True)
class Workload:
    """Queues, and the tasks that are enqueued in them, in this order."""

    queues: tuple[Any, ...]
    """Queue messages, or dicts."""
    steps: tuple[Step, ...]
    version: Version = "v2"

    def play(self, cloud_tasks: Fake) -> list[Any]:
        """Create the queues that are not there yet and enqueue every task at its instant; gives the Task messages.

        Time passes as by ``advance()``, so that deliveries which are due on the way are made. What is left when
        the last task is in its queue is the test's to drive. Raises TypeError for what is no fake.
        Evidence: our choice.
        """
        if not hasattr(cloud_tasks, "advance"):
            raise TypeError(f"play() takes a fake, such as the fixture cloud_tasks, and got {cloud_tasks!r}.")
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
        there = {
            queue.name
            for location in sorted({location_of(name_of(queue)) for queue in self.queues})
            for queue in client.list_queues(parent=location)
        }
        for queue in self.queues:
            if name_of(queue) not in there:
                client.create_queue(parent=location_of(name_of(queue)), queue=queue)


def _script(route: Script, outcomes: tuple[Outcome, ...]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, int):
            route.returns(outcome)
        else:
            route.raises(outcome)
    route.then_pass_through()


def name_of(queue: Any) -> str:
    """The full name in a queue's message or dict."""
    name: str = queue["name"] if isinstance(queue, Mapping) else queue.name
    return name


def is_pull(queue: Any) -> bool:
    """Whether a queue's message or dict is that of a pull queue."""
    if isinstance(queue, Mapping):
        return queue.get("pull_target") is not None
    message = proto_of(queue)
    return "pull_target" in message.DESCRIPTOR.fields_by_name and bool(message.HasField("pull_target"))
