"""The service: every RPC is a method that takes plain values and an instant.

Longer parts have modules of their own: `validation` has the checks before an RPC, `scheduler` begins and ends attempts,
and `batches`, `pull_queues`, `iam` and `listing` implement their RPCs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from . import batches, errors, iam, pull_queues
from .batches import Creation, Operation
from .events import Event, EventKind
from .listing import Cursor, Fields, in_listing_order, listing_key, page, queue_filter
from .options import ServiceOptions
from .overrides import ROUTING_OVERRIDE, buffered_task, override_with_host, with_queue_token
from .pull_queues import check_fits
from .queue import TRANSITIONS as QUEUE_TRANSITIONS
from .queue import Queue, QueueCause, QueueState
from .queue_settings import (
    ALL_SETTINGS,
    LONGEST_TTL,
    TOMBSTONE_TTL_RANGE,
    GivenSettings,
    QueueConfig,
    QueueType,
    UploadedQueue,
    cmek_allowed,
    masked,
    queue_config_from,
)
from .request import PullMessage, PushTarget, Routing
from .retry import retry_config_from
from .scheduler import Scheduler
from .task import AcceptedTasks, Attempt, Task, TaskCause, TaskSpec
from .validation import (
    MAX_RPC_DEADLINE,
    RPCS,
    check_kms_key,
    check_new_queue,
    check_spec,
    id_of,
    location_of,
    queue_of,
    rpc_deadline_error,
    stored_deadline,
    stored_schedule_time,
    stored_target,
)

QUEUES_PER_PAGE = 9800
TASKS_PER_PAGE = 1000
MAX_QUEUES = 1000
"""Queues in one location of a project."""
_UPLOADED = ("rate_limits", "retry_config", ROUTING_OVERRIDE, "type")
"""The settings that a queue.yaml decides. It sets the type only of new queues."""
_STATE_EVENTS = {
    QueueState.PAUSED: EventKind.QUEUE_PAUSED,
    QueueState.RUNNING: EventKind.QUEUE_RESUMED,
    QueueState.DISABLED: EventKind.QUEUE_DISABLED,
}


class ReservedNames:
    """Names of removed tasks or queues, each reserved for a while.

    Names that are free again are dropped whenever another one is reserved or asked for. Names that are reserved for
    equally long become free in the order in which they were reserved, so each duration has a queue of its own.
    """

    __slots__ = ("_of_duration", "_until")

    def __init__(self) -> None:
        self._until: dict[str, int] = {}
        self._of_duration: dict[int, deque[str]] = {}

    def __len__(self) -> int:
        return len(self._until)

    def reserve(self, name: str, now: int, duration: int) -> None:
        """Reserve ``name`` from ``now`` until just before the end of ``duration``."""
        self._drop_free(now)
        self._until[name] = now + duration
        self._of_duration.setdefault(duration, deque()).append(name)

    def holds(self, name: str, now: int) -> bool:
        """Return whether ``name`` is reserved at ``now``."""
        self._drop_free(now)
        return now < self._until.get(name, now)

    def _drop_free(self, now: int) -> None:
        until = self._until
        for duration, names in list(self._of_duration.items()):
            while names and until.get(names[0], now) <= now:
                until.pop(names.popleft(), None)
            if not names:
                del self._of_duration[duration]

    def shift(self, by: int) -> None:
        """Shift all instants when the clock is reset."""
        for name in self._until:
            self._until[name] += by


def _forget(event: Event) -> None:
    """Record nothing, for a service that only tries something out."""


class Service:
    """Cloud Tasks: all projects and locations.

    Every RPC takes the instant at which it arrives (nanoseconds since 1970, UTC). A rejected RPC raises
    `errors.ServiceError` and changes nothing. Names have passed `validation.check_call`.
    """

    def __init__(
        self,
        new_task_id: Callable[[], str],
        options: ServiceOptions | None = None,
        location: str = "us-central1",
        record: Callable[[Event], None] = _forget,
    ) -> None:
        """Make a service without queues.

        Args:
            new_task_id: Returns the ID of a task that is created without a name, a new one each time.
            options: The service options.
            location: The ID of the location that ListLocations has; queues may be made in others all the same.
            record: Takes each event when it happens; the service keeps none.
        """
        self.options = options or ServiceOptions()
        self.location = location
        self.queues: dict[str, Queue] = {}
        self.accepted = AcceptedTasks()
        self.operations: dict[str, Operation] = {}
        """The batches that were done, by the names of their operations."""
        self.batch_count = 0
        """The number of batches so far."""
        self.kms_keys: dict[str, str] = {}
        """The keys of the CMEK configs that were set."""
        self._new_task_id = new_task_id
        self._record = record
        self._reserved_queues = ReservedNames()
        self._reserved_tasks: dict[str, ReservedNames] = {}
        """The IDs of removed tasks, by the name of their queue."""
        self.scheduler = Scheduler(self.options, record, self._end)

    # --- queues --------------------------------------------------------------------------------------------------

    def create_queue(self, now: int, parent: str, name: str, settings: GivenSettings) -> Queue:
        """CreateQueue. The option ``queue_init_delay`` hides the queue from CreateTask for a while."""
        return self._create(now, parent, name, lambda: queue_config_from(settings, self.options))

    def _create(self, now: int, parent: str, name: str, configure: Callable[[], QueueConfig]) -> Queue:
        if name in self.queues:
            raise errors.QUEUE_EXISTS.error()
        is_reserved = self.is_reserved(now, name)
        if is_reserved and not self.options.ghost_recreate:
            raise errors.QUEUE_DELETED_TOO_RECENTLY.error()
        config = self._with_host(configure(), name)
        if is_reserved:
            return Queue(name, config)  # the call returns a queue that doesn't exist
        if len(self.queues) >= MAX_QUEUES and sum(location_of(other) == parent for other in self.queues) >= MAX_QUEUES:
            raise errors.QUEUES_EXHAUSTED.error(limit=MAX_QUEUES)
        queue = self.queues[name] = Queue(name, config, now + self.options.queue_init_delay)
        self._reserved_tasks[name] = ReservedNames()
        self._happened(now, EventKind.QUEUE_CREATED, queue)
        return queue

    def get_queue(self, now: int, name: str) -> Queue:
        """GetQueue."""
        return self.existing_queue("get_queue", name)

    def list_queues(
        self, now: int, parent: str, page_size: int, page_token: str, filter: str = "", fields: Fields | None = None
    ) -> tuple[list[Queue], str]:
        """ListQueues, sorted by name. ``fields`` are those that a filter can compare."""
        matches = queue_filter(filter, fields)
        within = [queue for queue in self.queues.values() if location_of(queue.name) == parent and matches(queue)]
        within.sort(key=lambda queue: queue.name)
        cursor = Cursor(f"queues of {parent} where {filter}", page_token, now)
        return page(within, lambda queue: queue.name, page_size, cursor, QUEUES_PER_PAGE, "ListQueuesRequest")

    def update_queue(self, now: int, name: str, settings: GivenSettings, mask: Sequence[str] | None = None) -> Queue:
        """UpdateQueue: apply the settings in the mask, or all settings without a mask; create a missing queue."""
        mask = ALL_SETTINGS if mask is None else mask
        queue = self.queues.get(name)
        if queue is None:
            return self._create(now, location_of(name), name, lambda: masked(None, settings, mask, self.options))
        self._reconfigure(queue, masked(queue.config, settings, mask, self.options), now)
        self._happened(now, EventKind.QUEUE_UPDATED, queue)
        return queue

    def _reconfigure(self, queue: Queue, config: QueueConfig, now: int) -> None:
        queue.reconfigure(self._with_host(config, queue.name), now)
        self.scheduler.reconfigured(queue, now)

    def _with_host(self, config: QueueConfig, name: str) -> QueueConfig:
        given = config.other.get(ROUTING_OVERRIDE)
        if given is None:
            return config
        override = override_with_host(given, name, self.options.app_engine_host_suffix)
        return replace(config, other={**config.other, ROUTING_OVERRIDE: override})

    def delete_queue(self, now: int, name: str) -> None:
        """DeleteQueue: delete the queue and its tasks. Its name stays reserved."""
        queue = self.existing_queue("delete_queue", name)
        self._remove(list(queue.tasks.values()), TaskCause.QUEUE_DELETED, now)
        del self.queues[name]
        del self._reserved_tasks[name]
        self._reserved_queues.reserve(name, now, self.options.queue_tombstone_ttl)
        self.scheduler.queue_deleted(queue, now)
        self._happened(now, EventKind.QUEUE_DELETED, queue)

    def purge_queue(self, now: int, name: str) -> Queue:
        """PurgeQueue: delete all tasks. Their names stay reserved.

        The option ``purge_delay`` delays that; until then the tasks may be dispatched.
        """
        queue = self.existing_queue("purge_queue", name)
        queue.purge_time = now
        if self.options.purge_delay:
            self.scheduler.purge_later(queue, self.accepted.total, now + self.options.purge_delay, now)
        else:
            self._remove(list(queue.tasks.values()), TaskCause.PURGE, now)
            self.scheduler.plan(queue, now)
        self._happened(now, EventKind.QUEUE_PURGED, queue)
        return queue

    def pause_queue(self, now: int, name: str) -> Queue:
        """PauseQueue. Pausing a paused queue is no error."""
        return self._move(now, self.existing_queue("pause_queue", name), QueueCause.PAUSE)

    def resume_queue(self, now: int, name: str) -> Queue:
        """ResumeQueue. Resuming a running queue is no error."""
        return self._move(now, self.existing_queue("resume_queue", name), QueueCause.RESUME)

    def disable_queue(self, now: int, name: str) -> Queue:
        """Disable a queue, as UploadQueueYaml does with the queues that the file leaves out."""
        return self._move(now, self.queues[name], QueueCause.LEFT_OUT)

    def _move(self, now: int, queue: Queue, cause: QueueCause) -> Queue:
        state = QUEUE_TRANSITIONS[cause].get(queue.state)
        if state is not None:
            queue.state = state
            self._happened(now, _STATE_EVENTS[state], queue)
            self.scheduler.plan(queue, now)
        return queue

    def upload_queue_yaml(self, now: int, location: str, queues: Mapping[str, UploadedQueue]) -> None:
        """UploadQueueYaml: set up queues of a location by their IDs, and disable the others. All or nothing.

        Their tasks are kept for the longest possible duration, and their tasks' names for 9 days.
        """
        named = {f"{location}/queues/{queue_id}": queue for queue_id, queue in queues.items()}
        for name, uploaded in named.items():
            self._check_upload(now, location, name, uploaded.settings)
        for name, uploaded in named.items():
            queue = self.update_queue(now, name, uploaded.settings, _UPLOADED)
            config = replace(queue.config, task_ttl=LONGEST_TTL, tombstone_ttl=TOMBSTONE_TTL_RANGE[1])
            if uploaded.settings.get("retry_config", {}).get("max_doublings") == 0:
                config = replace(config, retry_config=config.retry_config._replace(max_doublings=0))
            self._reconfigure(queue, config, now)
            self._move(now, queue, QueueCause.PAUSE if uploaded.is_paused else QueueCause.UPLOADED)
        for name in self.queues:
            if location_of(name) == location and name not in named:
                self.disable_queue(now, name)

    def _check_upload(self, now: int, location: str, name: str, settings: GivenSettings) -> None:
        check_new_queue(name, location)
        queue_config_from(settings, self.options)
        queue = self.queues.get(name)
        if queue is not None and queue.config.type is not settings.get("type", QueueType.PUSH):
            raise errors.QUEUE_TYPE_IMMUTABLE.error()
        if queue is None and self.is_reserved(now, name):
            raise errors.QUEUE_DELETED_TOO_RECENTLY.error()

    def is_reserved(self, now: int, name: str) -> bool:
        """Return whether a queue with that name was deleted too recently for a new one."""
        return self._reserved_queues.holds(name, now)

    def existing_queue(self, rpc: str, name: str) -> Queue:
        """Return the queue that a call of ``rpc`` names; raise that RPC's error for an unknown queue."""
        queue = self.queues.get(name)
        if queue is None:
            raise RPCS[rpc].unknown.error()
        return queue

    def existing_task(self, rpc: str, name: str) -> Task:
        """Return the task that a call of ``rpc`` names; raise that RPC's error for an unknown task or queue."""
        queue = self.queues.get(queue_of(name))
        if queue is None:
            raise RPCS[rpc].unknown_queue.error()
        task = queue.tasks.get(name)
        if task is None:
            raise RPCS[rpc].unknown.error()
        return task

    # --- tasks ---------------------------------------------------------------------------------------------------

    def create_task(self, now: int, parent: str, spec: TaskSpec | None, size: int = 0) -> Task:
        """CreateTask. ``size`` is the stored task's size in bytes; see `draft_task`."""
        task = self.draft_task(now, parent, spec)
        if size > self.options.max_task_size:
            raise errors.TASK_TOO_LARGE.error()
        if not task.name:
            task.name = f"{parent}/tasks/{self._new_task_id()}"
        queue = self.queues[parent]
        queue.tasks[task.name] = task
        self.accepted.add(task)
        self._record(Event(now, EventKind.TASK_CREATED, parent, task))
        self.scheduler.add(queue, task)
        return task

    def draft_task(self, now: int, parent: str, spec: TaskSpec | None) -> Task:
        """Return the task that CreateTask would store, without a name if ``spec`` has none. Change nothing."""
        queue = self.queues.get(parent)
        if queue is None or now < queue.initialized_at:
            raise self._queue_missing(now, parent)
        if spec is None:
            raise errors.TARGET_MISSING.error()
        name = spec.name
        target = with_queue_token(check_spec(spec, now), queue.config.http_target)
        retry_config = None if spec.retry_config is None else retry_config_from(spec.retry_config)
        check_fits(target, queue)
        if name:
            if name in queue.tasks:
                raise errors.TASK_EXISTS.error()
            if self._reserved_tasks[parent].holds(id_of(name), now):
                raise errors.TASK_EXISTED_TOO_RECENTLY.error()
        override = queue.config.other.get(ROUTING_OVERRIDE) if queue.config.other else None
        return Task(
            name,
            queue.name,
            self.accepted.total,
            stored_target(
                target, parent, Routing(**override) if override else None, self.options.app_engine_host_suffix
            ),
            now,
            stored_schedule_time(spec, now),
            stored_deadline(spec),
            retry_config,
        )

    def _queue_missing(self, now: int, name: str) -> errors.ServiceError:
        """Return the error of CreateTask for a queue that doesn't exist, or not yet."""
        if not self.options.legacy_errors:
            return RPCS["create_task"].unknown.error()
        is_deleted = name not in self.queues and self.is_reserved(now, name)
        return (errors.LEGACY_QUEUE_DELETED if is_deleted else errors.LEGACY_QUEUE_MISSING).error()

    def buffer_task(
        self, now: int, queue_name: str, task_id: str, body: bytes, content_type: str, size: int = 0
    ) -> Task:
        """BufferTask. ``size`` is as for `create_task`."""
        queue = self.existing_queue("buffer_task", queue_name)
        return self.create_task(now, queue_name, buffered_task(queue, task_id, body, content_type), size)

    def get_task(self, now: int, name: str) -> Task:
        """GetTask. A reserved name has its own error text."""
        queue = self.queues.get(queue_of(name))
        if queue is not None and name not in queue.tasks and self._reserved_tasks[queue.name].holds(id_of(name), now):
            legacy = self.options.legacy_errors
            raise (errors.LEGACY_TASK_NO_LONGER_EXISTS if legacy else errors.TASK_NO_LONGER_EXISTS).error()
        return self.existing_task("get_task", name)

    def list_tasks(self, now: int, parent: str, page_size: int, page_token: str) -> tuple[list[Task], str]:
        """ListTasks, in the order of creation unless the dispatch order has another one."""
        queue = self.existing_queue("list_tasks", parent)
        tasks = in_listing_order(queue.tasks.values(), self.scheduler.dispatch_order)
        cursor = Cursor(f"tasks of {parent}", page_token, now)
        return page(tasks, listing_key, page_size, cursor, TASKS_PER_PAGE, "ListTasksRequest")

    def delete_task(self, now: int, name: str) -> None:
        """DeleteTask. An attempt under way continues, and its outcome is ignored."""
        task = self.existing_task("delete_task", name)
        queue = self.queues[task.queue_name]
        self._happened(now, EventKind.TASK_DELETED, queue, task)
        self._end(task, TaskCause.DELETE, now)
        self.scheduler.plan(queue, now)

    def run_task(self, now: int, name: str) -> Task:
        """RunTask: begin an attempt now, regardless of the queue's state and limits and of attempts under way.

        The attempt has begun when the call returns. The driver delivers it next.
        """
        task = self.existing_task("run_task", name)
        if isinstance(task.target, PullMessage):
            raise errors.RUN_PULL_TASK.error()
        self.scheduler.begin_later(self.queues[task.queue_name], task, now)
        return task

    def check_wait(self, rpc_name: str, now: int, timeout: float | None) -> None:
        """Raise ServiceError for a caller whose ``timeout`` (seconds) is too long for this RPC."""
        if timeout is None or timeout <= MAX_RPC_DEADLINE:  # NaN fails every comparison
            return
        if self.options.enforce_rpc_deadline and RPCS[rpc_name].limits_wait:
            raise rpc_deadline_error(timeout, now)

    def target_of(self, task: Task) -> PushTarget:
        """Return what a dispatch of ``task`` would send now: its target with the overrides of its queue."""
        assert not isinstance(task.target, PullMessage), "a pull message is not sent anywhere"
        queue = self.queues.get(task.queue_name)
        return task.target if queue is None else queue.config.sent(task.target)

    def begin(self, now: int, task: Task, *, forced: bool = False) -> Attempt:
        """Begin an attempt regardless of the queue's rate and concurrency. The caller delivers it at once.

        A ``forced`` attempt, like that of RunTask, ignores the queue's state, too.
        """
        return self.scheduler.begin(self.queues[task.queue_name], task, now, forced=forced)

    # --- batches and operations ----------------------------------------------------------------------------------

    def batch_create_tasks(
        self, now: int, parent: str, creations: Sequence[Creation], request_id: str, api: str = "google.cloud.tasks.v2"
    ) -> Operation:
        """BatchCreateTasks; ``api`` is the package of the API that was called."""
        return batches.create_tasks(self, now, parent, creations, request_id, api)

    def batch_delete_tasks(
        self, now: int, parent: str, task_names: Sequence[str], request_id: str, api: str = "google.cloud.tasks.v2"
    ) -> Operation:
        """BatchDeleteTasks; ``api`` is the package of the API that was called."""
        return batches.delete_tasks(self, now, parent, task_names, request_id, api)

    def get_operation(self, now: int, name: str) -> Operation:
        """GetOperation."""
        operation = self.operations.get(name)
        if operation is None:
            raise RPCS["get_operation"].unknown.error()
        return operation

    # --- pull queues ---------------------------------------------------------------------------------------------

    def lease_tasks(
        self, now: int, parent: str, max_tasks: int, duration: int | None, filter: str, size_of: Callable[[Task], int]
    ) -> list[Task]:
        """LeaseTasks. ``size_of`` measures a task as it is returned: a response has at most 32 MB."""
        return pull_queues.lease(self, now, parent, max_tasks, duration, filter, size_of)

    def acknowledge_task(self, now: int, name: str, schedule_time: int | None) -> None:
        """AcknowledgeTask: delete the task, which is done."""
        task = pull_queues.held_task(self, now, "acknowledge_task", name, schedule_time)
        self.end_pulled(task, TaskCause.ACKNOWLEDGE, EventKind.TASK_ACKNOWLEDGED, now)

    def renew_lease(self, now: int, name: str, schedule_time: int | None, duration: int | None) -> Task:
        """RenewLease: the lease starts again now."""
        return pull_queues.renew(self, now, name, schedule_time, duration)

    def cancel_lease(self, now: int, name: str, schedule_time: int | None) -> Task:
        """CancelLease: the task can be leased at once."""
        return pull_queues.cancel(self, now, name, schedule_time)

    def pulled(self, task: Task, kind: EventKind, at: int, *, until: int | None = None) -> None:
        """Record an event of a pull task. ``until`` is the end of its lease."""
        self._record(Event(at, kind, task.queue_name, task, until=until))

    def end_pulled(self, task: Task, cause: TaskCause, kind: EventKind, at: int) -> None:
        """End a pull task and remove it."""
        self.pulled(task, kind, at)
        self._end(task, cause, at)

    # --- IAM, locations and CMEK ---------------------------------------------------------------------------------

    def authorize(self, permission: str, resource: str, asked_for: str | None = None) -> None:
        """Raise ServiceError if the policy of ``resource``'s queue doesn't grant the permission; see `iam`.

        ``asked_for`` is the resource that the error names, if it is another one.
        """
        queue = self.queues.get(queue_of(resource) or resource)
        if queue is not None:
            iam.check(
                queue.policy, self.options.iam_emulation, self.options.iam_roles, permission, asked_for or resource
            )

    def get_iam_policy(self, now: int, resource: str) -> iam.Policy:
        """GetIamPolicy."""
        return self.existing_queue("get_iam_policy", resource).policy or iam.NEVER_SET

    def set_iam_policy(self, now: int, resource: str, policy: iam.Policy) -> iam.Policy:
        """SetIamPolicy: replace the policy. An etag, if given, must be the current one."""
        queue = self.existing_queue("set_iam_policy", resource)
        queue.policy = policy.stored(queue.policy or iam.NEVER_SET, iam.next_etag(queue.policy_version + 1))
        queue.policy_version += 1
        return queue.policy

    def test_iam_permissions(self, now: int, resource: str, permissions: Sequence[str]) -> list[str]:
        """TestIamPermissions: return all of them, sorted, because the caller owns the project.

        With the option ``iam_emulation``: return those that the queue's policy grants.
        """
        queue = self.existing_queue("test_iam_permissions", resource)
        iam.check_asked(permissions)
        asked = sorted(permissions)
        if not self.options.iam_emulation or queue.policy is None:
            return asked
        granted = queue.policy.grants(self.options.iam_emulation, self.options.iam_roles)
        return [permission for permission in asked if permission in granted]

    def get_location(self, now: int, name: str) -> str:
        """GetLocation: return the name of a location that ListLocations has."""
        if name not in self.list_locations(now, name.rpartition("/locations/")[0]):
            raise RPCS["get_location"].unknown.error()
        return name

    def list_locations(self, now: int, project: str) -> list[str]:
        """ListLocations of ``projects/P``, by name: the service's own location, and those with queues."""
        names = {f"{project}/locations/{self.location}", *map(location_of, self.queues)}
        return sorted(name for name in names if name.startswith(f"{project}/"))

    def get_cmek_config(self, now: int, name: str) -> str:
        """GetCmekConfig: return the key, empty if none was set. Nothing is encrypted with it."""
        return self.kms_keys.get(name, "")

    def update_cmek_config(self, now: int, name: str, kms_key: str, mask: Sequence[str]) -> str:
        """UpdateCmekConfig: return the key after the update. A mask with only the name changes nothing."""
        for path in mask:
            if path not in ("name", "kms_key"):
                raise errors.MASK_UNKNOWN_FIELD.error(path=path)
        if not mask or "kms_key" in mask:
            location = name.rpartition("/")[0]
            if kms_key:
                queues = (queue for queue in self.queues.values() if location_of(queue.name) == location)
                if not all(cmek_allowed(queue.config) for queue in queues):
                    raise errors.CMEK_UNSATISFIED.error()
                check_kms_key(kms_key, location)
            self.kms_keys[name] = kms_key
        return self.get_cmek_config(now, name)

    # --- time ----------------------------------------------------------------------------------------------------

    def clock_reset(self, by: int) -> None:
        """Shift reservations and rates by ``by`` when the clock is reset while no task is live."""
        self._reserved_queues.shift(by)
        for reserved in self._reserved_tasks.values():
            reserved.shift(by)
        for queue in self.queues.values():
            queue.clock_reset(by)

    @property
    def has_live_tasks(self) -> bool:
        """Whether any queue holds a task."""
        return any(queue.tasks for queue in self.queues.values())

    # --- helpers -------------------------------------------------------------------------------------------------

    def _happened(self, at: int, kind: EventKind, queue: Queue, task: Task | None = None) -> None:
        self._record(Event(at, kind, queue.name, task))

    def _end(self, task: Task, cause: TaskCause, at: int) -> None:
        task.move(cause)
        task.waiting = None
        task.ended_at = at
        queue = self.queues[task.queue_name]
        del queue.tasks[task.name]
        self._reserved_tasks[queue.name].reserve(id_of(task.name), at, queue.config.tombstone_ttl)
        self.accepted.finish(task)

    def _remove(self, tasks: Iterable[Task], cause: TaskCause, now: int) -> None:
        for task in tasks:
            self._end(task, cause, now)
