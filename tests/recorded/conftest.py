from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from tests.server.emulator.running import Emulator, Worker, running_emulator, working
from tests.targets.servers import closed_port

from .ways import NOBODY, RECEIVER, START, Address, Way, connected, in_process, over_loopback, over_the_emulator


@pytest.fixture(scope="package")
def in_this_process() -> dict[str, Way]:
    """The ways by Google's clients in the process."""
    return {f"in-process-{transport}": in_process(transport) for transport in ("grpc", "asyncio", "rest")}


@pytest.fixture(scope="package")
def loopback() -> Iterator[dict[str, Way]]:
    """The ways over one loopback server."""
    fake = FakeCloudTasks(start=START)
    with CloudTasksServer(fake) as server, connected(server) as clients:
        yield {f"loopback-{protocol}": over_loopback(fake, server, client) for protocol, client in clients.items()}


@pytest.fixture(scope="package")
def worker() -> Iterator[Worker]:
    """The worker that the emulator delivers to."""
    with working() as one:
        yield one


@pytest.fixture(scope="package")
def emulator(worker: Worker) -> Iterator[Emulator]:
    """One emulator for all cases."""
    forwards = ["--forward", f"{RECEIVER}={worker.url}", "--forward", f"{NOBODY}={closed_port()}"]
    with running_emulator(*forwards, "--log-format", "none") as server:
        yield server


@pytest.fixture(scope="package")
def serve(emulator: Emulator, worker: Worker) -> Iterator[dict[str, Way]]:
    """The ways over the emulator."""
    with connected(Address(emulator.grpc, emulator.url)) as clients:
        yield {f"serve-{name}": over_the_emulator(emulator, worker, client) for name, client in clients.items()}


@pytest.fixture
def way_of(request: pytest.FixtureRequest) -> Callable[[str], Way]:
    """Gives the way of a name, and starts its server first if none has asked for it."""

    def found(name: str) -> Way:
        kind = "in_this_process" if name.startswith("in-process") else name.partition("-")[0]
        ways: dict[str, Way] = request.getfixturevalue(kind)
        return ways[name]

    return found
