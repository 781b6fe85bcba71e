"""A second model of the queues, naive on purpose, for the real one to be held against.

Every question is answered again from plain lists: what comes next by looking at everything, a delay by summing it up,
a reservation by looking for the one who left it. It imports nothing from the package, so that no mistake is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit

from .reference_parts import (
    ENTITY_MISSING,
    FARTHEST_SCHEDULE,
    OLD_QUEUE_GONE,
    OLD_QUEUE_MISSING,
    QUEUE_MISSING,
    QUEUE_TOMBSTONE,
    SERVER_ERROR,
    SUCCESSFUL,
    TASK_GONE,
    TASK_TOMBSTONE,
    TASK_TTL,
    Answer,
    Attempt,
    Laws,
    Operation,
    Queue,
    Rates,
    Refused,
    Retries,
    Script,
    Task,
    whole_microseconds,
)
from .reference_requests import Request, as_created, as_sent, is_never_sent

Thing = tuple[int, tuple[int, int, int], Callable[[], Any]]
"""What could happen: an instant, a rank among the things of that instant, and the deed."""


def check_token(request: Request) -> None:
    """Refuse a URL that doesn't go with the token."""
    if request.token is None:
        return
    if not request.url.startswith("https://"):
        text = "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header"
        raise Refused("INVALID_ARGUMENT", text)
    if request.token[0] == "oauth_token" and not (urlsplit(request.url).hostname or "").endswith(".googleapis.com"):
        raise Refused(
            "INVALID_ARGUMENT",
            'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"',
        )


class Reference:
    """All queues, and the instant it is."""

    def __init__(self, now: int, laws: Laws | None = None) -> None:
        self.now = now
        self.laws = laws or Laws()
        self.queues: list[Queue] = []
        self.operations: list[Operation] = []
        self.created_tasks = 0
        self.undelivered: list[tuple[Queue, Task, Attempt]] = []
        """Attempts that RunTask began."""
        self.tally = dict.fromkeys(("attempts", "succeeded", "failed", "exhausted", "expired"), 0)
        """How often each of these has happened."""

    @property
    def all_tasks(self) -> list[Task]:
        return sorted((task for queue in self.queues for task in queue.tasks), key=lambda task: task.sequence)

    @property
    def live_queues(self) -> list[Queue]:
        return [queue for queue in self.queues if queue.deleted is None]

    # --- commands ------------------------------------------------------------------------------------------------

    def create_queue(self, name: str, rates: Rates, retries: Retries, other: Mapping[str, Any] | None = None) -> Queue:
        """The new queue; a ghost of it, where those are seen."""
        is_ghost = self.is_ghost(name)
        settled = self.settled(retries)
        new = Queue(name, self.now, rates, settled, Fraction(rates.burst), self.now, dict(other or {}))
        if not is_ghost:
            self.queues.append(new)
            new.history.append((self.now, "QUEUE_CREATED"))
        return new

    def is_ghost(self, name: str) -> bool:
        """Whether a new queue of that name would only look like one; raises where there can't be another."""
        for queue in self.queues:
            if queue.name != name:
                continue
            if queue.deleted is None:
                raise Refused("ALREADY_EXISTS", "Queue already exists")
            if self.now < queue.deleted + self.laws.queue_tombstone_ttl:
                if self.laws.ghosts:
                    return True
                raise Refused("FAILED_PRECONDITION", QUEUE_TOMBSTONE)
        return False

    def settled(self, retries: Retries) -> Retries:
        """Retry settings as the service keeps them."""
        return retries if retries.max_doublings else replace(retries, max_doublings=16)

    def update_rates(self, name: str, rates: Rates) -> None:
        queue = self.queue(name)
        queue.change(rates, queue.part, self.now)
        queue.history.append((self.now, "QUEUE_UPDATED"))

    def update_retries(self, name: str, retries: Retries) -> None:
        queue = self.queue(name)
        queue.retries = self.settled(retries)
        queue.history.append((self.now, "QUEUE_UPDATED"))

    def update_doublings(self, name: str, max_doublings: int) -> None:
        queue = self.queue(name)
        queue.retries = self.settled(replace(queue.retries, max_doublings=max_doublings))
        queue.history.append((self.now, "QUEUE_UPDATED"))

    def update_target(self, name: str, http_target: Mapping[str, Any]) -> None:
        queue = self.queue(name)
        queue.other["http_target"] = http_target
        queue.history.append((self.now, "QUEUE_UPDATED"))

    def delete_queue(self, name: str) -> None:
        for queue in self.live_queues:
            if queue.name == name:
                queue.deleted = self.now
                queue.purges.clear()
                for task in queue.live_tasks:
                    self._end(task, "DELETED", self.now)
                queue.history.append((self.now, "QUEUE_DELETED"))
                return
        raise Refused("NOT_FOUND", ENTITY_MISSING)

    def purge_queue(self, name: str) -> Queue:
        queue = self.queue(name)
        queue.purged = self.now
        queue.purges.append((self.now + self.laws.purge_delay, self.created_tasks))
        queue.history.append((self.now, "QUEUE_PURGED"))
        self.pass_to(self.now)
        return queue

    def pause_queue(self, name: str) -> Queue:
        queue = self.queue(name)
        if queue.state != "PAUSED":
            queue.state = "PAUSED"
            queue.history.append((self.now, "QUEUE_PAUSED"))
        return queue

    def resume_queue(self, name: str) -> Queue:
        queue = self.queue(name)
        if queue.state != "RUNNING":
            queue.state = "RUNNING"
            queue.history.append((self.now, "QUEUE_RESUMED"))
        return queue

    def create_task(
        self,
        queue_name: str,
        new_name: Callable[[], str],
        schedule_time: int | None,
        deadline: int,
        retries: Retries | None,
        script: Script,
        request: Request,
        stored_deadline: int | None = None,
    ) -> Task:
        queue = self.queue_for_task(queue_name)
        if schedule_time is not None and schedule_time > self.now + FARTHEST_SCHEDULE:
            raise Refused("INVALID_ARGUMENT", "")
        request = as_created(request, queue.other)
        check_token(request)
        name = new_name()
        for task in queue.tasks:
            if task.name != name:
                continue
            if task.ended is None:
                raise Refused("ALREADY_EXISTS", "Requested entity already exists")
            if self.is_reserved(task):
                raise Refused("ALREADY_EXISTS", TASK_TOMBSTONE)
        at = self.now if schedule_time is None else max(self.now, schedule_time)
        task = Task(
            name,
            self.created_tasks,
            self.now,
            whole_microseconds(at),
            deadline,
            script,
            None if retries is None else self.settled(retries),
            request,
            stored_deadline,
        )
        self.created_tasks += 1
        queue.tasks.append(task)
        queue.history.append((self.now, "TASK_CREATED", name))
        return task

    def get_task(self, queue_name: str, name: str) -> Task:
        if all(queue.name != queue_name for queue in self.live_queues):
            raise Refused("NOT_FOUND", ENTITY_MISSING)
        queue = self.queue(queue_name)
        for task in queue.live_tasks:
            if task.name == name:
                return task
        if any(task.name == name and self.is_reserved(task) for task in queue.tasks):
            raise Refused("FAILED_PRECONDITION" if self.laws.old_errors else "NOT_FOUND", TASK_GONE)
        raise Refused("NOT_FOUND", ENTITY_MISSING)

    def delete_task(self, queue_name: str, name: str) -> None:
        queue, task = self._task(queue_name, name)
        self._end(task, "DELETED", self.now)
        queue.history.append((self.now, "TASK_DELETED", name))

    def run_task(self, queue_name: str, name: str) -> Task:
        """The attempt has begun then, and is delivered before anything else happens."""
        self.queue(queue_name)
        queue, task = self._task(queue_name, name)
        self.undelivered.append((queue, task, self._begin(queue, task, forced=True)))
        return task

    def batch(self, kind: str, queue_name: str, request_id: str, deeds: Sequence[Callable[[], Any]]) -> Operation:
        """Each deed for itself; a request ID names the operation, in the queue's location."""
        location = queue_name.partition("/queues/")[0]
        for operation in self.operations:
            taken = (operation.queue.partition("/queues/")[0], operation.request_id)
            if request_id and taken == (location, request_id):
                raise Refused("INVALID_ARGUMENT", f"Duplicate operation id in the batch request: {request_id}")
        operation = Operation(kind, queue_name, request_id, self.now)
        self.operations.append(operation)
        for index, deed in enumerate(deeds):
            try:
                operation.done[index] = deed()
            except Refused as refused:
                operation.failed[index] = refused
        return operation

    def queue(self, name: str) -> Queue:
        for queue in self.live_queues:
            if queue.name == name:
                return queue
        raise Refused("NOT_FOUND", QUEUE_MISSING)

    def queue_for_task(self, name: str) -> Queue:
        """The queue in which CreateTask puts a task."""
        for queue in self.live_queues:
            if queue.name == name and self.now >= queue.created + self.laws.queue_init_delay:
                return queue
        if not self.laws.old_errors:
            raise Refused("NOT_FOUND", QUEUE_MISSING)
        same_name = [queue for queue in self.queues if queue.name == name]
        is_gone = all(queue.deleted is not None for queue in same_name) and any(
            queue.deleted is not None and self.now < queue.deleted + self.laws.queue_tombstone_ttl
            for queue in same_name
        )
        raise Refused("FAILED_PRECONDITION", OLD_QUEUE_GONE if is_gone else OLD_QUEUE_MISSING)

    def _task(self, queue_name: str, name: str) -> tuple[Queue, Task]:
        for queue in self.live_queues:
            for task in queue.live_tasks:
                if (queue.name, task.name) == (queue_name, name):
                    return queue, task
        raise Refused("NOT_FOUND", ENTITY_MISSING)

    def is_reserved(self, task: Task) -> bool:
        return task.ended is not None and self.now < task.ended + self.laws.task_tombstone_ttl

    # --- time ----------------------------------------------------------------------------------------------------

    def advance(self, by: int) -> None:
        """Pass time: again and again the first of all things that could happen."""
        to = self.now + by
        while self.step(to) is not None:
            pass
        self.pass_to(to)

    def drain(self, until: int | None) -> None:
        """Go on until nothing more happens; if more would after ``until``, that instant comes."""
        end = None if until is None else self.now + until
        while self.step(end) is not None:
            pass
        if end is not None and self._things(None):
            self.pass_to(end)

    def step(self, end: int | None = None, only: str | None = None) -> Attempt | None:
        """The first thing that could happen, up to ``end``; ``only`` one queue dispatches."""
        things = [thing for thing in self._things(only) if end is None or thing[0] <= end]
        if not things:
            return None
        at, _, do = min(things, key=lambda thing: thing[:2])
        self.pass_to(at)
        attempt: Attempt = do()
        return attempt

    def pass_to(self, to: int) -> None:
        """Time goes by, which is all that purged and old tasks wait for."""
        for queue in self.queues:
            for task in queue.live_tasks:
                at = queue.removed_at(task)
                if at <= to:
                    is_purged = at < task.created + TASK_TTL
                    self.tally["expired"] += not is_purged
                    self._end(task, "DELETED" if is_purged else "EXPIRED", at)
            queue.purges = [(at, before) for at, before in queue.purges if at > to]
        self.now = to

    def _things(self, only: str | None) -> list[Thing]:
        if self.undelivered:
            queue, task, attempt = self.undelivered[0]
            return [(self.now, (0, 0, 0), self._delivery(queue, task, attempt))]
        things: list[Thing] = []
        for queue in self.queues:
            for task in queue.tasks:
                for attempt in task.under_way:
                    assert attempt.answer_at is not None
                    rank = (1, task.sequence, attempt.number)
                    things.append((attempt.answer_at, rank, self._conclusion(queue, task, attempt)))
            plan = None if only not in (None, queue.name) else queue.next_dispatch(self.now)
            if plan is not None:
                at, task = plan
                things.append((at, (2, task.schedule_time, task.sequence), self._departure(queue, task)))
        return things

    def _delivery(self, queue: Queue, task: Task, attempt: Attempt) -> Callable[[], Attempt]:
        def deliver() -> Attempt:
            self.undelivered.pop(0)
            self._deliver(queue, task, attempt)
            return attempt

        return deliver

    def _conclusion(self, queue: Queue, task: Task, attempt: Attempt) -> Callable[[], Attempt]:
        def conclude() -> Attempt:
            self._conclude(queue, task, attempt)
            return attempt

        return conclude

    def _departure(self, queue: Queue, task: Task) -> Callable[[], Attempt]:
        def depart() -> Attempt:
            queue.tokens, queue.counted = queue.tokens_at(self.now) - 1, self.now
            attempt = self._begin(queue, task, forced=False)
            self._deliver(queue, task, attempt)
            return attempt

        return depart

    def _begin(self, queue: Queue, task: Task, *, forced: bool) -> Attempt:
        attempt = Attempt(
            len(task.attempts) + 1,
            task.schedule_time,
            self.now,
            forced,
            as_sent(task.request, queue.other),
            retry_count=task.failures,
            execution_count=len(task.responses),
            previous=task.last_answer,
        )
        task.state = "DISPATCHED"
        task.attempts.append(attempt)
        queue.history.append((self.now, "TASK_DISPATCHED", task.name, attempt.number))
        return attempt

    def _deliver(self, queue: Queue, task: Task, attempt: Attempt) -> None:
        self.tally["attempts"] += 1
        answer = Answer(None, 0, None) if is_never_sent(attempt.sent) else task.script(attempt.number)
        is_late = answer.takes > task.deadline
        attempt.answer_at = self.now + min(answer.takes, task.deadline)
        attempt.answer = (
            "DEADLINE_EXCEEDED" if is_late else "NO_RESPONSE" if answer.status is None else str(answer.status)
        )
        attempt.answer_status = None if is_late else answer.status
        attempt.retry_after = None if attempt.answer_status is None else answer.retry_after
        if answer.takes == 0:
            self._conclude(queue, task, attempt)

    def _conclude(self, queue: Queue, task: Task, attempt: Attempt) -> None:
        attempt.response_time = self.now
        decision = self._decide(queue, task, attempt)
        queue.history.append((self.now, "TASK_ANSWERED", task.name, attempt.number, attempt.answer, decision))

    def _decide(self, queue: Queue, task: Task, attempt: Attempt) -> str:
        if not task.is_live:
            return "dropped"
        status = attempt.answer_status
        is_success = status in SUCCESSFUL or (self.laws.takes_304 and status == 304)
        task.last_answer = attempt.answer
        if self.laws.throttles:
            self._throttle(queue, task, status, is_success)
        if status is not None and (task.request.is_app_engine or status not in SERVER_ERROR):
            task.responses.append(status)
        if is_success:
            self.tally["succeeded"] += 1
            self._end(task, "SUCCEEDED", self.now)
            return ""
        task.failures += 1
        self.tally["failed"] += 1
        retries = task.retries or queue.retries
        retry_at = self.now + retries.delay_after(task.failures)
        first = task.attempts[0].dispatch_time
        gives_up = retries.gives_up(len(task.attempts), self.now - first)
        if not gives_up:
            if self.laws.honours_retry_after and attempt.retry_after is not None:
                retry_at = max(retry_at, self.now + attempt.retry_after)
            task.schedule_time = whole_microseconds(retry_at)
        if task.under_way:
            return ""  # the other attempt decides
        if gives_up:
            self.tally["exhausted"] += 1
            self._end(task, "EXHAUSTED", self.now)
            return "give up"
        task.state = "SCHEDULED"
        return f"retry at {retry_at}"

    def _throttle(self, queue: Queue, task: Task, status: int | None, is_success: bool) -> None:
        part = queue.part
        if status == 503 or (status == 429 and not task.request.is_app_engine):
            part = max(part / 2, Fraction(1, 64))
        elif is_success:
            part = min(part + Fraction(1, 10), Fraction(1))
        if part != queue.part:
            queue.change(queue.rates, part, self.now)

    def _end(self, task: Task, state: str, at: int) -> None:
        task.state, task.ended = state, at
