"""The option ``google_auth``: google-auth finds the credentials of a service on Cloud Run.

Without the option, Google's code finds the credentials of the machine: key files, gcloud's credentials, and at last the
metadata server, which a fake answers for. With the option, the search ends at once with Google's own credentials of the
metadata server. In the ini file the option also applies outside of fakes, for modules that need credentials at import.
These credentials fetch nothing before they are used.

Credentials fetch their token before the request that needs it. For a call to Cloud Tasks that is to be blocked, that is
too late: a machine without credentials would fail earlier, and with another error. So ``before_request``, which gets
the URL, blocks such a call.

The functions that search are wrapped once their module is imported, and decide call by call, like all interception.
Three of the modules are not public: checked against google-auth 2.17 to 2.63;
``tests/clients/test_application_default.py`` fails when a function moves.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from ..http.destinations import is_cloud_tasks
from ..patching import Patch
from ..router import router
from .account import Identity


def current() -> Identity | None:
    """Return the identity of application code: that of the innermost fake with the option, or else of the run."""
    identities = (backend.application_default for backend in reversed(router.backends))
    return next((identity for identity in identities if identity is not None), None) or router.application_default()


def is_metadata_server(address: str) -> bool:
    """Return whether the environment names ``address`` (``localhost:8080``) as the credentials' metadata server."""
    if current() is None:
        return False
    named = (os.environ.get(name) for name in ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"))
    return address in {name if ":" in name else f"{name}:80" for name in named if name}


def _default(
    identity: Identity,
    scopes: Any = None,
    request: Any = None,
    quota_project_id: str | None = None,
    default_scopes: Any = None,
) -> tuple[Any, str]:
    """Return what ``google.auth.default()`` returns on Cloud Run: credentials without a token yet, and a project."""
    from google.auth import compute_engine, credentials  # needs requests, which not all applications have

    default = compute_engine.Credentials()
    if hasattr(default, "with_universe_domain"):  # otherwise it would be fetched, maybe before a fake can answer
        default = default.with_universe_domain("googleapis.com")
    default = default.with_quota_project(quota_project_id) if quota_project_id else _of_environment(default)
    return credentials.with_scopes_if_required(default, scopes, default_scopes=default_scopes), identity.project


def _id_token_credentials(identity: Identity, audience: str, request: Any = None, **options: Any) -> Any:
    """Return what ``fetch_id_token_credentials()`` returns on Cloud Run."""
    from google.auth import compute_engine  # needs requests, which not all applications have
    from google.auth.transport import requests  # as above

    return compute_engine.IDTokenCredentials(
        request or requests.Request(), audience, use_metadata_identity_endpoint=True, **options
    )


async def _id_token(identity: Identity, request: Any, audience: str, **options: Any) -> Any:
    """Return a token. Google's own code also fetches it from the metadata server synchronously."""
    from google.auth.transport import requests  # needs requests, which not all applications have

    credentials = _id_token_credentials(identity, audience, **options)
    credentials.refresh(requests.Request())
    return credentials.token


def _of_environment(credentials: Any) -> Any:
    """Return the credentials with the environment's quota project, which older releases ignore."""
    by_environment = getattr(credentials, "with_quota_project_from_environment", None)
    return by_environment() if by_environment is not None else credentials


def _patch_search(module: ModuleType, patch: Patch) -> None:
    for name, on_cloud_run in FUNCTIONS[module.__name__].items():
        search = vars(module).get(name)
        if isinstance(search, FunctionType):  # otherwise the module is a stub of the user's
            patch.attribute(module, name, _deciding(search, on_cloud_run))


def _deciding(search: Callable[..., Any], on_cloud_run: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(search)
    def wrapped(*args: Any, **options: Any) -> Any:
        identity = current() if router.backends or on_cloud_run is _default else None  # other credentials fetch a token
        if identity is None:
            return search(*args, **options)
        return on_cloud_run(identity, *args, **options)

    @functools.wraps(search)
    async def wrapped_async(*args: Any, **options: Any) -> Any:
        return await wrapped(*args, **options)

    return wrapped_async if inspect.iscoroutinefunction(search) else wrapped


def _patch_credentials(module: ModuleType, patch: Patch) -> None:
    for name in CREDENTIALS[module.__name__]:
        owner: Any = vars(module).get(name)
        fetch = getattr(owner, "__dict__", {}).get("before_request")
        if isinstance(fetch, FunctionType):  # otherwise the module is a stub of the user's
            patch.attribute(owner, "before_request", _blocking(fetch))


def _blocking(fetch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fetch)
    def wrapped(self: Any, request: Any, method: str, url: str, headers: Any) -> Any:
        _block(method, url)
        return fetch(self, request, method, url, headers)

    @functools.wraps(fetch)
    async def wrapped_async(self: Any, request: Any, method: str, url: str, headers: Any) -> Any:
        return await wrapped(self, request, method, url, headers)

    return wrapped_async if inspect.iscoroutinefunction(fetch) else wrapped


def _block(method: str, url: str) -> None:
    """Raise the error of a blocked request to Cloud Tasks outside a fake."""
    if router.backends or router.refuse_outside is None:
        return
    from urllib.parse import urlsplit  # few runs block calls, and importing it at every start would cost time

    parts = urlsplit(url)
    if is_cloud_tasks(parts.netloc):
        from ..http.exchange import check_outside, origin_of  # which imports this module

        check_outside(origin_of(parts.scheme, parts.hostname or "", parts.port), method.upper(), parts.path)


FUNCTIONS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "google.auth": {"default": _default},
    "google.auth._default_async": {"default_async": _default},
    "google.oauth2.id_token": {"fetch_id_token_credentials": _id_token_credentials},
    "google.oauth2._id_token_async": {"fetch_id_token": _id_token},
}
"""The functions that search for credentials, and their replacements, by module."""

CREDENTIALS: Mapping[str, tuple[str, ...]] = {
    "google.auth.credentials": ("Credentials",),
    "google.auth._credentials_async": ("Credentials",),
    "google.oauth2.credentials": ("UserAccessTokenCredentials",),
}
"""The classes of credentials that fetch a token in ``before_request``, by module."""

PATCHES: Mapping[str, Callable[[ModuleType, Patch], None]] = {
    **dict.fromkeys(FUNCTIONS, _patch_search),
    **dict.fromkeys(CREDENTIALS, _patch_credentials),
}
"""The modules to patch once they are imported, and the functions that patch them."""
