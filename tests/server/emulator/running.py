"""Helpers that run the emulator in another process, and a worker for its deliveries."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import requests
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from tests.patience import PATIENCE
from tests.targets.servers import Received, Reply, serving

QUEUE = "projects/test-project/locations/us-central1/queues/emails"
BASE = "https://worker.test"
"""The base URL of the worker in the URLs of tasks."""


class Emulator:
    """The running server, with helpers for tests."""

    def __init__(self, process: subprocess.Popen[str], banner: list[str], *, reads_log: bool = True) -> None:
        self.process = process
        self.banner = banner
        self.ready: dict[str, Any] = json.loads(banner[-1].removeprefix("ready "))
        """The data of the line ``ready``, for programs."""
        self.grpc, self.url = self.ready["grpc"], self.ready["rest"]
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        if reads_log:
            self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.log.extend(line.rstrip("\n") for line in self.process.stdout)

    @contextmanager
    def client(self) -> Iterator[tasks_v2.CloudTasksClient]:
        """Return Google's client over a new channel."""
        with grpc.insecure_channel(self.grpc) as channel:
            yield tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))

    def create(self, task: dict[str, Any] | None = None, **http: Any) -> tasks_v2.Task:
        """Create a task in the queue ``emails``; by default it goes to the worker."""
        request = {"url": f"{BASE}/send", **http}
        with self.client() as client:
            return client.create_task(parent=QUEUE, task={"http_request": request, **(task or {})})

    def get_task(self, name: str) -> tasks_v2.Task:
        """Return the task in its full view."""
        with self.client() as client:
            return client.get_task(name=name)

    def post(self, path: str, **fields: Any) -> Any:
        """Return a control endpoint's answer to a JSON object."""
        answer = requests.post(f"{self.url}{path}", json=fields, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path: str, **fields: str) -> Any:
        """Return a control endpoint's answer to a GET."""
        answer = requests.get(f"{self.url}{path}", params=fields, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def results(self) -> list[int | str | None]:
        """Return the result of each attempt, in order."""
        return [attempt["result"] for attempt in self.get("/control/attempts")["attempts"]]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal, read the rest of the log, and return the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Read the rest of the log of a stopping server, and return the exit code."""
        code = self.process.wait(PATIENCE)
        if self._reader.ident is not None:
            self._reader.join(PATIENCE)
        return code


_PORTS = ("--grpc-port", "0", "--rest-port", "0")


def command(*options: str, ports: Sequence[str] = _PORTS) -> list[str]:
    """Return the command that starts a server on free ports."""
    python = [sys.executable, "-W", "ignore", "-m", "pytest_cloudtasks"]
    return [*python, "serve", *ports, *options]


@contextmanager
def running_emulator(*options: str, ports: Sequence[str] = _PORTS, reads_log: bool = True) -> Iterator[Emulator]:
    """Run a server while the block lasts; without ``reads_log`` only its first lines are read."""
    with subprocess.Popen(
        command(*options, ports=ports), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            banner = []
            for line in process.stdout:
                banner.append(line.rstrip("\n"))
                if line.startswith("ready {"):
                    break
            else:
                raise AssertionError("\n".join(banner))
            server = Emulator(process, banner, reads_log=reads_log)
            try:
                yield server
            finally:
                process.kill()
                server.ended()
        finally:
            process.kill()


class Worker:
    """A server that tasks go to; it answers with `reply`."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.reply: Callable[[Received], Reply] = ok

    def answers(self, *statuses: int) -> None:
        """Answer the next requests with these, and later ones with 200."""
        left = list(statuses)
        self.reply = lambda _: (left.pop(0) if left else 200, [], b"")

    def forget(self) -> None:
        """Reset the worker."""
        self.received.clear()
        self.reply = ok


def ok(_: Received) -> Reply:
    """Return status 200 without a body."""
    return 200, [], b""


@contextmanager
def working() -> Iterator[Worker]:
    """Run a worker while the block lasts."""
    worker = Worker()

    def reply(received: Received) -> Reply:
        worker.received.append(received)
        return worker.reply(received)

    with serving(reply) as server:
        worker.url = server.url
        yield worker
