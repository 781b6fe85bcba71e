"""The service: its RPCs as commands on queues and tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from .._units import DAY
from . import errors, iam
from .batches import Batches
from .events import Event, EventKind
from .listing import Cursor, Fields, page, parsed_filter
from .options import Knobs
from .overrides import ROUTING_OVERRIDE, override_with_host, with_queue_token
from .pull_queues import Leases, check_fits
from .queue import Queue, QueueState
from .queue_settings import (
    ALL_SETTINGS,
    LONGEST_TTL,
    TOMBSTONE_TTL_RANGE,
    QueueConfig,
    QueueType,
    Settings,
    UploadedQueue,
    masked,
    queue_config_from,
)
from .request import PullMessage, Routing, Target
from .retry import retry_config_from
from .scheduler import Scheduler, listing_key
from .task import Attempt, Task, TaskSpec, TaskState
from .validation import (
    MAX_RPC_DEADLINE,
    RPCS,
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


class Tombstones:
    """Names of the recently deceased, each until its instant."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def bury(self, name: str, until: int) -> None:
        """Reserve ``name`` up to, and not including, ``until``."""
        self._until[name] = until

    def holds(self, name: str, now: int) -> bool:
        """Whether ``name`` is still reserved at ``now``."""
        until = self._until.get(name)
        if until is None:
            return False
        if now < until:
            return True
        del self._until[name]
        return False

    def shift(self, by: int) -> None:
        """Move with a clock that was set anew."""
        for name in self._until:
            self._until[name] += by


LONGEST_TASK_TTL = 60 * DAY
"""How long tasks may be kept at the most in a location whose tasks are encrypted with a key."""
_KMS_NAME = re.compile(
    r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+"
    r"(?P<key>/cryptoKeys/[^/]+(?P<version>/cryptoKeyVersions/[^/]+)?)?"
)
_FIELDS = frozenset({"name", "kms_key"})


class CmekConfigs:
    """The key's name for each config that was ever set."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def get(self, name: str) -> str:
        """GetCmekConfig: return the key, blank where none was set."""
        return self._keys.get(name, "")

    def update(self, queues: Iterable[Queue], name: str, kms_key: str, mask: Iterable[str]) -> str:
        """UpdateCmekConfig: return the key that is set then. A mask that names the name alone changes nothing.

        Args:
            queues: All queues; those of the config's location can forbid a key.
            name: The config's full name.
            kms_key: The key's full name; blank for none.
            mask: The paths of the mask; none for all fields.
        """
        paths = list(mask)
        for path in paths:
            if path not in _FIELDS:
                raise errors.MASK_UNKNOWN_FIELD.error(path=path)
        if not paths or "kms_key" in paths:
            if kms_key:
                location = name.rpartition("/")[0]
                _check_queues(queues, location)
                _check_key(kms_key, location)
            self._keys[name] = kms_key
        return self.get(name)


def _check_queues(queues: Iterable[Queue], location: str) -> None:
    for queue in queues:
        config = queue.config
        has_headers = bool((config.http_target or {}).get("header_overrides"))
        if location_of(queue.name) == location and (has_headers or config.task_ttl > LONGEST_TASK_TTL):
            raise errors.CMEK_UNSATISFIED.error()


def _check_key(name: str, location: str) -> None:
    match = _KMS_NAME.fullmatch(name)
    if match is None:
        raise errors.CMEK_KEY_FORMAT.error(name=name)
    if match["key"] is None or match["version"] is not None:
        raise errors.ARGUMENT_INVALID.error()
    if match["location"] != id_of(location):
        raise errors.ENTITY_MISSING.error()


def get_location(name: str, own: str, queue_names: Iterable[str]) -> str:
    """GetLocation. Evidence: documented; that there are no other locations is our choice."""
    if name not in list_locations(name.rpartition("/locations/")[0], own, queue_names):
        raise RPCS["get_location"].unknown.error()
    return name


def list_locations(project: str, own: str, queue_names: Iterable[str]) -> list[str]:
    """ListLocations of ``projects/P``, by name: ``own``, and where its queues are; on one page. Our choice."""
    found = {f"{project}/locations/{own}", *map(location_of, queue_names)}
    return sorted(name for name in found if name.startswith(f"{project}/"))


QUEUES_PER_PAGE = 9800
TASKS_PER_PAGE = 1000
MAX_QUEUES = 1000
"""Queues in one location of a project. Evidence: documented."""


_STATE_EVENTS = {
    QueueState.PAUSED: EventKind.QUEUE_PAUSED,
    QueueState.RUNNING: EventKind.QUEUE_RESUMED,
    QueueState.DISABLED: EventKind.QUEUE_DISABLED,
}


def _filter(text: str, fields: Fields | None) -> Callable[[Queue], bool]:
    if not text:
        return lambda queue: True

    assert fields is not None, "a filter is made of fields"
    condition, record = parsed_filter(text, fields), fields.record
    return lambda queue: condition(record(queue))


def _forget(event: Event) -> None:
    """Record nothing: for a service that only tries something."""


class Service:
    """Cloud Tasks, all projects and locations of it.

    Every command takes the instant at which it arrives (nanoseconds since 1970, UTC). A refused command raises
    `refusals.ServiceError` and has changed nothing. Names are those that `rpcs.check` has accepted.
    """

    def __init__(
        self,
        new_task_id: Callable[[], str],
        knobs: Knobs | None = None,
        location: str = "us-central1",
        record: Callable[[Event], None] = _forget,
    ) -> None:
        """``new_task_id`` gives the IDs of tasks created without a name, a new one each time.

        ``record`` gets each event when it happens; the service keeps none.
        ``location`` is the ID of the one that ListLocations has; queues may be made in others all the same.
        """
        self.knobs = knobs or Knobs()
        self.location = location
        self.queues: dict[str, Queue] = {}
        self.accepted: list[Task] = []
        """Every task ever accepted, gone ones included, in the order of creation."""
        self.batches = Batches()
        self.cmek = CmekConfigs()
        self.leases = Leases()
        self._new_task_id = new_task_id
        self._record = record
        self._queue_tombstones = Tombstones()
        self._task_tombstones: dict[str, Tombstones] = {}
        self.scheduler = Scheduler(self.knobs, record, self._end)

    # --- queues --------------------------------------------------------------------------------------------------

    def create_queue(self, now: int, parent: str, name: str, settings: Settings) -> Queue:
        """CreateQueue. With the knob ``queue_init_delay`` CreateTask doesn't find it at once."""
        return self._create(now, parent, name, lambda: queue_config_from(settings, self.knobs))

    def _create(self, now: int, parent: str, name: str, configure: Callable[[], QueueConfig]) -> Queue:
        if name in self.queues:
            raise errors.QUEUE_EXISTS.error()
        is_reserved = self.is_reserved(now, name)
        if is_reserved and not self.knobs.ghost_recreate:
            raise errors.QUEUE_DELETED_TOO_RECENTLY.error()
        config = self._with_host(configure(), name)
        if is_reserved:
            return Queue(name, config)  # it looks like one, and is not there
        # Counting is left out as long as it can't come to so many.
        is_near = len(self.queues) >= MAX_QUEUES
        if is_near and sum(location_of(one) == parent for one in self.queues) >= MAX_QUEUES:
            raise errors.QUEUES_EXHAUSTED.error(limit=MAX_QUEUES)
        queue = self.queues[name] = Queue(name, config, now + self.knobs.queue_init_delay)
        self._task_tombstones[name] = Tombstones()
        self._happened(now, EventKind.QUEUE_CREATED, queue)
        return queue

    def get_queue(self, now: int, name: str) -> Queue:
        """GetQueue."""
        return self.existing_queue("get_queue", name)

    def existing_queue(self, rpc: str, name: str) -> Queue:
        """Return the queue that a call of ``rpc`` is about; raises what that RPC says of an unknown one."""
        queue = self.queues.get(name)
        if queue is None:
            raise RPCS[rpc].unknown.error()
        return queue

    def existing_task(self, rpc: str, name: str) -> Task:
        """Return the task that a call of ``rpc`` is about; raises what that RPC says of an unknown task or queue."""
        queue = self.queues.get(queue_of(name))
        if queue is None:
            raise RPCS[rpc].unknown_queue.error()
        task = queue.tasks.get(name)
        if task is None:
            raise RPCS[rpc].unknown.error()
        return task

    def list_queues(
        self,
        now: int,
        parent: str,
        page_size: int,
        page_token: str,
        filter: str = "",
        fields: Fields | None = None,
    ) -> tuple[list[Queue], str]:
        """ListQueues, in the order of names. ``fields`` are those that the filter can ask for."""
        matches = _filter(filter, fields)
        within = sorted(
            (queue for queue in self.queues.values() if location_of(queue.name) == parent and matches(queue)),
            key=lambda queue: queue.name,
        )
        cursor = Cursor(f"queues of {parent} where {filter}", page_token, now)
        return page(within, lambda queue: queue.name, page_size, cursor, QUEUES_PER_PAGE, "ListQueuesRequest")

    def update_queue(self, now: int, name: str, settings: Settings, mask: Sequence[str] | None = None) -> Queue:
        """UpdateQueue: take the settings that the mask names, or all without one; create a queue that is missing."""
        mask = ALL_SETTINGS if mask is None else mask
        queue = self.queues.get(name)
        if queue is None:
            location = location_of(name)
            return self._create(now, location, name, lambda: masked(None, settings, mask, self.knobs))
        config = self._with_host(masked(queue.config, settings, mask, self.knobs), name)
        queue.reconfigure(config, now)
        self.scheduler.reconfigured(queue, now)
        self._happened(now, EventKind.QUEUE_UPDATED, queue)
        return queue

    def _with_host(self, config: QueueConfig, name: str) -> QueueConfig:
        """``config`` with the host of its App Engine routing, where it has one. Evidence: documented."""
        given = config.other.get(ROUTING_OVERRIDE)
        if given is None:
            return config
        override = override_with_host(given, name, self.knobs.app_engine_host_suffix)
        return replace(config, other={**config.other, ROUTING_OVERRIDE: override})

    def delete_queue(self, now: int, name: str) -> None:
        """DeleteQueue, tasks and all; the name stays reserved. Evidence: documented; the text is recorded."""
        queue = self.existing_queue("delete_queue", name)
        self._remove(list(queue.tasks.values()), now)
        del self.queues[name]
        del self._task_tombstones[name]
        self._queue_tombstones.bury(name, now + self.knobs.queue_tombstone_ttl)
        self.scheduler.removed(queue, now)
        self.leases.forget(queue)
        self._happened(now, EventKind.QUEUE_DELETED, queue)

    def purge_queue(self, now: int, name: str) -> Queue:
        """PurgeQueue: every task that is there goes, at once; purged names stay reserved. Evidence: documented.

        With the knob ``purge_delay`` they go later, and may be dispatched until then.
        """
        queue = self.existing_queue("purge_queue", name)
        queue.purge_time = now
        if self.knobs.purge_delay:
            self.scheduler.purge_later(queue, len(self.accepted), now + self.knobs.purge_delay, now)
        else:
            self._remove(list(queue.tasks.values()), now)
            self.scheduler.plan(queue, now)
        self._happened(now, EventKind.QUEUE_PURGED, queue)
        return queue

    def pause_queue(self, now: int, name: str) -> Queue:
        """PauseQueue; pausing a paused queue is no error. Evidence: documented; our choice."""
        return self._set_state(now, self.existing_queue("pause_queue", name), QueueState.PAUSED)

    def resume_queue(self, now: int, name: str) -> Queue:
        """ResumeQueue; resuming a running queue is no error. Evidence: documented; our choice."""
        return self._set_state(now, self.existing_queue("resume_queue", name), QueueState.RUNNING)

    def disable_queue(self, now: int, name: str) -> Queue:
        """What UploadQueueYaml does to a queue that the file leaves out. Evidence: documented."""
        return self._set_state(now, self.queues[name], QueueState.DISABLED)

    def is_reserved(self, now: int, name: str) -> bool:
        """Whether a queue of that name was deleted too recently for another."""
        return self._queue_tombstones.holds(name, now)

    def _set_state(self, now: int, queue: Queue, state: QueueState) -> Queue:
        if queue.state is not state:
            queue.state = state
            self._happened(now, _STATE_EVENTS[state], queue)
            self.scheduler.plan(queue, now)
        return queue

    # --- IAM -----------------------------------------------------------------------------------------------------

    def authorize(self, permission: str, resource: str, asked_for: str | None = None) -> None:
        """Refuse the caller what the policy of the queue of ``resource`` doesn't grant; see `iam`.

        ``asked_for`` is the resource that the permission is for, where it is another.
        """
        queue = self.queues.get(queue_of(resource) or resource)
        if queue is not None:
            iam.check(queue.policy, self.knobs.iam_emulation, self.knobs.iam_roles, permission, asked_for or resource)

    def get_iam_policy(self, now: int, resource: str) -> iam.Policy:
        """GetIamPolicy."""
        return self.existing_queue("get_iam_policy", resource).policy or iam.NEVER_SET

    def set_iam_policy(self, now: int, resource: str, policy: iam.Policy) -> iam.Policy:
        """SetIamPolicy: replaces; an etag, where there is one, must be the current one."""
        queue = self.existing_queue("set_iam_policy", resource)
        stored = policy.stored(queue.policy or iam.NEVER_SET, iam.next_etag(queue.policy_version + 1))
        queue.policy = stored
        queue.policy_version += 1
        return stored

    def test_iam_permissions(self, now: int, resource: str, permissions: Sequence[str]) -> list[str]:
        """TestIamPermissions: all of them, sorted, for the caller owns the project.

        With ``iam_emulation``: those that the queue's policy grants.
        """
        queue = self.existing_queue("test_iam_permissions", resource)
        iam.check_asked(permissions)
        asked = sorted(permissions)
        if not self.knobs.iam_emulation or queue.policy is None:
            return asked
        granted = queue.policy.grants(self.knobs.iam_emulation, self.knobs.iam_roles)
        return [permission for permission in asked if permission in granted]

    # --- tasks ---------------------------------------------------------------------------------------------------

    def check_wait(self, rpc_name: str, now: int, timeout: float | None) -> None:
        """Raise ServiceError for a caller who would wait ``timeout`` seconds, which is too long for this RPC."""
        if timeout is None or timeout <= MAX_RPC_DEADLINE:
            return
        if self.knobs.enforce_rpc_deadline and RPCS[rpc_name].limits_wait:
            raise rpc_deadline_error(timeout, now)

    def create_task(self, now: int, parent: str, spec: TaskSpec | None, size: int = 0) -> Task:
        """CreateTask; ``size`` is the bytes of the task as it is stored, where it may be beyond the limit."""
        task = self.draft_task(now, parent, spec)
        if size > self.knobs.max_task_size:
            raise errors.TASK_TOO_LARGE.error()
        if not task.name:
            task.name = f"{parent}/tasks/{self._new_task_id()}"
        queue = self.queues[parent]
        queue.tasks[task.name] = task
        self.accepted.append(task)
        self._record(Event(now, EventKind.TASK_CREATED, queue.name, task))
        self.scheduler.add(queue, task)
        return task

    def draft_task(self, now: int, parent: str, spec: TaskSpec | None) -> Task:
        """Return the task that CreateTask would store, without an ID if it has no name, and change nothing.

        Raise ServiceError for what CreateTask rejects, but for a task that is too large.
        """
        queue = self.queues.get(parent)
        knobs = self.knobs
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
            if self._task_tombstones[parent].holds(name, now):
                raise errors.TASK_EXISTED_TOO_RECENTLY.error()
        routing = None
        if other := queue.config.other:
            override = other.get(ROUTING_OVERRIDE)
            routing = Routing(**override) if override else None
        return Task(
            name,
            queue.name,
            len(self.accepted),
            stored_target(target, parent, routing, knobs.app_engine_host_suffix),
            now,
            stored_schedule_time(spec, now),
            stored_deadline(spec),
            retry_config,
        )

    def _queue_missing(self, now: int, name: str) -> errors.ServiceError:
        """What CreateTask says of a queue that it doesn't find, or not yet."""
        if not self.knobs.legacy_errors:
            return RPCS["create_task"].unknown.error()
        is_deleted = name not in self.queues and self._queue_tombstones.holds(name, now)
        return (errors.LEGACY_QUEUE_DELETED if is_deleted else errors.LEGACY_QUEUE_MISSING).error()

    def get_task(self, now: int, name: str) -> Task:
        """GetTask. A name that is reserved by a tombstone has a text of its own. Evidence: recorded."""
        queue = self.queues.get(queue_of(name))
        if queue is not None and name not in queue.tasks and self._task_tombstones[queue.name].holds(name, now):
            legacy = self.knobs.legacy_errors
            raise (errors.LEGACY_TASK_NO_LONGER_EXISTS if legacy else errors.TASK_NO_LONGER_EXISTS).error()
        return self.existing_task("get_task", name)

    def list_tasks(self, now: int, parent: str, page_size: int, page_token: str) -> tuple[list[Task], str]:
        """ListTasks, in the order of creation unless the line-up has another. Evidence: our choice.

        The service promises no order. Evidence: documented.
        """
        queue = self.existing_queue("list_tasks", parent)
        tasks = self.scheduler.dispatch_order.in_listings(queue.tasks.values())
        cursor = Cursor(f"tasks of {parent}", page_token, now)
        return page(tasks, listing_key, page_size, cursor, TASKS_PER_PAGE, "ListTasksRequest")

    def delete_task(self, now: int, name: str) -> None:
        """DeleteTask; an attempt under way goes on, and its outcome is dropped. Evidence: documented, recorded."""
        task = self.existing_task("delete_task", name)
        queue = self.queues[task.queue_name]
        self._happened(now, EventKind.TASK_DELETED, queue, task)
        self._end(task, TaskState.DELETED, now)
        self.scheduler.plan(queue, now)

    def run_task(self, now: int, name: str) -> Task:
        """RunTask: an attempt now, whatever the queue's state and limits, also beside one under way. Documented.

        The attempt has begun when the call returns; the driver delivers it next.
        """
        task = self.existing_task("run_task", name)
        if isinstance(task.target, PullMessage):
            raise errors.RUN_PULL_TASK.error()
        self.scheduler.force_later(self.queues[task.queue_name], task, now)
        return task

    def target_of(self, task: Task) -> Target:
        """What a dispatch of ``task`` would send now: its target under the overrides of its queue."""
        assert not isinstance(task.target, PullMessage), "a pull message is not sent anywhere"
        queue = self.queues.get(task.queue_name)
        return task.target if queue is None else queue.config.sent(task.target)

    def pulled(self, task: Task, kind: EventKind, at: int, *, until: int | None = None) -> None:
        """Something has happened to a pull task, which is leased ``until`` then."""
        self._record(Event(at, kind, task.queue_name, task, until=until))

    def end_pulled(self, task: Task, state: TaskState, kind: EventKind, at: int) -> None:
        """A pull task has come to its end."""
        self.pulled(task, kind, at)
        self._end(task, state, at)

    def force(self, now: int, task: Task) -> Attempt:
        """Begin an attempt as RunTask does, for a caller who delivers it at once."""
        return self.scheduler.force(self.queues[task.queue_name], task, now)

    def begin(self, now: int, task: Task) -> Attempt:
        """Begin an attempt as the queue itself would, but past its rate and concurrency."""
        return self.scheduler.begin(self.queues[task.queue_name], task, now)

    # --- time ----------------------------------------------------------------------------------------------------

    def set_anew(self, by: int) -> None:
        """The clock was set to another instant, ``by`` away, while no task was alive: reservations move with it."""
        self._queue_tombstones.shift(by)
        for tombstones in self._task_tombstones.values():
            tombstones.shift(by)
        for queue in self.queues.values():
            queue.rate.shift(by)
            queue.initialized_at += by
        self.leases.shift(by)

    @property
    def has_live_tasks(self) -> bool:
        """Whether any queue holds a task."""
        return any(queue.tasks for queue in self.queues.values())

    # --- inside --------------------------------------------------------------------------------------------------

    def _happened(self, at: int, kind: EventKind, queue: Queue, task: Task | None = None) -> None:
        self._record(Event(at, kind, queue.name, task))

    def _end(self, task: Task, state: TaskState, at: int) -> None:
        task.state = state
        task.waiting = None
        task.ended_at = at
        queue = self.queues[task.queue_name]
        del queue.tasks[task.name]
        self._task_tombstones[queue.name].bury(task.name, at + queue.config.tombstone_ttl)

    def _remove(self, tasks: Iterable[Task], now: int) -> None:
        for task in tasks:
            self._end(task, TaskState.DELETED, now)


_UPLOADED = ("rate_limits", "retry_config", ROUTING_OVERRIDE, "type")
"""What an upload decides on; the type is that of a queue that it creates."""


def upload(service: Service, now: int, location: str, queues: Mapping[str, UploadedQueue]) -> None:
    """Set up the queues of a location, by their IDs; those that the file leaves out are disabled. All or nothing.

    Their tasks are kept as long as there is a duration for, and their names for 9 days. Evidence: documented; our
    choice (that other queues are disabled whoever made them, and that a file which can't be is refused as a whole).
    """
    named = {f"{location}/queues/{queue_id}": queue for queue_id, queue in queues.items()}
    for name, uploaded in named.items():
        _check_upload(service, now, location, name, uploaded.settings)
    for name, uploaded in named.items():
        queue = service.update_queue(now, name, uploaded.settings, _UPLOADED)
        config = replace(queue.config, task_ttl=LONGEST_TTL, tombstone_ttl=TOMBSTONE_TTL_RANGE[1])
        if uploaded.settings.get("retry_config", {}).get("max_doublings") == 0:
            config = replace(config, retry_config=config.retry_config._replace(max_doublings=0))
        queue.reconfigure(config, now)
        service.scheduler.reconfigured(queue, now)
        (service.pause_queue if uploaded.is_paused else service.resume_queue)(now, name)
    for name in service.queues:
        if location_of(name) == location and name not in named:
            service.disable_queue(now, name)


def _check_upload(service: Service, now: int, location: str, name: str, settings: Settings) -> None:
    check_new_queue(name, location)
    queue_config_from(settings, service.knobs)
    queue = service.queues.get(name)
    if queue is not None and queue.config.type is not settings.get("type", QueueType.PUSH):
        raise errors.QUEUE_TYPE_IMMUTABLE.error()
    if queue is None and service.is_reserved(now, name):
        raise errors.QUEUE_DELETED_TOO_RECENTLY.error()
