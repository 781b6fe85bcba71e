from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.server.emulator.conftest import one_server, one_worker, own_worker, server, worker
from tests.server.emulator.receiver import counting
from tests.server.emulator.running import QUEUE, Emulator, running_emulator

__all__ = ["one_server", "one_worker", "own_worker", "server", "worker"]

LOCATION = QUEUE.partition("/queues/")[0]
QUEUES = [f"{LOCATION}/queues/load-{number}" for number in range(4)]
LIMIT = 20
TASKS = 500
"""In each queue."""
FAILS_FIRST = 10
"""Of ten tasks, one fails once."""


def fill(server: Emulator, queue: str, url: str) -> None:
    """Put the tasks of a queue in it, which is paused meanwhile."""
    with server.client() as client:
        client.create_queue(parent=LOCATION, queue={"name": queue, "rate_limits": {"max_concurrent_dispatches": LIMIT}})
        client.pause_queue(name=queue)
        for number in range(TASKS):
            request = {"url": f"{url}/{queue.rpartition('/')[2]}/{number}"}
            client.create_task(parent=queue, task={"http_request": request})


def test_tasks_by_the_thousand_are_delivered_once_each() -> None:
    """None is lost and none doubled, retries are exact, and each queue keeps its limit although it could do more."""
    with counting(FAILS_FIRST) as receiver, running_emulator("--log-format", "none") as server:
        with ThreadPoolExecutor(len(QUEUES)) as threads:
            list(threads.map(lambda queue: fill(server, queue, receiver.url), QUEUES))
        with server.client() as client:
            for queue in QUEUES:
                client.resume_queue(name=queue)
        server.post("/control/wait", **{"for": "empty"}, timeout="50s")
        attempts = len(server.get("/control/attempts")["attempts"])
    expected = {
        f"/{queue.rpartition('/')[2]}/{number}": 2 if number % FAILS_FIRST == 0 else 1
        for queue in QUEUES
        for number in range(TASKS)
    }
    assert receiver.requests == expected
    assert attempts == sum(expected.values())
    assert all(1 < peak <= LIMIT for peak in receiver.peaks.values())
