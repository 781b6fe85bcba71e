"""The answers of Google's identity services while a fake is active: key documents, tokens, metadata, IAM credentials.

Theory of operation. `answer` takes a request as plain data and returns a response. The HTTP interception calls it, and
`http.destinations` has the addresses. The loopback server publishes the same key documents. The fake's only key signs
every token at the fake's time, so the key documents verify all of them. Nobody is authenticated: an assertion's
signature, a refresh token and an Authorization header are accepted unchecked, because the fake has no secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from ..._messages.rest_http import RestRequest, RestResponse, json_response
from ..._units import SECOND
from ..http import api_discovery, destinations
from . import iam_credentials, metadata_server, token_endpoint
from .account import Identity
from .tokens import ISSUER, certs, jwks

KEYS_LAST = 21_600
"""Seconds for which Google allows caching its key documents, some hours. Evidence: reported."""
JWKS_URI = "https://www.googleapis.com/oauth2/v3/certs"
_SECURE_TOKEN = "https://securetoken.google.com/"
"""The issuer of Firebase's ID tokens, followed by the project."""
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
"""Paths of ``www.googleapis.com`` that publish keys: certificates (PEM) by key ID, or a JWK Set."""
_IAP_KEY_DOCUMENTS: Mapping[str, Callable[[], Any]] = {
    "/iap/verify/public_key": certs,
    "/iap/verify/public_key-jwk": jwks,
}
"""The same for ``www.gstatic.com``."""
DISCOVERY = "/.well-known/openid-configuration"


def answer(
    service: destinations.IdentityService, request: RestRequest, identity: Identity, now: int
) -> RestResponse | None:
    """Return the response of ``service`` at ``now`` (nanoseconds); None for a request that isn't for it."""
    return _ANSWERS[service](request, identity, now)


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
    """Return a public document with the headers that caches use."""
    seconds = now // SECOND
    response = json_response(200, document)
    headers = (
        *response.headers,
        ("Cache-Control", f"public, max-age={KEYS_LAST}, must-revalidate, no-transform"),
        ("Date", formatdate(seconds, usegmt=True)),
        ("Expires", formatdate(seconds + KEYS_LAST, usegmt=True)),
    )
    return response._replace(headers=headers)


def _google_apis(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    if request.path in token_endpoint.PATHS:
        return token_endpoint.answer(request, identity, now)
    if directory := api_discovery.of_directory(request):
        return directory
    return key_document(request.path, now) if request.method in ("GET", "HEAD") else None


def _accounts(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    if request.path == DISCOVERY:
        return discovery_document(JWKS_URI, now)
    if request.path in token_endpoint.PATHS:
        return token_endpoint.answer(request, identity, now)
    return None


def _secure_token(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    project, separator, _ = request.path.lstrip("/").partition(DISCOVERY)
    if not separator:
        return None
    keys = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
    return discovery_document(keys, now, f"{_SECURE_TOKEN}{project}")


def _iap(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    return _published(_IAP_KEY_DOCUMENTS, request.path, now)


_ANSWERS = {
    destinations.GOOGLE_APIS: _google_apis,
    destinations.IAP: _iap,
    destinations.ACCOUNTS: _accounts,
    destinations.SECURE_TOKEN: _secure_token,
    destinations.TOKENS: token_endpoint.answer,
    destinations.IAM_CREDENTIALS: iam_credentials.answer,
    destinations.METADATA: metadata_server.answer,
    destinations.METADATA_BY_IP: metadata_server.answer,
}
