"""What the tests of targets share: attempts, made by a service of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cloudtasks._service.request import HttpTarget, PushTarget
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import Attempt, Outcome, Task, TaskSpec
from pytest_cloudtasks._targets.request import TargetRequest

NOW = 1_900_000_000_123_456_789
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/mails"


class Post:
    """A service with the queue ``mails``, whose tasks go out when the test says so."""

    def __init__(self) -> None:
        self.service = Service(lambda: "04729221273091729339")
        self.service.create_queue(NOW, LOCATION, QUEUE, {})

    def task(self, target: PushTarget, name: str = "welcome", schedule_time: int = NOW) -> Task:
        spec = TaskSpec(target, name=f"{QUEUE}/tasks/{name}", schedule_time=schedule_time)
        return self.service.create_task(NOW, QUEUE, spec)

    def attempt(self, task: Task, now: int = NOW) -> Attempt:
        return self.service.begin(now, task, forced=True)

    def answer(self, attempt: Attempt, outcome: Outcome) -> None:
        self.service.scheduler.record_outcome(attempt, outcome, attempt.dispatch_time, attempt.dispatch_time)


@pytest.fixture
def post() -> Post:
    """A service with a queue."""
    return Post()


@pytest.fixture
def request_for(post: Post) -> Callable[..., TargetRequest]:
    """Makes the first request of a task: ``request_for(url, method, headers=…, body=…)``."""

    def make(
        url: str = "https://app.test/work",
        method: str = "POST",
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> TargetRequest:
        return TargetRequest(post.attempt(post.task(HttpTarget(url, method, headers, body))))

    return make
