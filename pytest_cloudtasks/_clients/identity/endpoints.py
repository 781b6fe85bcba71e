"""What Google's identity services answer while a fake is active: key documents, tokens, metadata, IAM credentials.

Theory of operation. `answer` takes a request as plain data and gives a response, or None for what isn't one of these
services; the HTTP interception and the loopback server both call it. Every token is signed by the fake's one key, at
the fake's time, so the key documents verify all of them. Nobody is authenticated: an assertion's signature, a refresh
token and an Authorization header are taken as they come, as no secret of theirs is known here.

Addresses that serve other things, too (``www.googleapis.com``, ``169.254.169.254``), are answered by path; their other
paths get None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from ..._messages.rest_http import RestRequest, RestResponse, json_response
from ..._units import SECOND
from . import iam_credentials, metadata_server, token_endpoint
from .account import Identity
from .tokens import ISSUER, certs, jwks

KEYS_LAST = 21_600
"""Seconds for which Google allows its key documents to be cached; they last some hours. Evidence: reported."""
JWKS_URI = "https://www.googleapis.com/oauth2/v3/certs"
_SECURE_TOKEN = "https://securetoken.google.com/"
"""The issuer of Firebase's ID tokens is this and the project."""
_EMAIL = "[^/]+"
_KEY_DOCUMENTS: Mapping[str, Callable[[], Any]] = {
    "/oauth2/v1/certs": certs,
    "/oauth2/v2/certs": jwks,
    "/oauth2/v3/certs": jwks,
    f"/robot/v1/metadata/x509/{_EMAIL}": certs,
    f"/robot/v1/metadata/jwk/{_EMAIL}": jwks,
    f"/service_accounts/v1/metadata/x509/{_EMAIL}": certs,
    f"/service_accounts/v1/metadata/jwk/{_EMAIL}": jwks,
    f"/service_accounts/v1/jwk/{_EMAIL}": jwks,
    "/identitytoolkit/v3/relyingparty/publicKeys": certs,
}
"""Patterns of paths of ``www.googleapis.com`` that publish keys: certificates (PEM) by key ID, or a JWK Set."""
_IAP_KEY_DOCUMENTS: Mapping[str, Callable[[], Any]] = {
    "/iap/verify/public_key": certs,
    "/iap/verify/public_key-jwk": jwks,
}
"""The same of ``www.gstatic.com``."""
DISCOVERY = "/.well-known/openid-configuration"


def answer(host: str, request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    """Return the response to a request for ``host`` (in lower case, without a port) at ``now``; None if it isn't ours.

    ``now`` is in nanoseconds since 1970.
    """
    for pattern, service in _SERVICES:
        if pattern.fullmatch(host):
            return service(request, identity, now)
    return None


def key_document(path: str, now: int) -> RestResponse | None:
    """Return the keys that ``www.googleapis.com`` publishes at ``path``; None for another path."""
    return _published(_KEY_DOCUMENTS, path, now)


def discovery_document(jwks_uri: str, now: int, issuer: str = ISSUER) -> RestResponse:
    """Return the OpenID Connect document of an issuer whose keys are at ``jwks_uri``."""
    document = {
        "issuer": issuer,
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_endpoint": "https://oauth2.googleapis.com/token",
        "jwks_uri": jwks_uri,
        "response_types_supported": ["code", "token", "id_token", "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"],
    }
    return _cacheable(document, now)


def _published(documents: Mapping[str, Callable[[], Any]], path: str, now: int) -> RestResponse | None:
    for pattern, document in documents.items():
        if re.fullmatch(pattern, path):
            return _cacheable(document(), now)
    return None


def _cacheable(document: Any, now: int) -> RestResponse:
    """Return a public document with the headers by which caches keep it."""
    seconds = now // SECOND
    response = json_response(200, document)
    headers = (
        *response.headers,
        ("Cache-Control", f"public, max-age={KEYS_LAST}, must-revalidate, no-transform"),
        ("Date", formatdate(seconds, usegmt=True)),
        ("Expires", formatdate(seconds + KEYS_LAST, usegmt=True)),
    )
    return response._replace(headers=headers)


def _googleapis(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    if request.method in ("GET", "HEAD"):
        return key_document(request.path, now)
    if request.method == "POST" and request.path in token_endpoint.OLDER_PATHS:
        return token_endpoint.answer(request, identity, now)
    return None


def _accounts(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    if request.path == DISCOVERY:
        return discovery_document(JWKS_URI, now)
    if request.method == "POST" and request.path == "/o/oauth2/token":
        return token_endpoint.answer(request, identity, now)
    return None


def _secure_token(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    project, found, _ = request.path.lstrip("/").partition(DISCOVERY)
    if not found:
        return None
    keys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
    return discovery_document(keys, now, f"{_SECURE_TOKEN}{project}")


def _gstatic(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    return _published(_IAP_KEY_DOCUMENTS, request.path, now)


_SERVICES = tuple(
    (re.compile(pattern), service)
    for pattern, service in (
        (r"www(\.mtls)?\.googleapis\.com", _googleapis),
        (r"oauth2(\.mtls)?\.googleapis\.com", token_endpoint.answer),
        (r"sts(\.mtls)?\.googleapis\.com", token_endpoint.answer),
        (r"iamcredentials(\.mtls|\.[a-z0-9-]+\.rep)?\.googleapis\.com", iam_credentials.answer),
        (r"accounts\.google\.com", _accounts),
        (r"securetoken\.google\.com", _secure_token),
        (r"www\.gstatic\.com", _gstatic),
        (r"metadata(\.google\.internal)?|169\.254\.169\.254", metadata_server.answer),
    )
)
"""Patterns of hosts, and what answers for them."""
