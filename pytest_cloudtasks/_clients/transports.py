"""Google's own gRPC transports on deferred channels, which replace the stock classes in the client's registry."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
from google.oauth2 import service_account

from .aio_channel import DeferredAioChannel
from .channel import DeferredChannel
from .router import Backend, router


class RealTransport:
    """Builds the transport that the library would have built, when a call first needs it."""

    def __init__(self, stock: Callable[..., Any], arguments: dict[str, Any]) -> None:
        self._stock = stock
        self._arguments = arguments
        self._built: Any = None
        if not router.needs_no_credentials:
            self.get()

    def get(self) -> Any:
        """Return the real transport. Raise DefaultCredentialsError where there are no credentials."""
        if self._built is None:
            credentials = self._arguments.get("credentials")
            if isinstance(credentials, CredentialsToLoad):
                self._arguments["credentials"] = credentials.load_now()
            self._built = self._stock(**self._arguments)
        return self._built

    def close(self) -> None:
        """Close the real transport, if there is one."""
        if self._built is not None:
            self._built.close()

    async def close_async(self) -> None:
        """Close the real asyncio transport, if there is one."""
        if self._built is not None:
            await self._built.close()


class CredentialsToLoad:
    """A service account's key file that is opened when a real call needs it."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self.load_now = load


def credentials_of_file(filename: str) -> Any:
    """Return the credentials of a service account's key file, or `CredentialsToLoad` while no real call can follow."""
    load = functools.partial(service_account.Credentials.from_service_account_file, filename)
    return CredentialsToLoad(load) if router.needs_no_credentials else load()


def backend_for(rpc: str) -> Backend | None:
    """Return the innermost fake, or None outside. Raise what blocks calls outside, where they are blocked."""
    return router.backend_for(f"CloudTasksClient.{rpc}()")


def deferred_grpc(stock: type) -> type:
    """Return the stock gRPC transport on a deferred channel."""

    def init(self: Any, **arguments: Any) -> None:
        if arguments.get("channel") is not None:  # theirs, which they keep
            stock.__init__(self, **arguments)  # type: ignore[misc]
            return
        real = RealTransport(stock, arguments)
        channel = DeferredChannel(lambda rpc: backend_for(rpc) or real.get().grpc_channel, real.close)
        stock.__init__(self, channel=channel, **of_the_client(arguments))  # type: ignore[misc]

    return subclass(stock, {"__init__": init})


def deferred_grpc_asyncio(stock: type) -> type:
    """Return the stock asyncio transport on a deferred channel."""

    def init(self: Any, **arguments: Any) -> None:
        if arguments.get("channel") is not None:  # theirs, which they keep
            stock.__init__(self, **arguments)  # type: ignore[misc]
            return
        real = RealTransport(stock, arguments)
        channel = DeferredAioChannel(lambda rpc: backend_for(rpc) or real.get().grpc_channel, real.close_async)
        stock.__init__(self, channel=channel, **of_the_client(arguments))  # type: ignore[misc]

    return subclass(stock, {"__init__": init})


def bound_to(stock: type, backend: Callable[[str], Backend]) -> Any:
    """Return a stock gRPC transport whose calls go to ``backend(rpc)``; tests share it, so closing it does nothing."""
    channel = DeferredChannel(backend, lambda: None, stays_open=True)
    return stock(channel=channel)


def bound_to_async(stock: type, backend: Callable[[str], Backend]) -> Any:
    """Return a stock asyncio transport whose calls go to ``backend(rpc)``; closing it does nothing."""
    channel = DeferredAioChannel(backend, _nothing, stays_open=True)
    return stock(channel=channel)


async def _nothing() -> None:
    pass


def redirectable(channel: grpc.Channel) -> DeferredChannel:
    """Return a channel of the user's whose calls go to the fake while one is active."""
    return DeferredChannel(lambda rpc: router.backend or channel, channel.close)


def redirectable_async(channel: grpc.aio.Channel) -> DeferredAioChannel:
    """Return an asyncio channel of the user's whose calls go to the fake while one is active."""
    return DeferredAioChannel(lambda rpc: router.backend or channel, channel.close)


def of_the_client(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the client passes to its transport besides credentials."""
    return {key: arguments[key] for key in ("host", "client_info") if key in arguments}


def subclass(stock: type, members: dict[str, Any]) -> type:
    """Return a subclass that goes by the name of the stock class."""
    names = {"__module__": stock.__module__, "__qualname__": stock.__qualname__, "__doc__": stock.__doc__}
    return type(stock.__name__, (stock,), {**names, **members})
