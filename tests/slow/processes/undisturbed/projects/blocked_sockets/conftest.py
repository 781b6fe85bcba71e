"""Sockets are blocked for all tests, as pytest-socket does it."""

import socket

import pytest


class SocketBlockedError(RuntimeError):
    pass


class GuardedSocket(socket.socket):
    def __new__(cls, family=-1, *args, **kwargs):
        if family == getattr(socket, "AF_UNIX", None):
            return super().__new__(cls, family, *args, **kwargs)
        raise SocketBlockedError("A test tried to use socket.socket.")


@pytest.fixture(autouse=True)
def blocked(monkeypatch):
    monkeypatch.setattr(socket, "socket", GuardedSocket)
