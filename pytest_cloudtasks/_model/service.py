"""The service: its RPCs as commands on queues and tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from . import creation, names, refusals
from .attempt import Attempt
from .backoff import retry_config_from
from .dispatching import Dispatcher
from .events import Event, EventKind
from .knobs import Knobs
from .paging import page
from .queue import Queue, QueueState, Settings, masked, queue_config_from
from .task import Routing, Task, TaskSpec, TaskState
from .tombstones import Tombstones

QUEUES_PER_PAGE = 9800
TASKS_PER_PAGE = 1000


_ID_TO_COME = "0" * 20
"""Stands for an unnamed task's ID while the task may still be refused, and is as long."""


class Service:
    """Cloud Tasks, all projects and locations of it.

    Every command takes the instant at which it arrives (nanoseconds since 1970, UTC). A refused command raises
    `refusals.ServiceError` and has changed nothing.
    """

    def __init__(self, new_task_id: Callable[[], str], knobs: Knobs | None = None) -> None:
        """``new_task_id`` gives the IDs of tasks created without a name, a new one each time."""
        self.knobs = knobs or Knobs()
        self.queues: dict[str, Queue] = {}
        self.accepted: list[Task] = []
        """Every task ever accepted, gone ones included, in the order of creation."""
        self.events: list[Event] = []
        self._new_task_id = new_task_id
        self._queue_tombstones = Tombstones()
        self._task_tombstones: dict[str, Tombstones] = {}
        self.dispatcher = Dispatcher(self.knobs, self._record, self._end)

    # --- queues --------------------------------------------------------------------------------------------------

    def create_queue(self, now: int, parent: str, name: str, settings: Settings) -> Queue:
        """CreateQueue."""
        names.check_new_queue(name, parent)
        config = queue_config_from(settings, self.knobs)
        if name in self.queues:
            raise refusals.QUEUE_EXISTS.error()
        if self._queue_tombstones.holds(name, now):
            raise refusals.QUEUE_DELETED_TOO_RECENTLY.error()
        queue = self.queues[name] = Queue(name, config)
        self._task_tombstones[name] = Tombstones()
        self._happened(now, EventKind.QUEUE_CREATED, queue)
        return queue

    def get_queue(self, now: int, name: str) -> Queue:
        """GetQueue."""
        names.check_queue(name)
        queue = self.queues.get(name)
        if queue is None:
            raise refusals.QUEUE_MISSING.error()
        return queue

    def list_queues(
        self, now: int, parent: str, page_size: int, page_token: str, filter: str
    ) -> tuple[list[Queue], str]:
        """ListQueues, in the order of names. Evidence: documented."""
        names.check_location(parent)
        if filter:
            raise refusals.NOT_MODELLED.error(what="the filter of ListQueues")
        within = sorted(
            (queue for queue in self.queues.values() if names.location_of(queue.name) == parent),
            key=lambda queue: queue.name,
        )
        return page(within, lambda queue: queue.name, page_size, page_token, QUEUES_PER_PAGE)

    def update_queue(self, now: int, name: str, settings: Settings, mask: Sequence[str]) -> Queue:
        """UpdateQueue: all settings without a mask, else those it names; creates what is missing. Documented."""
        if name not in self.queues:
            return self.create_queue(now, names.location_of(name), name, settings)
        queue = self.get_queue(now, name)
        config = masked(queue.config, settings, mask, self.knobs) if mask else queue_config_from(settings, self.knobs)
        queue.reconfigure(config, now)
        self.dispatcher.changed(queue)
        self._happened(now, EventKind.QUEUE_UPDATED, queue)
        return queue

    def delete_queue(self, now: int, name: str) -> None:
        """DeleteQueue, tasks and all; the name stays reserved. Evidence: documented; the text is recorded."""
        names.check_queue(name)
        queue = self.queues.get(name)
        if queue is None:
            raise refusals.ENTITY_MISSING.error()
        self._remove(list(queue.tasks.values()), now)
        del self.queues[name]
        del self._task_tombstones[name]
        self._queue_tombstones.bury(name, now + self.knobs.queue_tombstone_ttl)
        self.dispatcher.removed(queue)
        self._happened(now, EventKind.QUEUE_DELETED, queue)

    def purge_queue(self, now: int, name: str) -> Queue:
        """PurgeQueue: every task that is there goes, at once; purged names stay reserved. Evidence: documented."""
        queue = self.get_queue(now, name)
        queue.purge_time = now
        self._remove(list(queue.tasks.values()), now)
        self.dispatcher.changed(queue)
        self._happened(now, EventKind.QUEUE_PURGED, queue)
        return queue

    def pause_queue(self, now: int, name: str) -> Queue:
        """PauseQueue; pausing a paused queue is no error. Evidence: documented; our choice."""
        return self._set_state(now, name, QueueState.PAUSED, EventKind.QUEUE_PAUSED)

    def resume_queue(self, now: int, name: str) -> Queue:
        """ResumeQueue; resuming a running queue is no error. Evidence: documented; our choice."""
        return self._set_state(now, name, QueueState.RUNNING, EventKind.QUEUE_RESUMED)

    def _set_state(self, now: int, name: str, state: QueueState, kind: EventKind) -> Queue:
        queue = self.get_queue(now, name)
        if queue.state is not state:
            queue.state = state
            self._happened(now, kind, queue)
            self.dispatcher.changed(queue)
        return queue

    # --- IAM -----------------------------------------------------------------------------------------------------

    def get_iam_policy(self, now: int, resource: str) -> object:
        """GetIamPolicy: what was set, None before. Evidence: documented."""
        return self.get_queue(now, resource).policy

    def set_iam_policy(self, now: int, resource: str, policy: object) -> object:
        """SetIamPolicy: replaces. Evidence: documented."""
        queue = self.get_queue(now, resource)
        queue.policy = policy
        return policy

    def test_iam_permissions(self, now: int, resource: str, permissions: Iterable[str]) -> list[str]:
        """TestIamPermissions: all of them, for the caller owns the project; none where no queue is. Documented."""
        names.check_queue(resource)
        return list(permissions) if resource in self.queues else []

    # --- tasks ---------------------------------------------------------------------------------------------------

    def create_task(
        self,
        now: int,
        parent: str,
        spec: TaskSpec,
        *,
        timeout: float | None = None,
        size_of: Callable[[Task], int] | None = None,
    ) -> Task:
        """CreateTask, of a caller who waits ``timeout`` seconds; ``size_of`` measures the task as it is stored."""
        names.check_queue(parent)
        if self.knobs.enforce_rpc_deadline:
            creation.check_rpc_deadline(timeout, now)
        if spec.name:
            names.check_new_task(spec.name, parent)
        target = creation.check(spec, now)
        retry_config = None if spec.retry_config is None else retry_config_from(spec.retry_config, self.knobs)
        queue = self.get_queue(now, parent)
        if spec.name in queue.tasks:
            raise refusals.TASK_EXISTS.error()
        if spec.name and self._task_tombstones[parent].holds(spec.name, now):
            raise refusals.TASK_EXISTED_TOO_RECENTLY.error()
        override = queue.config.other.get("app_engine_routing_override")
        routing = Routing(**override) if override else None
        task = Task(
            spec.name or f"{parent}/tasks/{_ID_TO_COME}",
            queue.name,
            len(self.accepted),
            creation.stored(target, parent, routing, self.knobs.app_engine_host_suffix),
            create_time=now,
            schedule_time=creation.schedule_time(spec, now),
            dispatch_deadline=creation.dispatch_deadline(spec),
            retry_config=retry_config,
        )
        if size_of is not None and size_of(task) > self.knobs.max_task_size:
            raise refusals.TASK_TOO_LARGE.error()
        if not spec.name:
            task.name = f"{parent}/tasks/{self._new_task_id()}"
        queue.tasks[task.name] = task
        self.accepted.append(task)
        self._happened(now, EventKind.TASK_CREATED, queue, task)
        self.dispatcher.added(queue, task)
        return task

    def get_task(self, now: int, name: str) -> Task:
        """GetTask. A name that is reserved by a tombstone has a text of its own. Evidence: recorded."""
        names.check_task(name)
        queue = self.get_queue(now, names.queue_of(name))
        task = queue.tasks.get(name)
        if task is None:
            if self._task_tombstones[queue.name].holds(name, now):
                raise refusals.TASK_NO_LONGER_EXISTS.error()
            raise refusals.ENTITY_MISSING.error()
        return task

    def list_tasks(self, now: int, parent: str, page_size: int, page_token: str) -> tuple[list[Task], str]:
        """ListTasks, in the order of creation. Evidence: our choice; the service promises no order."""
        queue = self.get_queue(now, parent)
        return page(queue.tasks.values(), lambda task: f"{task.sequence:012d}", page_size, page_token, TASKS_PER_PAGE)

    def delete_task(self, now: int, name: str) -> None:
        """DeleteTask; an attempt under way goes on, and its outcome is dropped. Evidence: documented, recorded."""
        task = self._present_task(name)
        queue = self.queues[task.queue_name]
        self._happened(now, EventKind.TASK_DELETED, queue, task)
        self._end(task, TaskState.DELETED, now)
        self.dispatcher.changed(queue)

    def run_task(self, now: int, name: str) -> Task:
        """RunTask: an attempt now, whatever the queue's state and limits, also beside one under way. Documented.

        The attempt has begun when the call returns; the driver delivers it next.
        """
        task = self._present_task(name)
        self.dispatcher.force_later(self.queues[task.queue_name], task, now)
        return task

    def force(self, now: int, task: Task) -> Attempt:
        """Begin an attempt as RunTask does, for a caller who delivers it at once."""
        return self.dispatcher.force(self.queues[task.queue_name], task, now)

    def begin(self, now: int, task: Task) -> Attempt:
        """Begin an attempt as the queue itself would, but past its rate and concurrency."""
        return self.dispatcher.begin(self.queues[task.queue_name], task, now)

    def _present_task(self, name: str) -> Task:
        names.check_task(name)
        queue = self.queues.get(names.queue_of(name))
        task = None if queue is None else queue.tasks.get(name)
        if task is None:
            raise refusals.ENTITY_MISSING.error()
        return task

    # --- time ----------------------------------------------------------------------------------------------------

    def set_anew(self, by: int) -> None:
        """The clock was set to another instant, ``by`` away, while no task was alive: reservations move with it."""
        self._queue_tombstones.shift(by)
        for tombstones in self._task_tombstones.values():
            tombstones.shift(by)
        for queue in self.queues.values():
            queue.rate.shift(by)

    @property
    def has_live_tasks(self) -> bool:
        """Whether any queue holds a task."""
        return any(queue.tasks for queue in self.queues.values())

    # --- inside --------------------------------------------------------------------------------------------------

    def _happened(self, at: int, kind: EventKind, queue: Queue, task: Task | None = None) -> None:
        self.events.append(Event(at, kind, queue.name, task))

    def _record(self, event: Event) -> None:
        self.events.append(event)

    def _end(self, task: Task, state: TaskState, at: int) -> None:
        task.state = state
        task.ended_at = at
        queue = self.queues[task.queue_name]
        del queue.tasks[task.name]
        self._task_tombstones[queue.name].bury(task.name, at + self.knobs.task_tombstone_ttl)

    def _remove(self, tasks: Iterable[Task], now: int) -> None:
        for task in tasks:
            self._end(task, TaskState.DELETED, now)
