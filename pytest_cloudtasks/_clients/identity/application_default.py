"""The option ``google_auth``: who looks for credentials finds those of a service on Cloud Run.

Theory of operation. Without the option Google's code finds what the machine has: key files, gcloud's credentials, and
at last the metadata server, which a fake answers for. With it, the search ends at once: the credentials are Google's
own of the metadata server, whatever the machine has.

Application code has often imported the functions that search before a test begins, so it is too late to replace their
names. The functions themselves get other code instead, by Python's ``__code__``, while a fake with the option is
active. A user's mock takes the place of a name, and so it wins. Checked against google-auth 2.17 to 2.63:
``tests/clients/test_application_default.py`` fails when a function moves.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..import_watch import import_watch
from .account import Identity


class ApplicationDefault:
    """Whose credentials are found, innermost last; the functions that search are diverted while there is one."""

    def __init__(self) -> None:
        self._identities: list[Identity] = []
        self._diverted: list[tuple[FunctionType, CodeType]] = []

    @property
    def identity(self) -> Identity:
        """Who application code runs as."""
        return self._identities[-1]

    def is_metadata_server(self, address: str) -> bool:
        """Whether the environment has ``address`` (``localhost:8080``) as the metadata server of the credentials."""
        if not self._identities:
            return False
        named = (os.environ.get(name) for name in ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"))
        return address in {name if ":" in name else f"{name}:80" for name in named if name}

    def enter(self, identity: Identity) -> None:
        """Have the credentials of ``identity`` found from now on."""
        self._identities.append(identity)
        if len(self._identities) == 1:
            for module in _FUNCTIONS:
                import_watch.add(module, self._divert)

    def leave(self, identity: Identity) -> None:
        """End what `enter` began."""
        self._identities.remove(identity)
        if self._identities:
            return
        for module in _FUNCTIONS:
            import_watch.remove(module, self._divert)
        while self._diverted:
            function, code = self._diverted.pop()
            function.__code__ = code
            vars(function).pop("__signature__", None)

    def _divert(self, module: ModuleType) -> None:
        for name, replacement in _FUNCTIONS[module.__name__].items():
            function = inspect.unwrap(getattr(module, name, None))  # type: ignore[arg-type]
            if isinstance(function, FunctionType) and function.__module__.partition(".")[0] == "google":
                self._diverted.append((function, function.__code__))
                function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]  # for autospec
                function.__code__ = replacement.__code__


application_default = ApplicationDefault()
"""The one of the process."""


def find_default(
    scopes: Any = None, request: Any = None, quota_project_id: str | None = None, default_scopes: Any = None
) -> tuple[Any, str]:
    """Return what ``google.auth.default()`` returns on Cloud Run: credentials without a token yet, and a project."""
    from google.auth import compute_engine, credentials  # needs requests, which not all applications have

    found = compute_engine.Credentials()
    found = found.with_quota_project(quota_project_id) if quota_project_id else _of_environment(found)
    found = credentials.with_scopes_if_required(found, scopes, default_scopes=default_scopes)
    return found, application_default.identity.project


def find_id_token(audience: str, request: Any = None, **options: Any) -> Any:
    """Return the credentials that ``fetch_id_token_credentials()`` returns on Cloud Run."""
    from google.auth import compute_engine  # needs requests, which not all applications have
    from google.auth.transport import requests  # the same

    return compute_engine.IDTokenCredentials(
        request or requests.Request(), audience, use_metadata_identity_endpoint=True, **options
    )


def _of_environment(credentials: Any) -> Any:
    """Return the credentials with the quota project that the environment names; older releases don't look there."""
    by_environment = getattr(credentials, "with_quota_project_from_environment", None)
    return by_environment() if by_environment is not None else credentials


# The code of these is run as that of Google's functions, with their globals: it can name nothing of this module.


def _default(*args: Any, **options: Any) -> Any:
    from pytest_cloudtasks._clients.identity.application_default import find_default  # see above

    return find_default(*args, **options)


def _fetch_id_token_credentials(*args: Any, **options: Any) -> Any:
    from pytest_cloudtasks._clients.identity.application_default import find_id_token  # see above

    return find_id_token(*args, **options)


async def _fetch_id_token_async(request: Any, audience: str, **options: Any) -> Any:
    from google.auth.transport.requests import Request  # see above

    from pytest_cloudtasks._clients.identity.application_default import find_id_token  # see above

    blocking = Request()  # as Google's own code does, whose metadata server is asked without awaiting
    credentials = find_id_token(audience, blocking, **options)
    credentials.refresh(blocking)
    return credentials.token


_FUNCTIONS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "google.auth": {"default": _default},
    "google.auth._default_async": {"default_async": _default},
    "google.oauth2.id_token": {"fetch_id_token_credentials": _fetch_id_token_credentials},
    "google.oauth2._id_token_async": {"fetch_id_token": _fetch_id_token_async},
}
"""By module, the functions that search for credentials, and what is run instead."""
