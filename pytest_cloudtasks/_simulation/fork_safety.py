"""Forks: a child has a copy of every fake, and finds it whole and free.

A thread may be in the midst of a call when another forks. The child would have half of that call's changes, and a lock
that nobody is left to release. So a fork waits for the calls that are under way, and lets no other begin.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from weakref import WeakSet


class Forks:
    """Knows the lock of every world, and takes them all while the process forks."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.RLock()
        self._locks: WeakSet[Any] = WeakSet()
        self._taken: list[Any] = []

    def lock(self) -> Any:
        """A new lock, which a child never finds taken."""
        lock = threading.RLock()
        with self._one_at_a_time:
            self._locks.add(lock)
        return lock

    def hold_still(self) -> None:
        """Wait for the calls that are under way, and let no other begin."""
        self._one_at_a_time.acquire()
        self._taken = list(self._locks)
        for lock in self._taken:
            lock.acquire()

    def go_on(self) -> None:
        """Let calls come again: in the parent, and in the child."""
        taken, self._taken = self._taken, []
        for lock in taken:
            lock.release()
        self._one_at_a_time.release()


forks = Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=forks.hold_still, after_in_parent=forks.go_on, after_in_child=forks.go_on)
