"""``background()``: the test's time runs with the wall clock, and a thread dispatches what is due.

Theory of operation. The thread repeats one short step: it looks how much real time has passed since the last one, does
what the driver does up to that instant, and moves the clock there. So the queue's time and the application's stay one,
in steps of `_STEP`, from whichever instant the test has held them at, and whoever holds them. When the thread ends,
time is held where it is, because nobody moves it any more.

Each delivery runs in a thread of a pool: handlers of several tasks work at the same time, and may wait for each other.
The driver begins attempts and takes answers with the simulation's lock held, so calls of clients may come from any
thread meanwhile.

The first failure ends the dispatching, as it ends a driving method: it is raised at the end of the block.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._text import encodable
from .._time import real
from .delivery import Deliveries
from .driver import BACKGROUND, Driver
from .runners import run_sync

if TYPE_CHECKING:
    from .simulation import Simulation

_STEP = 0.01
"""Seconds of real time from one step to the next."""
_WORKERS = 100
"""Deliveries that run at the same time; more of them wait for a thread."""


class Background:
    """The threads of one block."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._driver = Driver(simulation)
        self._latest = real.monotonic()
        self._ending = threading.Event()
        self._deliveries: list[Future[None]] = []
        self._failures: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let time run and tasks go out until the block ends, and their handlers have returned."""
        __tracebackhide__ = True
        with self._driver.method(BACKGROUND):
            self._latest = real.monotonic()
            thread = threading.Thread(target=self._run, name="cloud-tasks-background", daemon=True)
            thread.start()
            try:
                yield
            except BaseException:
                self._end(thread)
                self._keep(self._failures)
                raise
            self._end(thread)
        if self._failures:
            first, *others = self._failures
            self._keep(others)
            raise first

    def _end(self, thread: threading.Thread) -> None:
        self._ending.set()
        thread.join()

    def _keep(self, failures: list[BaseException]) -> None:
        """Fail the test at its end, too, for what can't be raised."""
        for error in failures:
            trace = encodable("".join(traceback.format_exception(type(error), error, error.__traceback__)))
            self._simulation.keep_failure(f"A task was dispatched in a block of background(), and failed:\n{trace}")

    def _run(self) -> None:
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="cloud-tasks-background") as pool:
            while not self._ending.wait(_STEP):
                self._step(pool)
            while wait(self._deliveries, _STEP).not_done:
                self._step(None)

    def _step(self, pool: ThreadPoolExecutor | None) -> None:
        """Let the time pass that has really passed; with a ``pool``, dispatch what is due by then."""
        now = real.monotonic()
        passed, self._latest = int((now - self._latest) * 1_000_000_000), now
        try:
            end = self._simulation.clock.now + passed
            self._simulation.clock.check_reachable(end)
            while pool is not None and not self._failures and (done := self._driver.begin_next(end)) is not None:
                if done.deliveries is not None:
                    self._deliveries.append(pool.submit(self._deliver, done.deliveries))
            self._driver.pass_time(end)
        except BaseException as error:  # whatever it is, the block raises it
            if not self._failures:
                self._failures.append(error)
        self._deliveries = [one for one in self._deliveries if not one.done()]

    def _deliver(self, deliveries: Deliveries[Any]) -> None:
        try:
            run_sync(self._simulation, deliveries)
        except BaseException as error:  # a failure of the test's is none of Exception
            self._failures.append(error)
