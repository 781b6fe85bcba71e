"""Late-bound transports and noted retries for clients of 1.x, the library's own and ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..channel import LateBoundChannel
from ..grpc_private import address_of
from ..router import switchboard
from ..transports import RealTransport, backend_for, redirectable
from ..wrapped_retry import noting_retry


class _RealTransport(RealTransport):
    """One of 1.x, which is closed by its channel."""

    def close(self) -> None:
        """Close the real channel, if there is one."""
        if self._built is not None:
            self._built.channel.close()


def late_bound(stock: type) -> type:
    """The stock transport, on a late-bound channel where it was given none."""

    @functools.wraps(stock.__init__)  # type: ignore[misc]
    def init(self: Any, channel: Any = None, credentials: Any = None, **arguments: Any) -> None:
        if channel is None:
            real = _RealTransport(stock, {"credentials": credentials, **arguments})
            channel = LateBoundChannel(lambda rpc: backend_for(rpc) or real.get().channel, real.close)
            credentials = None  # they are the real transport's
        stock.__init__(self, channel, credentials)  # type: ignore[misc]

    names = {"__module__": stock.__module__, "__qualname__": stock.__qualname__, "__doc__": stock.__doc__}
    return type(stock.__name__, (stock,), {**names, "__init__": init})


def redirecting(init: Callable[..., None]) -> Callable[..., None]:
    """A transport's constructor that gives a user's channel to a redirected address a way to the fake."""

    @functools.wraps(init)
    def wrapped(self: Any, channel: Any = None, *args: Any, **kwargs: Any) -> None:
        address = address_of(channel)
        if address is not None and switchboard.redirects(address):
            channel = redirectable(channel)
        init(self, channel, *args, **kwargs)

    return wrapped


class NotingCalls(dict[str, Callable[..., Any]]):
    """A client's wrapped methods, each of which keeps its ``retry`` argument where the channel finds it."""

    def __setitem__(self, rpc: str, call: Callable[..., Any]) -> None:
        super().__setitem__(rpc, noting_retry(call))


NOTED_CALLS = property(
    lambda client: vars(client)["_inner_api_calls"],
    lambda client, calls: vars(client).__setitem__("_inner_api_calls", NotingCalls(calls)),
    doc="Takes the place of the attribute ``_inner_api_calls``, where a client of 1.x keeps its wrapped methods.",
)
