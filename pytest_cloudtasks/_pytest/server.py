"""The server of the fixture ``cloud_tasks_server``, and the environment variables for each test that uses it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from .._api.fake import FakeCloudTasks
from .._server.loopback import CloudTasksServer, SessionServer, retries_by_real_time


class ServerOfSession:
    """A server from the first test that uses it to the session's end. Its addresses are set while a test uses it."""

    def __init__(self, fake: FakeCloudTasks, on_use: Callable[[], None]) -> None:
        """Set up the server. ``on_use`` is called whenever an address is read."""
        self._fake = fake
        self._on_use = on_use
        self._server: CloudTasksServer | None = None
        self._of_test: ExitStack | None = None
        """Takes back what the test that runs has of the server."""

    def started(self) -> CloudTasksServer:
        """Return the server, running."""
        if self._server is None:
            try:
                self._server = SessionServer(self._fake, on_use=self._on_use).__enter__()
            except RuntimeError as error:
                raise pytest.fail.Exception(str(error), pytrace=False) from None
        return self._server

    def begin_test(self) -> None:
        """Export the addresses for the current test, and let Google's retries wait in real time. Once for each test."""
        if self._server is None or self._of_test is not None:
            return
        self._of_test = ExitStack()  # before the addresses are read, which calls `on_use` again
        self._of_test.enter_context(retries_by_real_time())
        self._of_test.enter_context(exported(self._server.environment))

    def end_test(self) -> None:
        """Undo `begin_test`."""
        of_test, self._of_test = self._of_test, None
        if of_test is not None:
            of_test.close()

    def stop(self) -> None:
        """Close the server."""
        self.end_test()
        server, self._server = self._server, None
        if server is not None:
            server.__exit__(None, None, None)


@contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Set ``variables`` in the environment of this process and of those it starts, until the block ends."""
    previous = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
