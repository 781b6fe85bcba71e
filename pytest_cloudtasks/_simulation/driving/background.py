"""The method ``background()``: a thread moves the test's time with the wall clock and dispatches due tasks.

Theory of operation. The thread repeats one short step. It measures the real time since the last step, runs the driver
up to that instant, and moves the clock there. So the queue's time and the application's time stay equal, in steps of
`_STEP`, from any instant at which the test holds them, and with any tool that holds them. When the thread ends, time
stays where it is, because nothing moves it any more.

Each delivery runs in a thread of a pool, so handlers of several tasks run at the same time and can wait for each other.
The driver begins attempts and resolves them while it holds the simulation's lock. Clients can therefore make calls from
any thread meanwhile.

The first failure stops the dispatching, as it stops a driving method. It is raised at the end of the block.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..._time import real
from ..exceptions import traceback_text
from .activities import BACKGROUND
from .delivery import Deliveries
from .driver import guarded
from .runners import run_sync
from .steps import Steps

if TYPE_CHECKING:
    from ..simulation import Simulation

_STEP = 0.01
"""Seconds of real time from one step to the next."""
_WORKERS = 100
"""Deliveries that run at the same time; further ones wait for a thread."""


class Background:
    """The threads of one block."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._steps = Steps(simulation)
        self._latest = real.monotonic()
        self._ending = threading.Event()
        self._deliveries: list[Future[None]] = []
        self._failures: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Move time and dispatch tasks until the block ends; then wait until their handlers have returned."""
        __tracebackhide__ = True
        with guarded(self._simulation, BACKGROUND):
            self._latest = real.monotonic()
            self._simulation.activities.failure = None
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
        """Make the test fail at its end for failures that can't be raised here."""
        for error in failures:
            self._simulation.failures.keep(f"A task that background() dispatched failed:\n{traceback_text(error)}")

    def _run(self) -> None:
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="cloud-tasks-background") as pool:
            while not self._ending.wait(_STEP):
                self._step(pool)
            while wait(self._deliveries, _STEP).not_done:
                self._step(None)

    def _step(self, pool: ThreadPoolExecutor | None) -> None:
        """Move the clock by the real time that has passed; with a ``pool``, dispatch the tasks that are due by then."""
        now = real.monotonic()
        passed, self._latest = int((now - self._latest) * 1_000_000_000), now
        try:
            end = self._simulation.clock.now + passed
            self._simulation.clock.check_reachable(end)
            while pool is not None and not self._failures and (begun := self._steps.begin_next(end)) is not None:
                if begun.deliveries is not None:
                    self._deliveries.append(pool.submit(self._deliver, begun.deliveries))
            self._steps.pass_time(end)
        except BaseException as error:  # the block raises it, whatever it is
            if not self._failures:
                self._fail(error)
        self._deliveries = [delivery for delivery in self._deliveries if not delivery.done()]

    def _deliver(self, deliveries: Deliveries[Any]) -> None:
        try:
            run_sync(self._simulation, deliveries)
        except BaseException as error:  # pytest's failures don't derive from Exception
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failures.append(error)
        self._simulation.activities.failure = self._failures[0]
