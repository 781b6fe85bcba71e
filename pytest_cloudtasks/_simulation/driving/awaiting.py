"""Whether an asyncio task can continue by itself, or waits for other tasks that sleep or for something outside.

asyncio has no public way to ask. Only this module uses its private parts, checked against Python 3.10 to 3.15:
`Task._fut_waiter` and `Future._callbacks`. ``tests/api/test_async_handlers.py`` fails when they move.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
from collections import deque
from collections.abc import Callable, Collection, Iterable
from types import FunctionType, ModuleType
from typing import Any

_OPAQUE = (ModuleType, type, asyncio.Task, asyncio.AbstractEventLoop, concurrent.futures.Future)
"""Types that refer to everything, and to no future that a callback completes."""
_OPAQUE_PACKAGES = frozenset({"pytest_cloudtasks", "_pytest", "pluggy", "xdist"})
"""Packages whose objects refer to the whole session, and to no future of the application."""
_MOST_OBJECTS = 10_000
"""The maximum number of objects to inspect, the nearest first. An event, a queue or a lock is a few references away."""


def awaited_outside(
    task: asyncio.Task[Any], sleepers: Collection[asyncio.Task[Any]]
) -> list[asyncio.Future[Any]] | None:
    """Return the outside futures that ``task`` waits for: [] if it only waits for ``sleepers``.

    Return None if it can continue.

    It waits for what it awaits, through tasks, gather(), wait(), task groups and objects that a sleeper refers to: an
    event that the sleeper will set, a queue that it will fill.
    """
    outside: list[asyncio.Future[Any]] = []
    pending, seen = [task], set[asyncio.Task[Any]]()
    while pending:
        pending_task = pending.pop()
        if pending_task in seen or pending_task in sleepers or pending_task.done():
            continue
        seen.add(pending_task)
        waiter: Any = pending_task._fut_waiter  # type: ignore[attr-defined]
        if waiter is None or waiter.done():
            return None
        if isinstance(waiter, asyncio.Task):
            pending.append(waiter)
            continue
        completing = [other for other in asyncio.all_tasks() if other is not pending_task and _completes(other, waiter)]
        if completing:
            pending += completing
        elif not _reaches([sleeper.get_coro() for sleeper in sleepers], waiter, besides=_chain(pending_task)):
            outside.append(waiter)
    return outside


def _completes(task: asyncio.Task[Any], future: asyncio.Future[Any]) -> bool:
    """Return whether the end of ``task`` may complete ``future``."""
    callbacks: Iterable[tuple[Callable[..., Any], Any]] = task._callbacks or ()
    return _reaches([callback for callback, _ in callbacks], future)


def _chain(task: asyncio.Task[Any]) -> list[Any]:
    """Return the coroutines and generators that await each other in ``task``, down to the future that it waits for."""
    chain: list[Any] = []
    awaitable: Any = task.get_coro()
    while awaitable is not None:
        chain.append(awaitable)
        awaitable = next(
            (getattr(awaitable, name) for name in ("cr_await", "gi_yieldfrom", "ag_await") if hasattr(awaitable, name)),
            None,
        )
    return chain


def _reaches(roots: list[Any], future: asyncio.Future[Any], besides: Iterable[Any] = ()) -> bool:
    """Return whether references lead from ``roots`` to ``future``, not counting those in ``besides``."""
    pending, seen = deque(roots), {id(referrer) for referrer in besides}
    while pending and len(seen) < _MOST_OBJECTS:
        referent = pending.popleft()
        if referent is future:
            return True
        if id(referent) in seen or isinstance(referent, _OPAQUE) or _package_of(referent) in _OPAQUE_PACKAGES:
            continue
        seen.add(id(referent))
        if isinstance(referent, FunctionType):
            pending.extend(referent.__closure__ or ())  # skip its globals, which refer to everything
        else:
            pending.extend(gc.get_referents(referent))
    return False


def _package_of(value: Any) -> str:
    """Return the name of the package that the type of ``value`` is from."""
    return str(type(value).__module__).partition(".")[0]
