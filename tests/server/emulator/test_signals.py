"""Signals that stop the emulator."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from pytest_cloudtasks._server.emulator.running import _signals
from tests.patience import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to one thread on POSIX only")


@pytest.fixture(autouse=True)
def restored_handlers() -> Iterator[None]:
    """Restore pytest's signal handlers, because the emulator replaces those of its process."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_wait_that_it_does_not_interrupt(number: signal.Signals) -> None:
    """Another thread has received the signal, so the loop's own wait is not interrupted."""

    async def received() -> int:
        with _signals() as signals:
            other = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), number))
            other.start()
            await asyncio.wait_for(signals.get(), PATIENCE)
            other.join()
            return signals.qsize()

    assert asyncio.run(received()) == 0


def test_a_signal_after_the_end_of_the_loop_does_nothing() -> None:
    """The process writes the end of its log and exits."""

    async def begun() -> None:
        with _signals():
            pass

    asyncio.run(begun())
    signal.raise_signal(signal.SIGTERM)
