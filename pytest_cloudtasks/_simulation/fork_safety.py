"""Forks: a child process gets a consistent, unlocked copy of every fake.

A thread may be within a call when another thread forks. The child would have half of that call's changes, and a lock
that is never released. So a fork waits for the calls that are under way, and blocks new ones.

The test never sees what a child puts into its copy, so the first task that a child creates makes it warn.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from typing import Any
from weakref import WeakSet

from .exceptions import CloudTasksWarning


class Forks:
    """The locks of all simulations. They are taken while the process forks."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.RLock()
        self._locks: WeakSet[Any] = WeakSet()
        self._taken: list[Any] = []
        self.generation = 0
        """How many forks lie between this process and the one that imported this module."""
        self._has_warned = False

    def lock(self) -> Any:
        """Return a new lock, which is never taken in a child."""
        lock = threading.RLock()
        with self._one_at_a_time:
            self._locks.add(lock)
        return lock

    def hold_still(self) -> None:
        """Wait for the calls that are under way, and block new ones."""
        self._one_at_a_time.acquire()
        self._taken = list(self._locks)
        for lock in self._taken:
            lock.acquire()

    def go_on(self) -> None:
        """Allow calls again, in the parent."""
        taken, self._taken = self._taken, []
        for lock in taken:
            lock.release()
        self._one_at_a_time.release()

    def begin_child(self) -> None:
        """Allow calls again, in the child, which has not warned yet."""
        self.generation += 1
        self._has_warned = False
        self.go_on()

    def warn_of_copy(self, method: str) -> None:
        """Say that ``method`` has created a task in a copy of the test's fake; once in each child.

        pytest records warnings in memory, where a child's are lost, so this one is written to the child's stderr.
        """
        if self._has_warned:
            return
        self._has_warned = True
        with warnings.catch_warnings(record=True) as caught:
            warnings.warn(_COPY.format(method=method), CloudTasksWarning, stacklevel=2)
        for warning in caught:
            sys.stderr.write(f"CloudTasksWarning: {warning.message}\n")
            sys.stderr.flush()


_COPY = (
    "{method}() was called in a forked process, so its task is only in that process's copy of the fake. To enqueue from"
    " another process, use the cloud_tasks_server fixture and give the process's client a channel to its address."
)
forks = Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=forks.hold_still, after_in_parent=forks.go_on, after_in_child=forks.begin_child)
