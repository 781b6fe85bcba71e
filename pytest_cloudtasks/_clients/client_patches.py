"""Patches of the modules of clients and transports. `interception` explains when and why they apply."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from google.oauth2 import service_account

from .patching import Patch
from .router import router
from .transports import DeferredCredentials, deferring_credentials

_TRANSPORTS = ("CloudTasksGrpcTransport", "CloudTasksGrpcAsyncIOTransport", "CloudTasksRestTransport")


def patch_transports(module: ModuleType, patch: Patch) -> None:
    """Make the transports of ``module`` look for credentials only when a real call needs them."""
    for name in _TRANSPORTS:
        transport = vars(module).get(name)
        if transport is not None and "__init__" in vars(transport):  # a stub of the user's has another type
            patch.attribute(transport, "__init__", deferring_credentials(vars(transport)["__init__"]))


def patch_client(module: ModuleType, patch: Patch) -> None:
    """Make the client of ``module`` open key files only when a real call needs them."""
    client = getattr(module, "CloudTasksClient", object)
    for name in ("from_service_account_info", "from_service_account_file", "from_service_account_json"):
        loader = name.replace("_json", "_file")  # two names of the same constructor
        if isinstance(vars(client).get(name), classmethod):  # older releases can't be built from a dict
            patch.attribute(client, name, _without_key(vars(client)[name], loader))


def _without_key(original: Any, loader: str) -> Any:
    """Return a ``from_service_account_…`` constructor that opens the key file only for a real call."""

    @functools.wraps(original.__func__)
    def build(cls: Any, source: Any, *args: Any, **kwargs: Any) -> Any:
        if not router.needs_no_credentials:
            return original.__func__(cls, source, *args, **kwargs)
        kwargs["credentials"] = DeferredCredentials(lambda: getattr(service_account.Credentials, loader)(source))
        return cls(*args, **kwargs)

    return classmethod(build)
