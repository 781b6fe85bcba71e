"""The public methods at which requests of HTTP libraries are taken over: one seam for each library.

Each method is replaced, once its library is imported, by a function that calls the library's own unless a fake is
active or calls outside one are blocked. Only then are the modules loaded that decide on a request and answer it.
Everything above a seam is the library's own code: sessions, pools, adapters, redirects, retries, and users'
replacements of these.

| library | seam | above it |
|---|---|---|
| `http.client` | ``connect`` and ``putrequest`` of its connections | urllib.request |
| urllib3 | ``connect`` of its own connections, the rest is `http.client`'s | requests, Google's AuthorizedSession |
| urllib3-future | ``connect`` and ``putrequest``; it is imported as urllib3 | niquests, sync only |
| its retries | ``sleep``, which takes no time after an answer of a fake | Firebase's Admin SDK |
| httplib2 | likewise | google-api-python-client |
| httpcore | ``handle_request``, ``handle_async_request`` of its pools and connections | httpx |
| aiohttp | a connector's ``connect`` | gcloud-aio |
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

from ..patching import Patch
from ..router import router


def _http_client(module: ModuleType, patch: Patch) -> None:
    _connections(module, patch)
    patch.attribute(module.HTTPConnection, "putrequest", _deciding(module.HTTPConnection.putrequest))


def _urllib3(module: ModuleType, patch: Patch) -> None:
    """Patch its connections. urllib3-future's are not built on `http.client`, so its own method decides."""
    from http.client import HTTPConnection  # already loaded by urllib3; a run without urllib3 doesn't need it

    _connections(module, patch)
    if HTTPConnection not in getattr(getattr(module, "HTTPConnection", None), "__mro__", ()):
        _replace(module, "HTTPConnection", "putrequest", _deciding, patch)


def _connections(module: ModuleType, patch: Patch) -> None:
    for name in ("HTTPConnection", "HTTPSConnection", "HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout"):
        _replace(module, name, "connect", _connecting, patch)


def _connecting(connect: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(connect)
    def wrapped(self: Any) -> None:
        if not router.is_watching:
            return connect(self)
        from . import http_client  # loaded only while a fake may answer

        return http_client.connect(self, connect)

    return wrapped


def _deciding(putrequest: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(putrequest)
    def wrapped(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        if router.is_watching or hasattr(self.sock, "is_in_process"):
            from . import http_client  # loaded only while a fake may answer

            http_client.decide(self, url)
        return putrequest(self, method, url, *args, **kwargs)

    return wrapped


def _retries(module: ModuleType, patch: Patch) -> None:
    _replace(module, "Retry", "sleep", _sleeping, patch)


def _sleeping(sleep: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(sleep)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        if router.backend is not None:
            from . import http_client  # loaded only while a fake may answer

            if http_client.was_answered_here.get():
                return
        sleep(self, *args, **kwargs)

    return wrapped


def _httpcore(module: ModuleType, patch: Patch) -> None:
    """Patch its pools and connections. Pools for proxies are subclasses with their own methods."""
    for name in ("ConnectionPool", "HTTPConnection"):
        _replace(module, name, "handle_request", _handling, patch)
        _replace(module, f"Async{name}", "handle_async_request", _handling_async, patch)


def _handling(handle: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(handle)
    def wrapped(self: Any, request: Any) -> Any:
        if not router.is_watching:
            return handle(self, request)
        from . import httpcore_pools  # loaded only while a fake may answer

        return httpcore_pools.handle(self, request, handle)

    return wrapped


def _handling_async(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(handle)
    async def wrapped(self: Any, request: Any) -> Any:
        if not router.is_watching:
            return await handle(self, request)
        from . import httpcore_pools  # loaded only while a fake may answer

        return await httpcore_pools.handle_async(self, request, handle)

    return wrapped


def _aiohttp(module: ModuleType, patch: Patch) -> None:
    _replace(module, "BaseConnector", "connect", _connecting_async, patch)


def _connecting_async(connect: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(connect)
    async def wrapped(self: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        if not router.is_watching:
            return await connect(self, req, *args, **kwargs)
        from . import aiohttp_connections  # loaded only while a fake may answer

        return await aiohttp_connections.connect(self, req, connect, *args, **kwargs)

    return wrapped


def _replace(
    module: ModuleType, name: str, method: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]], patch: Patch
) -> None:
    """Wrap the method that a class of ``module`` defines. A module that is a user's stub may lack it."""
    owner: Any = vars(module).get(name)
    if method in getattr(owner, "__dict__", {}):
        patch.attribute(owner, method, wrap(vars(owner)[method]))


SEAMS: Mapping[str, Callable[[ModuleType, Patch], None]] = {
    "http.client": _http_client,
    "urllib3.connection": _urllib3,
    "urllib3.util.retry": _retries,
    "httplib2": _connections,
    "httpcore": _httpcore,
    "aiohttp": _aiohttp,
}
"""The modules to patch once they are imported, and the functions that patch them."""
