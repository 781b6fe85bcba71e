"""How a module of clients is patched; `interception` says when, and why.

The registry (``CloudTasksClientMeta._transport_registry``) is not public: checked against google-cloud-tasks 2.7 to
2.26, and ``tests/clients/test_interception.py`` fails when it moves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from google.oauth2 import service_account

from . import transports
from .grpc_private import address_of
from .legacy import interception as legacy
from .patching import Patch
from .router import router


def patch_client(module: ModuleType, api: str, patch: Patch) -> None:
    """Have the clients that ``module`` defines, which speak ``api``, built on transports that reach a fake."""
    if legacy.is_of_1x(module):
        legacy.patch_transport(module, patch)
    elif hasattr(module, "CloudTasksClientMeta"):
        _patch_registry(module, api, patch)
    else:
        return  # a stub of the user's
    client = module.CloudTasksClient
    for name in ("from_service_account_info", "from_service_account_file", "from_service_account_json"):
        loader = name.replace("_json", "_file")  # the client's two names for one thing
        if name in vars(client):  # older ones can't be built from a dict
            patch.attribute(client, name, _without_key(vars(client)[name], loader))


def _patch_registry(module: ModuleType, api: str, patch: Patch) -> None:
    registry = module.CloudTasksClientMeta._transport_registry
    for kind, deferred, redirectable in (
        ("grpc", transports.deferred_grpc, transports.redirectable),
        ("grpc_asyncio", transports.deferred_grpc_asyncio, transports.redirectable_async),
    ):
        stock = registry[kind]
        patch.item(registry, kind, deferred(stock))
        patch.attribute(stock, "__init__", _redirecting(stock.__init__, redirectable))
    if "rest" in registry:
        from .rest_transport import deferred_rest  # loads requests, which releases without REST do without

        patch.item(registry, "rest", deferred_rest(registry["rest"], api))


def _without_key(original: Any, loader: str) -> Any:
    """A ``from_service_account_…`` constructor that opens the key only when the real service is called."""

    @functools.wraps(original.__func__)
    def build(cls: Any, source: Any, *args: Any, **kwargs: Any) -> Any:
        if not router.needs_no_credentials:
            return original.__func__(cls, source, *args, **kwargs)
        kwargs["credentials"] = transports.CredentialsToLoad(
            lambda: getattr(service_account.Credentials, loader)(source)
        )
        return cls(*args, **kwargs)

    return classmethod(build)


def _redirecting(init: Callable[..., None], redirectable: Callable[[Any], Any]) -> Callable[..., None]:
    """A transport's constructor that gives a user's channel to a redirected address a way to the fake."""

    @functools.wraps(init)
    def wrapped(self: Any, *args: Any, channel: Any = None, **kwargs: Any) -> None:
        address = address_of(channel)
        if address is not None and router.redirects(address):
            channel = redirectable(channel)
        init(self, *args, channel=channel, **kwargs)

    return wrapped
