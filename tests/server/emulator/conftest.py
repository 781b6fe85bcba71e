from __future__ import annotations

from collections.abc import Iterator

import pytest

from .running import BASE, QUEUE, Emulator, Worker, running_emulator, working


@pytest.fixture(scope="package")
def one_worker() -> Iterator[Worker]:
    """Yield one worker for all tests."""
    with working() as worker:
        yield worker


@pytest.fixture(scope="package")
def one_server(one_worker: Worker) -> Iterator[Emulator]:
    """Yield one server for all tests that need no options."""
    with running_emulator(
        "--queue", "emails", "--forward", f"{BASE}={one_worker.url}", "--log-format", "none"
    ) as server:
        yield server


@pytest.fixture
def worker(one_worker: Worker) -> Worker:
    """Return the worker after a reset."""
    one_worker.forget()
    return one_worker


@pytest.fixture
def server(one_server: Emulator, worker: Worker) -> Iterator[Emulator]:
    """Yield the server with the queue ``emails``; it forwards https://worker.test to the worker."""
    yield one_server
    with one_server.client() as client:
        for queue in client.list_queues(parent=QUEUE.partition("/queues/")[0]):
            client.pause_queue(name=queue.name)
    one_server.post("/control/wait")  # nothing is on its way into the next test
    one_server.post("/control/reset")


@pytest.fixture
def own_worker() -> Iterator[Worker]:
    """Yield a worker for a server that only this test uses."""
    with working() as worker:
        yield worker
