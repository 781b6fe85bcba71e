"""One HTTP request to Cloud Tasks or to a Google identity service, and its response, without a network.

The modules of the HTTP libraries ask `claims` whether a request is answered here, and `answer` for the response. As for
gRPC, that is decided request by request: a session or a pool that outlives a test serves each fake.

- Cloud Tasks: the router names the innermost fake, and `_messages.rest` answers. Outside a fake the request is blocked,
  or the library sends it.
- Identity services, while a fake is active: `Backend.answer_identity`. A request without an answer does not leave the
  process either. Outside a fake they are not blocked, except for the metadata server if the run's credentials are those
  of a fake.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..._messages.rest_http import RestRequest, RestResponse, page_not_found
from ..identity.application_default import is_metadata_server
from ..router import Backend, router
from .destinations import METADATA, METADATA_BY_IP, IdentityService, identity_service, is_cloud_tasks

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The destination of a request: ``https``, ``cloudtasks.googleapis.com``, 443."""

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """``cloudtasks.googleapis.com:443``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        address = self.address
        if self.port == _PORTS.get(self.scheme):
            address = address.rpartition(":")[0]
        return f"{self.scheme}://{address}"


def origin_of(scheme: str, host: str, port: int | None) -> Origin:
    """Return the destination of a request, with the scheme's default port."""
    scheme = scheme.lower()
    return Origin(scheme, host.strip("[]"), port or _PORTS.get(scheme, 443))


def may_claim(origin: Origin) -> bool:
    """Return whether `claims` is true for some request to ``origin``."""
    return _is_api(origin) or _identity_service(origin) is not None


def claims(origin: Origin, path: str) -> bool:
    """Return whether a request is answered here, or blocked, and not sent by the library."""
    if _is_api(origin):
        return True
    service = _identity_service(origin)
    return service is not None and re.fullmatch(service.paths, path) is not None


def _identity_service(origin: Origin) -> IdentityService | None:
    """Return the identity service of a request to ``origin``, if a fake is active or the service is blocked."""
    if not router.is_watching:
        return None
    service = METADATA if is_metadata_server(origin.address) else identity_service(origin.host)
    return None if router.backend is None and not _is_blocked(service) else service


def _is_blocked(service: IdentityService | None) -> bool:
    """Return whether requests to ``service`` are blocked outside a fake: only those of credentials that need a fake."""
    is_metadata = service in (METADATA, METADATA_BY_IP)
    return is_metadata and router.refuse_outside is not None and router.application_default() is not None


def _is_api(origin: Origin) -> bool:
    """Return whether a request to ``origin`` is for Cloud Tasks, or for an address that the active fake redirects."""
    if is_cloud_tasks(origin.host):
        return router.is_watching
    return router.backend is not None and router.redirects(origin.address)


def answer(origin: Origin, request: RestRequest) -> RestResponse:
    """Return the response to a request that `claims` is true for.

    Raise the error of a blocked request outside a fake.
    """
    backend = _backend(origin, request)
    if not _is_api(origin):
        return _of_identity(origin, request, backend)
    from . import api_calls  # loads the API, which only a call needs

    return api_calls.answer(request, backend)


async def answer_async(origin: Origin, request: RestRequest) -> RestResponse:
    """Return the same to a coroutine, and await eager dispatches."""
    backend = _backend(origin, request)
    if not _is_api(origin):
        return _of_identity(origin, request, backend)
    from . import api_calls  # loads the API, which only a call needs

    return await api_calls.answer_async(request, backend)


def check_outside(origin: Origin, method: str, path: str) -> None:
    """Raise the error of a blocked request, if requests outside a fake are blocked."""
    router.backend_for(f"{method} {origin}{path}")


def _backend(origin: Origin, request: RestRequest) -> Backend:
    backend = router.backend_for(f"{request.method} {origin}{request.path}")
    if backend is None:
        raise ConnectionAbortedError(f"The fake ended while a request to {origin} was under way.")
    return backend


def _of_identity(origin: Origin, request: RestRequest, backend: Backend) -> RestResponse:
    service = _identity_service(origin)
    assert service is not None, "claims() was true"
    return backend.answer_identity(service, request) or page_not_found(request.path)
