"""A server goes on, and ends, whatever becomes of its log."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import NotFound

from tests.patience import PATIENCE
from tests.server.emulator.conftest import own_worker
from tests.server.emulator.running import QUEUE, Emulator, Worker, running_emulator

__all__ = ["own_worker"]


def refused(server: Emulator, times: int) -> None:
    """Let ``times`` calls be rejected, each with a line of some 500 bytes in the log."""
    with server.client() as client:
        for _ in range(times):
            with pytest.raises(NotFound):
                client.get_task(name=f"{QUEUE}/tasks/{'a' * 400}")


def test_a_server_whose_log_is_not_read_continues(own_worker: Worker) -> None:
    """Past 64 KB, where a pipe is full, calls are answered, deliveries are made, and SIGTERM ends it."""
    options = ("--queue", "emails", "--forward", f"https://worker.test={own_worker.url}")
    with running_emulator(*options, reads_log=False) as server:
        refused(server, 200)
        server.create()
        server.post("/control/wait")
        assert server.results() == [200]
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0


def test_a_server_whose_log_is_closed_goes_on() -> None:
    """The process that started it may have ended."""
    with running_emulator("--queue", "emails", reads_log=False) as server:
        assert server.process.stdout is not None
        server.process.stdout.close()
        refused(server, 2)
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0
