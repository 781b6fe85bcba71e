"""One HTTP request to Cloud Tasks, or to one of Google's identity services, and its response, without a network.

The seams of the HTTP libraries ask `claims` whether a request is to be answered here, and `answer` for the response.
That is decided request by request, as for gRPC: a session or a pool that lives longer than a test serves each fake.

- Cloud Tasks: the router names the innermost fake, and `_messages.rest` answers. Outside a fake the request is blocked,
  or the library sends it.
- Identity services, while a fake is active: `Backend.answer_identity`. What that has no answer for doesn't leave the
  process either.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, NamedTuple

from ..._messages import rest
from ..._messages.grpc_errors import InProcessRpcError
from ..._messages.rest_http import RestRequest, RestResponse, malformed, page_not_found
from ..._messages.rpc_call import RpcCall
from ..channel import last_error
from ..router import Backend, router
from . import wire
from .destinations import endpoint_of, is_cloud_tasks, is_identity, is_identity_host


class Origin(NamedTuple):
    """Where a request goes: ``https``, ``cloudtasks.googleapis.com``, 443."""

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """``cloudtasks.googleapis.com:443``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if (self.scheme, self.port) in (("https", 443), ("http", 80)) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def may_claim(origin: Origin) -> bool:
    """Whether a request to ``origin`` may be one that `claims` is true for."""
    return _claims_api(origin) or (router.backend is not None and is_identity_host(origin.host))


def claims(origin: Origin, path: str) -> bool:
    """Whether a request is answered here, or blocked, instead of being sent by the library."""
    return _claims_api(origin) or (router.backend is not None and is_identity(origin.host, path))


def _claims_api(origin: Origin) -> bool:
    if is_cloud_tasks(origin.host):
        return router.backend is not None or router.refuse_outside is not None
    return _is_redirected(origin)


def _is_redirected(origin: Origin) -> bool:
    return router.backend is not None and router.redirects(origin.address)


def answer(origin: Origin, request: RestRequest) -> RestResponse:
    """Return the response to a request that `claims` is true for. Raise what blocks it outside a fake."""
    backend = _backend(origin, request)
    if not _is_api(origin):
        return _answer_identity(origin.host, request, backend)

    def receive(call: RpcCall) -> Any:
        try:
            return backend.receive(call)
        except InProcessRpcError as error:
            last_error.set(error)
            raise

    return rest.answer(request, receive)


async def answer_async(origin: Origin, request: RestRequest) -> RestResponse:
    """Return the same to a coroutine, which awaits what an eager dispatch awaits."""
    backend = _backend(origin, request)
    if not _is_api(origin):
        return _answer_identity(origin.host, request, backend)

    async def receive(call: RpcCall) -> Any:
        try:
            result, first = backend.receive_async(call)
            await _give_way(first)
            if first is not None:
                await first
            return result
        except InProcessRpcError as error:
            last_error.set(error)
            raise

    return await rest.answer_async(request, receive)


async def _give_way(first: Any) -> None:
    """Let other coroutines of asyncio run once, as a network would; a request cancelled then never awaits ``first``."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another library's loop
        return
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if inspect.iscoroutine(first):
            first.close()
        raise


def answered_bytes(origin: Origin, data: bytes) -> bytes:
    """Return the bytes of the response to a request that was written to a connection."""
    try:
        request = wire.request_of(data)
    except ValueError:
        return wire.bytes_of(malformed("Bad Request").response(), "")
    if request is None:
        raise TimeoutError(f"The rest of the request to {origin} did not come.")
    return wire.bytes_of(answer(origin, request), request.method)


def _is_api(origin: Origin) -> bool:
    return is_cloud_tasks(origin.host) or _is_redirected(origin)


def _backend(origin: Origin, request: RestRequest) -> Backend:
    """Return the fake that answers. Raise what blocks the request outside a fake."""
    backend = router.backend_for(f"{request.method} {origin}{request.path}")
    if backend is None:
        raise ConnectionAbortedError(f"The fake ended while a request to {origin} was under way.")
    return backend


def _answer_identity(host: str, request: RestRequest, backend: Backend) -> RestResponse:
    return backend.answer_identity(endpoint_of(host).host, request) or page_not_found(request.path)
