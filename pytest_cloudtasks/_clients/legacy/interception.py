"""Late-bound transports for clients of google-cloud-tasks 1.x: the installed library's own, and ours.

The library's module finds its transport by a name of its own, which is not public: checked against google-cloud-tasks
1.5.0, whose acceptance tests fail when it is not there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from ..channel import DeferredChannel
from ..grpc_private import address_of
from ..patching import Patch
from ..router import router
from ..transports import RealTransport, backend_for, redirectable


def is_of_1x(module: ModuleType) -> bool:
    """Whether the module of a client is one of 1.x, which has no registry of transports."""
    return hasattr(module, "cloud_tasks_grpc_transport")


def patch_transport(module: ModuleType, patch: Patch) -> None:
    """Have the clients of ``module`` built on deferred transports. A user's own transport stays the stock class."""
    stock = module.cloud_tasks_grpc_transport.CloudTasksGrpcTransport
    own = SimpleNamespace(CloudTasksGrpcTransport=deferred(stock))
    patch.attribute(stock, "__init__", redirecting(stock.__init__))
    patch.attribute(module, "cloud_tasks_grpc_transport", own)


class _RealTransport(RealTransport):
    """One of 1.x, which is closed by its channel."""

    def close(self) -> None:
        """Close the real channel, if there is one."""
        if self._built is not None:
            self._built.channel.close()


def deferred(stock: type) -> type:
    """The stock transport, on a deferred channel where it was given none."""

    @functools.wraps(stock.__init__)  # type: ignore[misc]
    def init(self: Any, channel: Any = None, credentials: Any = None, **arguments: Any) -> None:
        if channel is None:
            real = _RealTransport(stock, {"credentials": credentials, **arguments})
            channel = DeferredChannel(lambda rpc: backend_for(rpc) or real.get().channel, real.close)
            credentials = None  # they are the real transport's
        stock.__init__(self, channel, credentials)  # type: ignore[misc]

    names = {"__module__": stock.__module__, "__qualname__": stock.__qualname__, "__doc__": stock.__doc__}
    return type(stock.__name__, (stock,), {**names, "__init__": init})


def redirecting(init: Callable[..., None]) -> Callable[..., None]:
    """A transport's constructor that gives a user's channel to a redirected address a way to the fake."""

    @functools.wraps(init)
    def wrapped(self: Any, channel: Any = None, *args: Any, **kwargs: Any) -> None:
        address = address_of(channel)
        if address is not None and router.redirects(address):
            channel = redirectable(channel)
        init(self, channel, *args, **kwargs)

    return wrapped
