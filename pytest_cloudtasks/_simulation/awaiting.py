"""What an asyncio task waits for: other tasks that sleep in the queue's time, or something outside.

asyncio has no public way to ask. What is used of its inside is used here only, and was checked against Python 3.10 to
3.15: `Task._fut_waiter` and `Future._callbacks`. ``tests/api/test_async_handlers.py`` fails when they move.
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
"""What leads everywhere, and to no future that a callback completes."""
_OPAQUE_PACKAGES = frozenset({"pytest_cloudtasks", "_pytest", "pluggy", "xdist"})
"""Their objects lead to the whole session, and to no future of the application."""
_MOST_OBJECTS = 10_000
"""How many objects are looked at, the nearest first. An event, a queue or a lock is a few references away."""


def awaited_outside(
    task: asyncio.Task[Any], sleepers: Collection[asyncio.Task[Any]]
) -> list[asyncio.Future[Any]] | None:
    """The futures from outside that ``task`` waits for, none if it waits for ``sleepers`` alone; None if it can go on.

    It waits for what it awaits, through tasks, gather(), wait(), task groups and whatever a sleeper holds a reference
    to: an event that it will set, a queue that it will fill.
    """
    outside: list[asyncio.Future[Any]] = []
    pending, seen = [task], set[asyncio.Task[Any]]()
    while pending:
        one = pending.pop()
        if one in seen or one in sleepers or one.done():
            continue
        seen.add(one)
        waiter: Any = one._fut_waiter  # type: ignore[attr-defined]
        if waiter is None or waiter.done():
            return None
        if isinstance(waiter, asyncio.Task):
            pending.append(waiter)
            continue
        completing = [other for other in asyncio.all_tasks() if other is not one and _completes(other, waiter)]
        if completing:
            pending += completing
        elif not _reaches([sleeper.get_coro() for sleeper in sleepers], waiter, besides=_chain(one)):
            outside.append(waiter)
    return outside


def _completes(task: asyncio.Task[Any], future: asyncio.Future[Any]) -> bool:
    """Whether the end of ``task`` may complete ``future``."""
    callbacks: Iterable[tuple[Callable[..., Any], Any]] = task._callbacks or ()
    return _reaches([callback for callback, _ in callbacks], future)


def _chain(task: asyncio.Task[Any]) -> list[Any]:
    """The coroutines and generators that await each other in ``task``, down to the future that it waits for."""
    chain: list[Any] = []
    one: Any = task.get_coro()
    while one is not None:
        chain.append(one)
        one = next(
            (getattr(one, name) for name in ("cr_await", "gi_yieldfrom", "ag_await") if hasattr(one, name)), None
        )
    return chain


def _reaches(roots: list[Any], future: asyncio.Future[Any], besides: Iterable[Any] = ()) -> bool:
    """Whether ``future`` can be reached from ``roots`` by references, by other ways than ``besides``."""
    pending, seen = deque(roots), {id(one) for one in besides}
    while pending and len(seen) < _MOST_OBJECTS:
        one = pending.popleft()
        if one is future:
            return True
        if id(one) in seen or isinstance(one, _OPAQUE) or _package_of(one) in _OPAQUE_PACKAGES:
            continue
        seen.add(id(one))
        if isinstance(one, FunctionType):
            pending.extend(one.__closure__ or ())  # not its globals, which lead everywhere
        else:
            pending.extend(gc.get_referents(one))
    return False


def _package_of(value: Any) -> str:
    """Return the name of the package that the type of ``value`` is from."""
    return str(type(value).__module__).partition(".")[0]
