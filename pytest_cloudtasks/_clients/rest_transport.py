"""Google's own REST transport, whose RPCs go to a fake as messages. Older releases have none, and no requests."""

from __future__ import annotations

import io
import json
from typing import Any

import requests
from google.api_core import exceptions, operations_v1, path_template
from google.auth import credentials as auth

from .._messages.grpc_errors import InProcessRpcError, status_code_of, status_details
from .._messages.proto import proto_of
from .._messages.rest_http import HTTP_RULES
from .._messages.rpc_call import RpcCall
from .channel import DeferredChannel, last_error
from .router import Backend, router


class RealTransport:
    """Builds the transport that the library would have built, when a call first needs it."""

    def __init__(self, stock: Any, arguments: dict[str, Any]) -> None:
        self._stock = stock
        self._arguments = arguments
        self._built: Any = None
        if not router.needs_no_credentials:
            self.get()

    def get(self) -> Any:
        """Return the real transport. Raise DefaultCredentialsError where there are no credentials."""
        if self._built is None:
            self._built = self._stock(**self._arguments)
        return self._built

    def close(self) -> None:
        """Close the real transport, if there is one."""
        if self._built is not None:
            self._built.close()


def backend_for(rpc: str) -> Backend | None:
    """Return the innermost fake, or None outside. Raise what blocks calls outside, where they are blocked."""
    return router.backend_for(f"CloudTasksClient.{rpc}()")


def of_the_client(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the client passes to its transport besides credentials."""
    return {key: arguments[key] for key in ("host", "client_info") if key in arguments}


def subclass(stock: type, members: dict[str, Any]) -> type:
    """Return a subclass that goes by the name of the stock class."""
    names = {"__module__": stock.__module__, "__qualname__": stock.__qualname__, "__doc__": stock.__doc__}
    return type(stock.__name__, (stock,), {**names, **members})


def deferred_rest(stock: type, api: str) -> type:
    """Return the stock REST transport whose RPCs go to the fake while one is active.

    It builds no URL and no JSON then; errors look as if it had, with the method and URL of `rest_paths`.
    """

    def init(self: Any, **arguments: Any) -> None:
        self._real_transport = RealTransport(stock, arguments)
        host: str = arguments.get("host") or stock.DEFAULT_HOST  # type: ignore[attr-defined]
        self.service_url = host if "://" in host else f"https://{host}"
        stock.__init__(self, credentials=auth.AnonymousCredentials(), **of_the_client(arguments))  # type: ignore[misc]

    def close(self: Any) -> None:
        self._real_transport.close()
        stock.close(self)  # type: ignore[attr-defined]

    rpcs = {rpc: _rest_property(rpc, api) for rpc in HTTP_RULES if hasattr(stock, rpc)}
    if hasattr(stock, "operations_client"):
        rpcs["operations_client"] = property(_rest_operations_client)
    return subclass(stock, {"__init__": init, "close": close, **rpcs})


def _rest_operations_client(transport: Any) -> Any:
    """Return the client for long-running operations; a fake's has the methods of REST's own, on a deferred channel."""
    if backend_for("get_operation") is None:
        return transport._real_transport.get().operations_client

    def bind(rpc: str) -> Backend:
        backend = backend_for(rpc)
        if backend is None:
            raise RuntimeError(f"{rpc} was called for an operation of a fake that has ended. Ask within its test.")
        return backend

    return operations_v1.OperationsClient(DeferredChannel(bind))


def _rest_property(rpc: str, api: str) -> property:
    def get(self: Any) -> DeferredRestCall:
        return DeferredRestCall(self, rpc, api)

    return property(get)


class DeferredRestCall:
    """One RPC of a deferred REST transport; equal to any other for the same RPC, as the table of RPCs needs."""

    def __init__(self, transport: Any, rpc: str, api: str) -> None:
        self._transport = transport
        self._rpc = rpc
        self._api = api
        self.__name__ = rpc

    def __hash__(self) -> int:
        return hash((id(self._transport), self._rpc))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeferredRestCall) and self._transport is other._transport and self._rpc == other._rpc

    def __call__(self, request: Any, *, timeout: float | None = None, metadata: Any = (), **options: Any) -> Any:
        """Return the response, or raise Google's exception as the REST transport does."""
        backend = backend_for(self._rpc)
        if backend is None:
            real = self._transport._real_transport.get()
            return getattr(real, self._rpc)(request, timeout=timeout, metadata=metadata, **options)
        verb, path = verb_and_path(self._api, self._rpc, request)
        call = RpcCall(self._rpc, self._api, request, timeout, tuple(metadata))
        try:
            return backend.receive(call)
        except InProcessRpcError as error:
            last_error.set(error)
            raise http_error(error, verb, f"{self._transport.service_url}{path}") from error


def verb_and_path(api: str, rpc: str, request: Any) -> tuple[str, str]:
    """Return the verb and path of the REST transport's request: ``("POST", "/v2/projects/…/tasks")``.

    Raises ValueError, as that transport does, for a name that fits no path.
    """
    verb, template = HTTP_RULES[rpc]
    option = {"method": verb, "uri": f"/{api.rpartition('.')[2]}/{template}"}
    return verb.upper(), path_template.transcode([option], message=proto_of(request))["uri"]


def http_error(error: InProcessRpcError, verb: str, url: str) -> Exception:
    """Return Google's exception for an HTTP response that carries ``error`` in Google's JSON form."""
    code = status_code_of(error)
    status: dict[str, Any] = {"code": code, "message": error.details(), "status": error.code().name}
    details = status_details(error)
    if details:
        status["details"] = details
    response = requests.Response()
    response.status_code = code
    response.raw = io.BytesIO(json.dumps({"error": status}).encode())
    response.request = requests.Request(verb, url).prepare()
    return exceptions.from_http_response(response)  # type: ignore[no-any-return]
