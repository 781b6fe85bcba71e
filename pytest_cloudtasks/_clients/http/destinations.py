"""The intercepted addresses: one table for gRPC channels and HTTP requests.

Evidence: documented (the service's endpoints; Private Google Access; Private Service Connect; mutual TLS).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# The patterns are compiled on their first use, because most test runs that have the plugin installed need none.
_CLOUD_TASKS = r"""(?x)
    ([a-z0-9-]+-)?cloudtasks(\.mtls)?\.googleapis\.com          # global, and LOCATION-cloudtasks
    | cloudtasks\.[a-z0-9-]+\.rep(\.mtls)?\.googleapis\.com     # regional
    | cloudtasks-[a-z0-9-]+\.p\.googleapis\.com                 # Private Service Connect
    """
_RESOLVER = r"(?i)^[a-z][a-z0-9+.-]*://[^/]*/|^(dns|ipv4|ipv6):"
"""The prefix of the address in a grpc target: ``dns:///``, ``dns://8.8.8.8/``, ``ipv4:``."""


class IdentityService(NamedTuple):
    """One of Google's identity services: patterns of its hosts and paths."""

    hosts: str
    paths: str = ".*"


GOOGLE_APIS = IdentityService(
    r"www(\.mtls)?\.googleapis\.com",
    r"/oauth2/v\d/(certs|token|tokeninfo)|/(robot|service_accounts)/v1/.*"
    r"|/identitytoolkit/v3/relyingparty/publicKeys"
    r"|/discovery/v1/apis/cloudtasks/[^/]+/rest",
)
"""This host also serves a directory of APIs, which has the document of Cloud Tasks."""
IAP = IdentityService(r"www\.gstatic\.com", r"/iap/verify/public_key(-jwk)?")
ACCOUNTS = IdentityService(r"accounts\.google\.com", r"/\.well-known/openid-configuration|/o/oauth2/token")
SECURE_TOKEN = IdentityService(r"securetoken\.google\.com", r"/[^/]+/\.well-known/openid-configuration")
TOKENS = IdentityService(r"(oauth2|sts)(\.mtls)?\.googleapis\.com")
IAM_CREDENTIALS = IdentityService(r"iamcredentials(\.mtls|\.[a-z0-9-]+\.rep)?\.googleapis\.com")
METADATA = IdentityService(r"metadata(\.google\.internal)?")
METADATA_BY_IP = IdentityService(r"169\.254\.169\.254|fd20:ce::254", r"/?|/computeMetadata(/.*)?")
"""The metadata server by IP; other clouds use one of these addresses, too."""
_IDENTITY_SERVICES = (GOOGLE_APIS, IAP, ACCOUNTS, SECURE_TOKEN, TOKENS, IAM_CREDENTIALS, METADATA, METADATA_BY_IP)


class Endpoint(NamedTuple):
    """A host, in lower case and without a trailing dot, and its port, or None if the address has none."""

    host: str
    port: int | None


def endpoint_of(address: str) -> Endpoint:
    """Return the endpoint of ``host``, ``host:port``, ``[::1]:port`` or a grpc target."""
    plain = re.sub(_RESOLVER, "", address.strip(), count=1)
    host, colon, port = plain.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and not host.endswith("]")):
        host, port = plain, ""
    return Endpoint(host.strip("[]").lower().removesuffix("."), int(port) if port else None)


def is_cloud_tasks(address: str) -> bool:
    """Return whether ``address`` is one of Cloud Tasks, with or without a port."""
    return re.fullmatch(_CLOUD_TASKS, endpoint_of(address).host) is not None


def identity_service(host: str) -> IdentityService | None:
    """Return the identity service at ``host`` (without a port), even if only some paths are its own."""
    plain = endpoint_of(host).host
    return next((service for service in _IDENTITY_SERVICES if re.fullmatch(service.hosts, plain)), None)


def is_address(text: str) -> bool:
    """Return whether ``text`` is only a host, with or without a port."""
    host = endpoint_of(text).host
    is_name = re.fullmatch(r"[^\s/:@?#]+", host) is not None
    return (is_name or host.count(":") > 1) and not re.match(r"(?i)https?:|.*/$", text)


def is_listed(address: str, listed: Iterable[str]) -> bool:
    """Return whether ``address`` is in ``listed``. A listed address without a port means each port of its host."""
    host, port = endpoint_of(address)
    return any(endpoint.host == host and endpoint.port in (None, port) for endpoint in map(endpoint_of, listed))
