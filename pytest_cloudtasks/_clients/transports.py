"""Google's own transports: deferred credentials in their constructors, and transports that are bound to one fake.

A transport keeps its credentials in ``_credentials``, which is not public: checked against google-cloud-tasks 2.0 to
2.26, and ``tests/clients/test_interception.py`` fails when it moves.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import google.auth
from google.auth import credentials as auth
from google.oauth2 import service_account

from .aio_channel import DeferredAioChannel
from .channel import DeferredChannel
from .grpc_channels import Construction
from .http.destinations import is_cloud_tasks
from .router import Backend, router


class DeferredCredentials(auth.Credentials):
    """Credentials that are loaded when a call to the real service needs them."""

    def __init__(self, load: Callable[[], Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._load = load
        self._loaded: Any = None

    def loaded(self) -> Any:
        """Return the real credentials.

        Raise DefaultCredentialsError, or the error of a key file that can't be opened.
        """
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def refresh(self, request: Any) -> None:
        """Get a new token for calls to the real service."""
        if not router.is_watching:
            self.loaded().refresh(request)

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        """Add the real credentials to a call that goes to the real service."""
        if not router.is_watching:
            self.loaded().before_request(request, method, url, headers)

    def __deepcopy__(self, memo: object) -> DeferredCredentials:
        return self

    def __reduce__(self) -> Any:
        return DeferredCredentials, (_found,)  # unpickled credentials are loaded again


def _found() -> Any:
    return google.auth.default()[0]


def credentials_of_file(filename: str) -> Any:
    """Return the credentials of a service account's key file, unopened while no real call can follow."""
    load = functools.partial(service_account.Credentials.from_service_account_file, filename)
    return DeferredCredentials(load) if router.needs_no_credentials else load()


def deferring_credentials(init: Callable[..., None]) -> Callable[..., None]:
    """Return the constructor of a stock transport. It looks for no credentials while no real call can follow.

    Everything else is the library's, with deferred credentials. A real call repeats the construction with real ones.
    """
    signature = inspect.signature(init)

    @functools.wraps(init)
    def wrapped(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            bound = signature.bind(self, *arguments, **options)
        except TypeError:
            return init(self, *arguments, **options)  # the constructor says what is wrong
        bound.apply_defaults()
        values = bound.arguments
        credentials, channel = values["credentials"], values.get("channel")
        if not isinstance(credentials, DeferredCredentials):
            is_theirs = credentials is not None or (channel is not None and not callable(channel))
            if is_theirs or not router.needs_no_credentials:
                return init(self, *arguments, **options)
        if not _is_intercepted(values.get("api_mtls_endpoint") or values.get("host") or values["address"]):
            values["credentials"] = _real(credentials)
            return init(*bound.args, **bound.kwargs)

        def build() -> Any:
            transport = object.__new__(kind)
            vars(transport).update(before)
            init(transport, **{**real, "credentials": _real(credentials)})
            return transport

        kind = type(
            self
        )  # build() must not keep the transport: grpc's C code holds what it keeps, unseen by the collector
        before = dict(vars(self))
        real = {name: value for name, value in values.items() if name != "self"}
        building = Construction(build)
        values["credentials"] = DeferredCredentials(lambda: building.transport()._credentials)
        if "credentials_file" in values:
            values["credentials_file"] = None
        with building.under_way():
            init(*bound.args, **bound.kwargs)
        return None

    return wrapped


def _is_intercepted(host: str) -> bool:
    address = host.removeprefix("https://").removeprefix("http://")  # a REST transport also takes a URL
    return is_cloud_tasks(address) or router.redirects(address)


def _real(credentials: Any) -> Any:
    return credentials.loaded() if isinstance(credentials, DeferredCredentials) else credentials


def bound_to(stock: Any, backend: Callable[[str], Backend]) -> Any:
    """Return a stock gRPC transport whose calls go to ``backend(rpc)``.

    Closing does nothing, because tests share it.
    """
    return stock(channel=DeferredChannel(backend))


def bound_to_async(stock: Any, backend: Callable[[str], Backend]) -> Any:
    """Return a stock asyncio transport whose calls go to ``backend(rpc)``. Closing does nothing."""
    return stock(channel=DeferredAioChannel(backend))
