"""grpc's functions that open channels. A channel to Cloud Tasks is deferred, and any other is grpc's own.

This module imports neither grpc nor anything of Google's, so that grpc can be patched in a process without a client.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from .http.destinations import is_cloud_tasks
from .patching import Patch
from .router import Backend, router

Bind = Callable[[str], "Backend | None"]
"""Returns the fake that a call to an RPC goes to now, or None for the real service.

Raises the error of a blocked call.
"""
Open = Callable[[], Any]
"""Opens a channel as grpc does."""


class Construction:
    """The construction of a stock transport without credentials.

    When a call needs the service, the transport is built again as the library builds it, with credentials. The deferred
    channel then uses the channel of that transport.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._transport: Any = None
        self._channel: Any = None
        self.is_real = False
        """Whether the channels that are opened now are the real transport's."""

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Mark this construction as under way in this thread until the block ends."""
        outer, under_way.construction = under_way.construction, self
        try:
            yield
        finally:
            under_way.construction = outer

    def transport(self) -> Any:
        """Return the real transport. Raise DefaultCredentialsError if there are no credentials."""
        if self._transport is None:
            self.is_real = True
            with self.under_way():
                self._transport = self._build()
        return self._transport

    def opened(self, channel: Any) -> Any:
        """Record a channel that the real transport has opened, and return it."""
        self._channel = channel
        return channel

    def channel(self, open_channel: Open) -> Any:
        """Return the real transport's channel, or that of ``open_channel`` if it has opened none."""
        self.transport()
        return open_channel() if self._channel is None else self._channel


class UnderWay(threading.local):
    """The construction that a thread is currently running."""

    construction: Construction | None = None


under_way = UnderWay()
"""The process's only instance.

A constructor runs in one thread without interruption, so each thread has its own value.
"""


def patch_grpc(grpc: ModuleType, patch: Patch) -> None:
    """Make ``grpc.secure_channel``, ``grpc.insecure_channel`` and their asyncio twins defer channels for a fake."""
    aio = getattr(grpc, "aio", None)
    for module, client, deferred in (
        (grpc, "CloudTasksClient", _deferred),
        (aio, "CloudTasksAsyncClient", _deferred_async),
    ):
        for name in ("secure_channel", "insecure_channel"):
            if module is not None and name in vars(module):  # a stub of the user's may lack them
                patch.attribute(module, name, deferring(vars(module)[name], client, deferred))


def deferring(open_channel: Callable[..., Any], client: str, deferred: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that opens channels for a ``client``, in place of grpc's ``open_channel``."""

    signature = inspect.signature(open_channel)

    @functools.wraps(open_channel)
    def opened(*arguments: Any, **options: Any) -> Any:
        open_real = functools.partial(open_channel, *arguments, **options)
        try:
            bound = signature.bind(*arguments, **options).arguments
        except TypeError:
            return open_real()  # grpc says what is wrong
        bind = _bind_to(bound["target"], client)
        if bind is None:
            return open_real()
        building = under_way.construction
        if building is not None and building.is_real:
            return building.opened(open_real())
        if building is not None:
            open_real = functools.partial(building.channel, open_real)
        return deferred(bind, open_real, bound.get("interceptors") or ())

    return opened


def _bind_to(target: object, client: str) -> Bind | None:
    """Return a function that decides where a call over a channel to ``target`` goes; None if no fake can want it."""
    if not isinstance(target, str):
        return None
    if is_cloud_tasks(target):
        return lambda rpc: router.backend_for(f"{client}.{rpc}()")
    if router.redirects(target):
        return lambda rpc: router.backend if router.redirects(target) else None
    return None


def _deferred(bind: Bind, open_real: Open, interceptors: Sequence[Any]) -> Any:
    from .channel import Connection, DeferredChannel  # loads google.api_core, which only a channel to Cloud Tasks needs

    return DeferredChannel(bind, Connection(open_real))


def _deferred_async(bind: Bind, open_real: Open, interceptors: Sequence[Any]) -> Any:
    from .aio_channel import DeferredAioChannel  # as above
    from .channel import Connection  # as above

    return DeferredAioChannel(bind, Connection(open_real), interceptors)
