"""Which addresses are intercepted: one table for channels of gRPC and for requests of HTTP.

Evidence: documented (the service's endpoints; Private Google Access; Private Service Connect; mutual TLS).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_CLOUD_TASKS = re.compile(
    r"""
    ([a-z0-9-]+-)?cloudtasks(\.mtls)?\.googleapis\.com          # global, and LOCATION-cloudtasks
    | cloudtasks\.[a-z0-9-]+\.rep(\.mtls)?\.googleapis\.com     # regional
    | cloudtasks-[a-z0-9-]+\.p\.googleapis\.com                 # Private Service Connect
    """,
    re.VERBOSE,
)
_RESOLVER = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*/|^(dns|ipv4|ipv6):", re.IGNORECASE)
"""What stands before the address in a target of grpc's: ``dns:///``, ``dns://8.8.8.8/``, ``ipv4:``."""


_IDENTITY = {
    r"www(\.mtls)?\.googleapis\.com": r"/oauth2/v\d/(certs|token)|/(robot|service_accounts)/v1/.*"
    r"|/identitytoolkit/v3/relyingparty/publicKeys",
    r"www\.gstatic\.com": r"/iap/verify/public_key(-jwk)?",
    r"accounts\.google\.com": r"/\.well-known/openid-configuration|/o/oauth2/token",
    r"securetoken\.google\.com": r"/[^/]+/\.well-known/openid-configuration",
    r"(oauth2|sts)(\.mtls)?\.googleapis\.com": ".*",
    r"iamcredentials(\.mtls|\.[a-z0-9-]+\.rep)?\.googleapis\.com": ".*",
    r"metadata(\.google\.internal)?|169\.254\.169\.254": ".*",
}
"""Patterns of the hosts of Google's identity services, and of the paths that are theirs."""


class Endpoint(NamedTuple):
    """A host, in lower case and without a trailing dot, and its port; None where the address names none."""

    host: str
    port: int | None


def endpoint_of(address: str) -> Endpoint:
    """Return the endpoint that ``host``, ``host:port``, ``[::1]:port`` or a target of grpc's names."""
    plain = _RESOLVER.sub("", address.strip(), count=1)
    host, colon, port = plain.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.endswith("]")):
        host, port = plain, ""
    return Endpoint(host.strip("[]").lower().removesuffix("."), int(port) if port else None)


def is_cloud_tasks(address: str) -> bool:
    """Whether ``address`` is one of Cloud Tasks', with or without a port."""
    return _CLOUD_TASKS.fullmatch(endpoint_of(address).host) is not None


def is_identity_host(host: str) -> bool:
    """Whether ``host``, which has no port, is one of Google's identity services, be it with some paths alone."""
    return _paths_of(host) is not None


def is_identity(host: str, path: str) -> bool:
    """Whether ``path`` of ``host``, which has no port, is one of Google's identity services."""
    paths = _paths_of(host)
    return paths is not None and re.fullmatch(paths, path) is not None


def _paths_of(host: str) -> str | None:
    plain = endpoint_of(host).host
    return next((paths for pattern, paths in _IDENTITY.items() if re.fullmatch(pattern, plain)), None)


def is_address(text: str) -> bool:
    """Whether ``text`` names a host, and perhaps a port, and no more."""
    host = endpoint_of(text).host
    is_name = re.fullmatch(r"[^\s/:@?#]+", host) is not None
    return (is_name or host.count(":") > 1) and not re.match(r"(?i)https?:|.*/$", text)


def is_listed(address: str, listed: Iterable[str]) -> bool:
    """Whether ``address`` is one of ``listed``; one of these without a port stands for each port of its host."""
    host, port = endpoint_of(address)
    return any(found.host == host and found.port in (None, port) for found in map(endpoint_of, listed))
