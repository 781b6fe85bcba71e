"""What the tests of Google's side share: a scripted backend, and an environment without credentials."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from tests.credentials import have_no_credentials


class ScriptedBackend:
    """Answers calls with a script, the last answer again and again: a message, or an error to raise."""

    def __init__(self, *script: Any) -> None:
        self._script = list(script)
        self.calls: list[IncomingCall] = []

    def receive(self, call: IncomingCall) -> Any:
        self.calls.append(call)
        answer = self._script[min(len(self.calls), len(self._script)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    redirect_endpoints = ()
    has_one_loop_for_a_client = False
    application_default = None
    has_timeline = False
    failures = ()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedBackend]]:
    """Makes a `ScriptedBackend` and puts it on the router until the test is over."""
    entered = []

    def make(*script: Any) -> ScriptedBackend:
        backend = ScriptedBackend(*script)
        router.enter(backend)
        entered.append(backend)
        return backend

    yield make
    for backend in reversed(entered):
        router.leave(backend)


@pytest.fixture
def failing() -> Callable[..., InProcessRpcError]:
    """Makes an error as a fake raises it: ``failing("UNAVAILABLE")``."""

    def make(code: str, text: str = "Try again.", jitter: random.Random | None = None) -> InProcessRpcError:
        return InProcessRpcError(grpc.StatusCode[code], text, (), jitter or random.Random(0))

    return make


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Application default credentials are nowhere to be found, and nobody asks a metadata server for them."""
    have_no_credentials(monkeypatch, tmp_path)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to connect a socket fails the test."""

    def connect(self: socket.socket, address: object) -> None:
        pytest.fail(f"A socket was connected to {address!r}.")

    monkeypatch.setattr(socket.socket, "connect", connect)
