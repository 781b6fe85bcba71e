"""`CloudTasksMachine`: a state machine of Hypothesis with a new fake for each example.

Its rules do to queues and tasks what an application, an operator and time do. After each step `invariants.Observer`
reads what has happened, and the invariants are checked.
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    precondition,
    rule,
)
from hypothesis.strategies import SearchStrategy

from .._api.fake import FakeCloudTasks
from .._api.routes import Route
from .._service.validation import id_of, location_of
from .._simulation.exceptions import CloudTasksLintWarning
from .._strategies.outcomes import Outcome
from .._text import did_you_mean, listed
from . import drawing, invariants
from .invariants import Observer, as_invariant

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient

OPTIONS = tuple(name for name in inspect.signature(FakeCloudTasks).parameters if name != "choices")
"""The options of a fake; the random choices are the machine's own."""
START = datetime(2030, 1, 1, tzinfo=timezone.utc)
"""The same instant in every run, so that an example is reproducible."""
CHANCE = "leave_to_chance"
OWN_WORK = (
    "begin_own_work",
    "create_queue",
    "update_queue",
    "purge_queue",
    "delete_queue",
    "create_task",
    "create_tasks",
    "get_task",
    "delete_task",
    "run_task",
    "answers_change",
)
"""The rules about the machine's own queues and tasks."""


def _check_options(where: str, options: object) -> None:
    """Raise TypeError for what is not a mapping, ValueError for an unknown option."""
    if not isinstance(options, Mapping):
        raise TypeError(f"{where} takes a mapping of options to values, but got {options!r}.")
    for name in options:
        if name not in OPTIONS:
            raise ValueError(
                f"{where} has no option {name!r}.{did_you_mean(name, OPTIONS)} Its options are {listed(OPTIONS)}."
            )


def _ids_there(machine: CloudTasksMachine) -> SearchStrategy[str]:
    return st.sampled_from(machine._ids_of_queues())


_queues_there: SearchStrategy[str] = st.runner().flatmap(_ids_there)
"""IDs of existing queues, including the application's."""


class CloudTasksMachine(RuleBasedStateMachine):
    """A Hypothesis state machine with rules for queues and tasks. Each example has a fresh fake.

    Extend it with the rules and invariants of an application that enqueues and handles tasks. ``cloud_tasks`` is the
    fake, and ``client`` a real client that calls it. Time is held at 2030-01-01, unless ``options`` has a ``start``.
    """

    queues: ClassVar[str | Path | Iterable[Any] | Mapping[str, Mapping[str, Any]]] = ()
    """The application's queues, as the option ``queues``. The machine pauses and resumes them."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Further arguments of `FakeCloudTasks`."""
    own_work: ClassVar[bool] = True
    """Whether the machine creates queues and tasks of its own."""
    without: ClassVar[Iterable[str]] = ()
    """Names of rules and invariants to leave out."""
    order: ClassVar[bool] = True
    """Whether tasks that are due together go in any order, as with ``choose_from``."""
    duplicates: ClassVar[bool] = True
    """Whether deliveries may happen twice."""
    lost_answers: ClassVar[bool] = True
    """Whether answers may be lost."""
    delays: ClassVar[timedelta] = timedelta(hours=1)
    """The longest delay of a dispatch, as a timedelta."""

    queue_names: Bundle[str] = Bundle("queue")
    """The full names of the queues that rules have created."""
    task_names: Bundle[str] = Bundle("task")
    """The full names of the tasks that rules have created."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_options(f"{cls.__name__}.options", cls.options)
        if isinstance(cls.without, str):
            raise TypeError(
                f"{cls.__name__}.without takes a list of names, such as [{cls.without!r}], but got {cls.without!r}."
            )
        left_out = list(cls.without)
        for name in left_out:
            if name not in PARTS:
                raise ValueError(
                    f"{cls.__name__}.without names {name!r}, which is neither a rule nor an invariant of a"
                    f" CloudTasksMachine.{did_you_mean(name, PARTS)} Its rules are {listed(RULES)}; its invariants are"
                    f" {listed(INVARIANTS)}."
                )
        left_out += () if cls.own_work else OWN_WORK
        left_out += () if cls.order or cls.duplicates or cls.lost_answers or cls.delays else (CHANCE,)
        for name in left_out:
            if name not in vars(cls):  # the subclass has a rule of that name instead
                setattr(cls, name, None)
        if "teardown" in vars(cls):
            cls.teardown = _and_leave(cls.teardown)  # type: ignore[assignment,method-assign]

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        try:
            options = {"start": START, **self.options}
            options["queues"] = [options.get("queues", ()), self.queues]
            self.cloud_tasks: FakeCloudTasks = self._stack.enter_context(FakeCloudTasks(**options))
            self.client: CloudTasksClient = self.cloud_tasks.client()
            if self.own_work:
                self.cloud_tasks.route(drawing.URL)
            self.targets(self.cloud_tasks)
            service = options.get("service") or {}
            self._observer = Observer(self.cloud_tasks, purges_take_time="purge_delay" in service)
        except BaseException:
            self._stack.__exit__(*sys.exc_info())
            raise

    def targets(self, cloud_tasks: FakeCloudTasks) -> None:
        """Add the targets of the application's tasks. Override it; it is called for every example.

        Args:
            cloud_tasks: The example's fake. The machine's own tasks go to ``https://example.com/``.
        """

    def teardown(self) -> None:
        """End the fake. A subclass's teardown runs before, and need not call this one.

        The timeline of a failing example is among what Hypothesis prints.
        """
        self._leave()

    def _leave(self) -> None:
        stack, self._stack = self._stack, ExitStack()
        timeline = (
            self.cloud_tasks.timeline()
        )  # always, because otherwise Hypothesis would explain the failure with lines of this method
        try:
            stack.__exit__(*sys.exc_info())
        finally:
            if sys.exc_info()[0] is not None and currently_in_test_context():
                note(f"Timeline:\n{timeline}")

    def _ids_of_queues(self) -> list[str]:
        """Return the existing queues: IDs, or full names if the ID would mean another queue."""
        path = self.cloud_tasks.queue_path
        short = id_of
        queues = self._observer.queues
        return [short(name) if path(short(name)) == name else name for name in queues]

    # --- what rules are made of ----------------------------------------------------------------------------------

    def _call(self, rpc: str, **request: Any) -> Any:
        """Return the response of a client call; None if the current state forbids it, which a machine expects."""
        try:
            with warnings.catch_warnings():  # lints are about applications, but a machine reuses names on purpose
                warnings.simplefilter("ignore", CloudTasksLintWarning)
                return self._answer(rpc, request)
        except Exception as error:
            from .._messages.grpc_errors import is_refusal  # loads grpc, which importing a machine must not do

            if not is_refusal(error):
                raise
            return None

    def _answer(self, rpc: str, request: dict[str, Any]) -> Any:
        return getattr(self.client, rpc)(request=request)

    def _drive(self, verb: str, **arguments: Any) -> None:
        getattr(self.cloud_tasks, verb)(**arguments)

    # --- chance --------------------------------------------------------------------------------------------------

    @initialize(data=st.data())
    def leave_to_chance(self, data: st.DataObject) -> None:
        """Let the example choose order, duplicates, lost answers and delays."""
        self.cloud_tasks.choose_from(
            data,
            order=self.order,
            duplicates=self.duplicates,
            lost_answers=self.lost_answers,
            delays=self.delays,
        )

    # --- queues --------------------------------------------------------------------------------------------------

    @initialize(
        target=queue_names,
        rate_limits=drawing.rates,
        retry_config=drawing.retries,
        outcome=drawing.endings,
        after_seconds=drawing.answering_times,
    )
    def begin_own_work(
        self, rate_limits: dict[str, Any], retry_config: dict[str, Any], outcome: Outcome, after_seconds: int
    ) -> str | MultipleResults[str]:
        """Create a first queue, and choose how deliveries of the machine's own tasks end."""
        self._change_answers(outcome, after_seconds)
        return self._create_queue("0", rate_limits, retry_config)

    @rule(target=queue_names, queue_id=drawing.queue_ids, rate_limits=drawing.rates, retry_config=drawing.retries)
    def create_queue(
        self, queue_id: str, rate_limits: dict[str, Any], retry_config: dict[str, Any]
    ) -> str | MultipleResults[str]:
        """Create a queue of the machine's own."""
        return self._create_queue(queue_id, rate_limits, retry_config)

    def _create_queue(
        self, queue_id: str, rate_limits: dict[str, Any], retry_config: dict[str, Any]
    ) -> str | MultipleResults[str]:
        name = self.cloud_tasks.queue_path(queue_id)
        queue = {"name": name, "rate_limits": rate_limits, "retry_config": retry_config}
        created = self._call("create_queue", parent=location_of(name), queue=queue)
        return multiple() if created is None else name

    @rule(queue=queue_names, rate_limits=drawing.rates, retry_config=drawing.retries)
    def update_queue(self, queue: str, rate_limits: dict[str, Any], retry_config: dict[str, Any]) -> None:
        """Change the settings of one of its own queues."""
        settings = {"name": queue, "rate_limits": rate_limits, "retry_config": retry_config}
        self._call("update_queue", queue=settings)

    @precondition(lambda self: bool(self._ids_of_queues()))
    @rule(queue=_queues_there)
    def pause_queue(self, queue: str) -> None:
        """Pause a queue, possibly the application's."""
        self._call("pause_queue", name=self.cloud_tasks.queue_path(queue))

    @precondition(lambda self: bool(self._ids_of_queues()))
    @rule(queue=_queues_there)
    def resume_queue(self, queue: str) -> None:
        """Resume a queue, possibly the application's."""
        self._call("resume_queue", name=self.cloud_tasks.queue_path(queue))

    @rule(queue=queue_names)
    def purge_queue(self, queue: str) -> None:
        """Purge one of its own queues."""
        self._call("purge_queue", name=queue)

    @rule(queue=consumes(queue_names))
    def delete_queue(self, queue: str) -> None:
        """Delete one of its own queues."""
        self._call("delete_queue", name=queue)

    # --- tasks ---------------------------------------------------------------------------------------------------

    @rule(
        target=task_names,
        queue=queue_names,
        task=drawing.own_tasks,
        task_id=drawing.task_ids,
        in_seconds=drawing.delays,
    )
    def create_task(
        self, queue: str, task: dict[str, Any], task_id: str | None, in_seconds: int | None
    ) -> str | MultipleResults[str]:
        """Create a task in one of its own queues, with or without a name and a schedule time."""
        task = dict(task)
        if task_id is not None:
            task["name"] = f"{queue}/tasks/{task_id}"
        if in_seconds is not None:
            task["schedule_time"] = self.cloud_tasks.clock.now() + timedelta(seconds=in_seconds)
        created = self._call("create_task", parent=queue, task=task)
        return multiple() if created is None else str(created.name)

    @rule(target=task_names, queue=queue_names, task=drawing.own_tasks, count=drawing.counts)
    def create_tasks(self, queue: str, task: dict[str, Any], count: int) -> MultipleResults[str]:
        """Create several equal tasks that are due at once."""
        created = [self._call("create_task", parent=queue, task=task) for _ in range(count)]
        return multiple(*(str(task.name) for task in created if task is not None))

    @rule(task=task_names)
    def get_task(self, task: str) -> None:
        """Get one of its own tasks."""
        self._call("get_task", name=task)

    @precondition(lambda self: bool(self._ids_of_queues()))
    @rule(queue=_queues_there)
    def list_tasks(self, queue: str) -> None:
        """List the tasks of a queue, possibly the application's."""
        for _ in self._call("list_tasks", parent=self.cloud_tasks.queue_path(queue)) or ():
            pass

    @rule(task=consumes(task_names))
    def delete_task(self, task: str) -> None:
        """Delete one of its own tasks."""
        self._call("delete_task", name=task)

    @rule(task=task_names)
    def run_task(self, task: str) -> None:
        """Run one of its own tasks with RunTask. The next driving method delivers it."""
        self._call("run_task", name=task)

    @rule(outcome=drawing.endings, after_seconds=drawing.answering_times)
    def answers_change(self, outcome: Outcome, after_seconds: int) -> None:
        """Change how deliveries of its own tasks end from now on."""
        self._change_answers(outcome, after_seconds)

    def _change_answers(self, outcome: Outcome, after_seconds: int) -> Route:
        route = self.cloud_tasks.route(drawing.URL)
        route = route.raises(outcome) if isinstance(outcome, type) else route.returns(outcome)
        return route.takes(timedelta(seconds=after_seconds))

    # --- time ----------------------------------------------------------------------------------------------------

    @rule()
    def step(self) -> None:
        """Do the next dispatch or answer."""
        self._drive("step")

    @rule()
    def dispatch_due(self) -> None:
        """Dispatch the tasks that are due."""
        self._drive("dispatch_due")

    @rule(seconds=drawing.durations)
    def advance(self, seconds: int) -> None:
        """Pass time."""
        self._drive("advance", seconds=seconds)

    @rule()
    def drain(self) -> None:
        """Pass time until nothing more can happen."""
        self._drive("drain")

    # --- invariants --------------------------------------------------------------------------------------------------

    never_before_its_time = as_invariant(invariants.never_before_its_time)
    never_dispatched_once_gone = as_invariant(invariants.never_dispatched_once_gone)
    nothing_leaves_a_paused_queue = as_invariant(invariants.nothing_leaves_a_paused_queue)
    never_above_the_concurrency = as_invariant(invariants.never_above_the_concurrency)
    never_above_the_rate = as_invariant(invariants.never_above_the_rate)
    retry_limits_are_kept = as_invariant(invariants.retry_limits_are_kept)
    never_awaited_past_its_deadline = as_invariant(invariants.never_awaited_past_its_deadline)
    nothing_is_lost = as_invariant(invariants.nothing_is_lost)
    attempts_are_counted = as_invariant(invariants.attempts_are_counted)


RULES = (
    *OWN_WORK,
    "pause_queue",
    "resume_queue",
    "list_tasks",
    "step",
    "dispatch_due",
    "advance",
    "drain",
    CHANCE,
)
INVARIANTS = tuple(invariant.__name__ for invariant in (*invariants.LINE_INVARIANTS, *invariants.STEP_INVARIANTS))
PARTS = (*RULES, *INVARIANTS)
CloudTasksMachine.__module__ = "pytest_cloudtasks.stateful"  # where users find it


def _and_leave(teardown: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a ``teardown`` that calls the subclass's and then always ends the fake."""

    @functools.wraps(teardown)
    def torn_down(self: CloudTasksMachine) -> None:
        try:
            teardown(self)
        finally:
            self._leave()

    return torn_down
