"""`CloudTasksServer`: a fake's queues on loopback, for other processes and languages."""

from __future__ import annotations

import importlib.util
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any

from .._api.blocks import OnlyWith
from .._api.fake import FakeCloudTasks, running_simulation
from .._arguments import checked_call
from .._attributes import NamesAttributes
from .._clients.retry_waits import skipped_waits
from .._messages.grpc_errors import rpc_error
from .._messages.rpc_call import IncomingCall
from .._service.errors import Code, ServiceError
from .._simulation.calls import SimulationEnded
from .._text import safe_repr
from .._time import real
from .grpc_clock import wire_clock
from .grpc_endpoint import grpc_server
from .host_names import allowed_host
from .relay import Relay
from .request_guard import RequestGuard

HOST = "127.0.0.1"
_LOG = logging.getLogger("pytest_cloudtasks")
_THREADS = 16
"""REST requests that are answered at the same time. A handler of an eager dispatch may make requests of its own."""


class CloudTasksServer(OnlyWith, NamesAttributes):
    """A server on loopback for a fake, over gRPC and REST, for other processes and languages.

    It needs the extra ``server``.

    The ``cloud_tasks_server`` fixture gives one. Elsewhere it is a context manager::

        with FakeCloudTasks() as cloud_tasks, CloudTasksServer(cloud_tasks) as server:
            subprocess.run(["./worker"], env={**os.environ, **server.environment})

    A call gets its answer from the test or example that is running with ``fake``. Calls outside of one are rejected.
    The server dispatches nothing by itself: the test controls time.
    """

    def __init__(self, fake: FakeCloudTasks) -> None:
        """Prepare a server; the ``with`` block starts it.

        Args:
            fake: The fake that answers.

        Raises:
            TypeError: ``fake`` is not a FakeCloudTasks.
        """
        if not isinstance(fake, FakeCloudTasks):
            raise TypeError(
                "CloudTasksServer() takes a FakeCloudTasks, such as the cloud_tasks fixture, but got"
                f" {safe_repr(fake)}."
            )
        self._receiver = _Receiver(fake)
        self._allowed_hosts: set[str] = set()
        self._stack = ExitStack()
        self._grpc_port = self._rest_port = 0
        self._on_use: Callable[[], None] = lambda: None
        """Called each time before an address is returned."""
        self._outlives_tests = False

    def __enter__(self) -> CloudTasksServer:
        if self._grpc_port:
            raise RuntimeError("This CloudTasksServer is already running.")
        _check_installed()
        from .rest_endpoint import rest_application  # imports aiohttp, which is optional
        from .rest_runner import rest_runner, rest_serving  # the same

        with ExitStack() as stack:
            wire_clock.install(real.now)
            stack.callback(wire_clock.uninstall)
            if not self._outlives_tests:
                stack.enter_context(retries_by_real_time())
            guard = RequestGuard(self._allowed_hosts, how_to_allow="allow_host({!r}) of the CloudTasksServer")
            server, grpc_port = grpc_server(self._receiver, f"{HOST}:0")
            server.start()
            stack.callback(lambda: server.stop(None).wait())
            threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="cloud-tasks-rest")
            stack.callback(threads.shutdown, wait=False, cancel_futures=True)
            runner = rest_runner(rest_application(self._receiver, guard, threads))
            rest_port = stack.enter_context(rest_serving(runner, Relay(_LOG.warning), HOST, grpc_port))
            self._grpc_port, self._rest_port = grpc_port, rest_port
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._grpc_port = self._rest_port = 0
        self._stack.close()

    @property
    def grpc_target(self) -> str:
        """The address for an insecure gRPC channel, such as ``"127.0.0.1:41234"``."""
        return f"{HOST}:{self._running(self._grpc_port)}"

    @property
    def rest_url(self) -> str:
        """The base URL of REST, such as ``"http://127.0.0.1:41235"``. Paths begin with the version, as Google's do."""
        return f"http://{HOST}:{self._running(self._rest_port)}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment variables by which other code finds this server, with their values.

        The ``cloud_tasks_server`` fixture sets them while a test runs. Add them to the environment of the processes
        that you start. ``CLOUD_TASKS_EMULATOR_HOST`` has the port of REST, which accepts gRPC as well.
        """
        rest = f"{HOST}:{self._running(self._rest_port)}"
        grpc = self.grpc_target
        return {
            "CLOUD_TASKS_EMULATOR_HOST": rest,
            "TASKS_EMULATOR_HOST": grpc,
            "TASKS_EMULATOR": grpc,
            "GC_TASK_URL": HOST,
            "GC_TASK_PORT": str(self._grpc_port),
            "CLOUDTASKS_EMULATOR_HOST": rest,
        }

    @checked_call
    def allow_host(self, host: str) -> None:
        """Answer REST requests for this host name as well.

        By default the server answers only requests for loopback names, so that no web page can reach it. If a container
        calls it as ``host.docker.internal``, allow that name.

        Args:
            host: A name or an address, without scheme and port.

        Raises:
            ValueError: ``host`` is something else, or an address to listen on, such as ``0.0.0.0``.
        """
        self._allowed_hosts.add(allowed_host(host, "allow_host()"))

    def _running(self, port: int) -> int:
        self._on_use()
        if not port:
            raise RuntimeError(
                "This CloudTasksServer is not running. Use it as `with CloudTasksServer(cloud_tasks) as server:`, or"
                " ask for the cloud_tasks_server fixture."
            )
        return port

    def __repr__(self) -> str:
        where = f"gRPC at {self.grpc_target}, REST at {self.rest_url}" if self._grpc_port else "not running"
        return f"<CloudTasksServer, {where}>"


class SessionServer(CloudTasksServer):
    """The server of the fixture ``cloud_tasks_server``, which runs for the whole session.

    It can't enter `retries_by_real_time` itself: the plugin enters it for each test that uses the server.
    """

    def __init__(self, fake: FakeCloudTasks, on_use: Callable[[], None]) -> None:
        """Prepare a server that calls ``on_use`` each time before it returns an address."""
        super().__init__(fake)
        self._on_use = on_use
        self._outlives_tests = True


@contextmanager
def retries_by_real_time() -> Iterator[None]:
    """Make the retries of Google's clients measure real time in the block, even if the test holds time."""
    skipped_waits.keep(real.monotonic)
    try:
        yield
    finally:
        skipped_waits.let_go()


class _Receiver:
    """Passes each call to the fake's current simulation."""

    def __init__(self, fake: FakeCloudTasks) -> None:
        self._fake = fake

    def receive(self, call: IncomingCall) -> Any:
        """Answer a call, or reject it if there is no simulation."""
        simulation = running_simulation(self._fake)
        try:
            if simulation is not None:
                return simulation.receive(call)
        except SimulationEnded:
            pass
        raise _no_simulation(call.method)


def _no_simulation(rpc: str) -> BaseException:
    text = (
        f"The fake behind this endpoint is not active, so {rpc} was rejected: no test that uses the fake is running."
        " Start and end the calling process within its test."
    )
    return rpc_error(ServiceError(Code.FAILED_PRECONDITION, text), random.Random(0))


def _check_installed() -> None:
    """Raise an error if aiohttp is missing, which serves REST."""
    if importlib.util.find_spec("aiohttp") is None:
        raise RuntimeError(
            "A server for other processes needs aiohttp, which is not installed. Install it with"
            " `pip install 'pytest-cloudtasks[server]'`."
        )
