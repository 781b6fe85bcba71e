"""`FakeCloudTasks`: its life cycle, its queues and clients, and what it has recorded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from .._arguments import checked_call, checked_text
from .._attributes import ASSERTS_CALLS, ASSERTS_NO_CALL, HAS_CALLS, SETS_RESULTS, IsNoMock
from .._clients.interception import interception
from .._clients.router import router
from .._diagnostics.lints import Lints
from .._diagnostics.rejections import on_existing_queue
from .._diagnostics.strict import check_strictness
from .._diagnostics.timeline_json import timeline_as
from .._messages import api_versions
from .._service.errors import ServiceError
from .._service.events import EventKind
from .._service.validation import RPCS
from .._simulation.exceptions import CloudTasksWarning, SwallowedFailure
from .._simulation.matching.match import Match, MatchArguments
from .._simulation.records import Attempt, TaskRecord, records
from .._simulation.settings.options import OPTIONS
from .._simulation.settings.settings import checked, merged, run_defaults
from .._simulation.simulation import Simulation
from .._simulation.summary import live_tasks
from .._targets.base import OnException
from .._text import counted, safe_repr, safe_str, shortened
from .aio import AwaitableMethods
from .assertions import Assertions
from .blocks import OnlyWith
from .clock import ClockView
from .decorating import Decorated
from .decorating import decorated as decorated_by
from .driving import DrivingMethods
from .faults import Faults, unused
from .oidc import SERVICE_ACCOUNT, Oidc
from .queue_record import QueueRecords
from .rpc_call import RpcCall
from .targets import Targeting
from .task_request import URL, TaskRequest, task_request

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, Queue
    from typing_extensions import Unpack

    from .._clients.legacy.client import LegacyCloudTasksClient


_INSTEAD = {
    **dict.fromkeys(
        ASSERTS_CALLS, "It is not a mock: write cloud_tasks.assert_enqueued(…), which checks the tasks themselves."
    ),
    **dict.fromkeys(ASSERTS_NO_CALL, "It is not a mock: write cloud_tasks.assert_nothing_enqueued()."),
    **dict.fromkeys(
        HAS_CALLS, "It is not a mock: cloud_tasks.tasks() has the created tasks, and cloud_tasks.rpcs all calls."
    ),
    **dict.fromkeys(
        SETS_RESULTS,
        "It is not a mock: cloud_tasks.fail_rpc(…) lets client calls fail, and cloud_tasks.route(…) answers tasks.",
    ),
    "reset_mock": "It is not a mock: each test has a fresh fake.",
    **dict.fromkeys(
        ("tick", "move_to", "shift"),
        "cloud_tasks.advance(…) passes time, and dispatches what becomes due on the way.",
    ),
}
"""What to write instead of names of mocks and of libraries that hold time."""


class FakeCloudTasks(DrivingMethods, Targeting, Faults, QueueRecords, Assertions, OnlyWith, IsNoMock):
    """A deterministic Cloud Tasks service inside the test process.

    The ``cloud_tasks`` fixture gives each test a fresh one. Elsewhere it is a context manager::

        with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
            ...

    and a decorator of functions and `TestCase` classes: ``@FakeCloudTasks(queues=["receipts"])``.
    While it is active, every ``CloudTasksClient`` of the process calls it, and the test controls time.
    The arguments are the options of the marker, which the reference lists.
    """

    @checked_call
    def __init__(
        self,
        *,
        queues: str | Path | Iterable[Any] | Mapping[str, Mapping[str, Any]] | None = None,
        project: str | None = None,
        location: str | None = None,
        start: datetime | None = None,
        time: Literal["held", "virtual"] = "held",
        seed: int = 0,
        order: Literal["fifo", "shuffle"] = "fifo",
        strict: bool | Literal["drained"] = False,
        auto_create_queues: bool = False,
        on_exception: OnException = "raise",
        redirect_endpoints: Iterable[str] = (),
        firebase_functions: str = "",
        google_auth: bool = False,
        async_client_loops: Literal["any", "one"] = "any",
        eager: bool = False,
        show_secrets: bool | None = None,
        service: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the options of the marker; the reference lists them.

        Options ``queues``, ``project``, ``location`` and ``show_secrets`` that aren't given come from the ini file or
        the command line of a pytest run.

        Raises:
            ValueError: An option has an impossible value.
            TypeError: An option has a value of the wrong type, or doesn't exist.
        """
        arguments = locals()
        options = {name: arguments[name] for name in OPTIONS if arguments.get(name) is not None}
        self._given = checked(options, where="FakeCloudTasks")
        self._running: Simulation | None = None
        """The simulation of the innermost block; None where none is active."""
        self._on_demand: Callable[[], None] | None = None
        """What the plugin does when a running test uses a fake that is not active."""
        self._exit = ExitStack()
        self.clock = ClockView(self._synced)
        """The queue's time, as a `ClockView`."""
        self.aio = AwaitableMethods(lambda: self._active)
        """The driving methods for async tests, as `AwaitableMethods`."""
        self.oidc = Oidc(self._synced)
        """ID tokens and keys, as an `Oidc`."""

    # --- life cycle ----------------------------------------------------------------------------------------------

    def __enter__(self) -> FakeCloudTasks:
        if self._running is not None:
            raise RuntimeError("This FakeCloudTasks is already active. Create another one for a nested block.")
        with ExitStack() as stack:
            interception.install()
            stack.callback(interception.uninstall)
            simulation = Simulation(merged({**run_defaults.read(), **self._given}))
            simulation.check_queues()
            stack.enter_context(self._in(simulation))
            simulation.hold_time()
            self._exit = stack.pop_all()
        return self

    def __call__(self, decorated: Decorated) -> Decorated:
        """Decorate a function, sync or async, or a `TestCase` class. Each call, or each test, has a fresh fake.

        Inside, `current` returns the fake, and this object acts on it.
        """
        __tracebackhide__ = True
        return decorated_by(self, decorated)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        simulation = self._active
        self._exit.close()
        if simulation.failures.ending is not None and simulation.failures.ending is not error:
            raise simulation.failures.ending
        if error is not None:
            return
        if simulation.failures.messages:
            raise SwallowedFailure(simulation.failures.messages[0])
        check_strictness(
            simulation.settings.strict, simulation.history, simulation.service, simulation.clock, simulation.targets
        )
        for text in unused(simulation):
            warnings.warn(text, CloudTasksWarning, stacklevel=2)

    def _in(self, simulation: Simulation) -> ExitStack:
        """Use ``simulation`` until the stack is closed. Simulations nest, as examples do in a test."""
        stack = ExitStack()
        outer = self._running

        def restore() -> None:
            self._running = outer

        if simulation.lints is None:
            simulation.lints = Lints()
        stack.enter_context(simulation.entered())
        self._running = simulation
        simulation.fake = self
        stack.callback(restore)
        return stack

    @property
    def _active(self) -> Simulation:
        """The simulation in force, as it is: without its time updated."""
        if self._running is None and self._on_demand is not None:
            self._on_demand()
        if self._running is None:
            raise RuntimeError(
                "This FakeCloudTasks is not active: no test that asked for it is running. Use it inside the test, or as"
                " `with FakeCloudTasks() as cloud_tasks:`."
            )
        return self._running

    def _backend(self, rpc: str) -> Simulation:
        """Return the backend of clients that are bound to this fake, whatever the RPC."""
        return self._active

    def _synced(self) -> Simulation:
        """Return the simulation in force once it has caught up with the application's time."""
        simulation = self._active
        simulation.catch_up()
        return simulation

    def _instead_of(self, name: str) -> str:
        if name in RPCS:
            return "It is a method of Google's client: use CloudTasksClient() or the fixture cloud_tasks_client."
        for part, part_class in (("clock", ClockView), ("oidc", Oidc), ("aio", AwaitableMethods)):
            if hasattr(part_class, name):
                return f"Did you mean 'cloud_tasks.{part}.{name}'?"
        return _INSTEAD.get(name, "")

    # --- queues and clients --------------------------------------------------------------------------------------

    @checked_call
    def create_queue(self, queue: str, **fields: Any) -> Queue:
        """Create a queue.

        ``create_queue("receipts", retry_config={"min_backoff": "10s", "max_doublings": 3})``

        Args:
            queue: The queue's ID or full name.
            fields: Fields of Google's Queue message, as dicts, messages, texts or timedeltas.

        Returns:
            Google's Queue message.

        Raises:
            GoogleAPICallError: The service rejects the queue, such as AlreadyExists or InvalidArgument.
            ValueError: The message has no such field.
            TypeError: A value has another type than its field.
        """
        if isinstance(queue, str):
            checked_text("create_queue()", queue, "receipts")
        simulation = self._synced()
        name = simulation.settings.queue_name(queue)
        simulation.check_change(f"creates the queue {safe_repr(queue)}")
        with simulation.lock:
            try:
                created = api_versions.configure_queue(simulation.service, simulation.clock.now, name, fields)
            except ServiceError as error:
                from .._messages.grpc_errors import exception_for  # loads grpc, which only a rejected queue needs

                rejection = exception_for(error, simulation.randomness.jitter)
                if name in simulation.service.queues:  # pytest shows notes since Python 3.11
                    parts = simulation.history, simulation.clock, simulation.settings
                    rejection.__notes__ = [on_existing_queue(name, *parts)]  # type: ignore[attr-defined]
                raise rejection from None
            except (ValueError, TypeError, RecursionError, SystemError) as error:  # the last is protobuf's
                error_class = TypeError if isinstance(error, TypeError) else ValueError
                text = shortened(safe_str(error))
                raise error_class(f"The queue {safe_repr(queue)} can't be created: {text}") from None
            return api_versions.v2().messages.queue(created)  # type: ignore[no-any-return]

    @checked_call
    def queue_path(self, queue: str) -> str:
        """Return the full name of a queue in this fake's project and location.

        Args:
            queue: The queue's ID. A full name is returned as it is.

        Raises:
            ValueError: ``queue`` is empty or not a text.
        """
        if not isinstance(queue, str) or not queue:
            raise ValueError(f"queue_path() takes a queue's ID, such as 'receipts', but got {safe_repr(queue)}.")
        return self._active.settings.queue_name(queue)

    @checked_call
    def client(self) -> CloudTasksClient:
        """Return a real ``CloudTasksClient`` of v2 that always calls this fake, even inside a nested one."""
        from .._clients.clients import bound_client  # loads google, which only a client needs

        return bound_client(self._backend)

    @checked_call
    def async_client(self) -> CloudTasksAsyncClient:
        """Return a real ``CloudTasksAsyncClient`` of v2 that always calls this fake. It works in any event loop."""
        from .._clients.clients import bound_async_client  # loads google, which only a client needs

        return bound_async_client(self._backend)

    @checked_call
    def legacy_client(self) -> LegacyCloudTasksClient:
        """Return a client with the methods of google-cloud-tasks 1.x that always calls this fake.

        If 1.x is installed, it is that release's own client.
        """
        from .._clients.clients import bound_legacy_client  # loads google, which only a client needs

        return bound_legacy_client(self._backend)

    # --- single requests -----------------------------------------------------------------------------------------

    @checked_call
    def task_request(
        self,
        *,
        url: str = URL,
        method: str = "POST",
        json: Any = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        queue: str = "default",
        name: str | None = None,
        audience: str | None = None,
        service_account_email: str = SERVICE_ACCOUNT,
        retry_count: int = 0,
        execution_count: int | None = None,
        previous_response: int | None = None,
        relative_uri: str | None = None,
        service: str | None = None,
        version: str | None = None,
        instance: str | None = None,
    ) -> TaskRequest:
        """Return the request of one attempt, for a unit test of a handler. The task is in no queue.

        Pass its ``headers`` and ``body`` to a test client, or an application to `TaskRequest.send`.

        Args:
            url: The task's absolute URL.
            method: The HTTP method.
            json: An object that becomes the body, with its Content-Type.
            body: The body, as bytes.
            headers: The task's own headers.
            queue: The queue's ID or full name, for the headers.
            name: The task's ID, for the headers; by default a generated one.
            audience: Add an OIDC token for this audience.
            service_account_email: The account of that token, by default one of the project test-project.
            retry_count: The number of failed attempts before this one. The headers are those of a retry.
            execution_count: The number of them with a response that counts. By default all ended like the last one.
            previous_response: The HTTP status of the last failure, 500 by default.
            relative_uri: The URI of an App Engine task, in place of ``url``.
            service: The App Engine service.
            version: The App Engine version.
            instance: The App Engine instance.

        Raises:
            ValueError: A value is impossible, such as a relative URL.
            TypeError: A value has the wrong type, or two arguments exclude each other.
        """
        return task_request(
            self._synced(),
            url=url,
            method=method,
            json=json,
            body=body,
            headers={} if headers is None else headers,
            queue=queue,
            name=name,
            audience=audience,
            service_account_email=service_account_email,
            retry_count=retry_count,
            execution_count=execution_count,
            previous_response=previous_response,
            relative_uri=relative_uri,
            routing={"service": service, "version": version, "instance": instance},
        )

    # --- queries -------------------------------------------------------------------------------------------------

    @checked_call
    def tasks(self, **match: Unpack[MatchArguments]) -> list[TaskRecord]:
        """Return the matching tasks that are in the queues now, queue by queue, in the order of creation.

        ``tasks(queue="receipts", method="POST")``

        Args:
            match: What the tasks look like; see `MatchArguments`.

        Raises:
            LookupError: This test has never had the queue.
            TypeError: A value can't match any task.
            ValueError: A value can't match any task.
        """
        simulation = self._synced()
        checked_match = Match(**match).checked(simulation.queue_named)
        live = records(live_tasks(simulation.service, simulation.history), simulation.history)
        return [task for task in live if not checked_match.differences(task)]

    @checked_call
    def attempts(self) -> list[Attempt]:
        """Return every attempt of this test, in the order of dispatch."""
        simulation = self._synced()
        return [
            Attempt(event.attempt, simulation.history)
            for event in simulation.history.events()
            if event.attempt is not None and event.kind is EventKind.TASK_DISPATCHED
        ]

    @checked_call
    def timeline(self, format: Literal["text", "json"] = "text") -> str:
        """Return what happened so far, and what is blocked now. Offsets count from where time is held.

        Args:
            format: ``"text"`` gives a line for each event; ``"json"`` gives a list of objects, whose keys the reference
                lists.

        Raises:
            ValueError: There is no such format.
        """
        simulation = self._active
        return timeline_as(format, simulation.history, simulation.service, simulation.clock)

    @property
    def rpcs(self) -> Sequence[RpcCall]:
        """The calls that clients made, as they arrived, oldest first. The latest 100,000 are kept."""
        return [RpcCall(call) for call in self._active.history.calls()]

    def __repr__(self) -> str:
        if self._running is None:
            return "<FakeCloudTasks, not active>"
        return f"<FakeCloudTasks with {counted(len(self._running.service.queues), 'queue')}>"


def running_simulation(fake: FakeCloudTasks) -> Simulation | None:
    """Return the simulation of the test or example that ``fake`` is in; None while there is none."""
    return fake._running


@checked_call
def current() -> FakeCloudTasks:
    """Return the active fake; of nested ones the innermost.

    Raises:
        RuntimeError: No fake is active.
    """
    simulation = router.backend
    fake = simulation.fake if isinstance(simulation, Simulation) else None
    if not isinstance(fake, FakeCloudTasks):
        raise RuntimeError(
            "No FakeCloudTasks is active. Ask for the cloud_tasks fixture, mark the test or its class with"
            " @pytest.mark.cloud_tasks, or use `with FakeCloudTasks() as cloud_tasks:`."
        )
    return fake


def simulation_of(fake: FakeCloudTasks) -> Simulation:
    """Return the simulation behind an active fake, for the rooms above this one."""
    return fake._active


def run_in(fake: FakeCloudTasks, simulation: Simulation) -> ExitStack:
    """Let ``fake`` control ``simulation`` until the stack is closed; simulations nest, as examples do in a test."""
    return fake._in(simulation)


def begin_when_used(fake: FakeCloudTasks, begin: Callable[[], None]) -> None:
    """Call ``begin`` when somebody uses ``fake`` while it is not active."""
    fake._on_demand = begin
