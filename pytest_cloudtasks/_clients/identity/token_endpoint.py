"""Google's token endpoint, and the endpoint that exchanges the tokens of other identity providers.

Evidence: documented; the words of errors are reported.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from google.auth import jwt

from ..._messages.rest_http import RestRequest, RestResponse, json_response, page_not_found
from ..._units import SECOND
from .account import Identity
from .tokens import ACCESS_LIFETIME, CLOUD_PLATFORM, bearer, claims_of, holder_of, signed, subject_of

_TOKEN_INFO = frozenset({"/tokeninfo", "/oauth2/v1/tokeninfo", "/oauth2/v2/tokeninfo", "/oauth2/v3/tokeninfo"})
_TOKEN = frozenset({"/token", "/v1/token", "/oauth2/v3/token", "/oauth2/v4/token", "/o/oauth2/token"})
PATHS = _TOKEN | _TOKEN_INFO | {"/revoke"}
"""The endpoint's paths under its current host and that of older releases."""
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class _Rejected(Exception):
    """A request without a token: OAuth's error code and description."""


def answer(request: RestRequest, identity: Identity, now: int) -> RestResponse:
    """Return the response of ``oauth2.googleapis.com`` or ``sts.googleapis.com``."""
    form = dict(parse_qsl(f"{request.query}&{request.body.decode('utf-8', 'replace')}", keep_blank_values=True))
    if request.path == "/revoke":
        return json_response(200, {})
    if request.path not in PATHS:
        return page_not_found(request.path)
    try:
        if request.path in _TOKEN_INFO:
            document: dict[str, Any] = _info(form, now // SECOND)
        else:
            document = _granted(form, identity, now // SECOND)
    except _Rejected as rejected:
        error, description = rejected.args
        return json_response(400, {"error": error, "error_description": description})
    response = json_response(200, document)
    return response._replace(headers=(*response.headers, ("Cache-Control", "no-cache, no-store, max-age=0")))


def _info(form: dict[str, str], now: int) -> dict[str, str]:
    """Return the contents of a token as texts. Some handlers verify their tokens this way."""
    if "id_token" in form:
        return _texts_of(form["id_token"], now)
    account, scope = holder_of(form.get("access_token", ""))
    if not account:
        raise _invalid()
    subject = subject_of(account)
    return {
        "azp": subject,
        "aud": subject,
        "sub": subject,
        "scope": scope,
        "exp": str(now + ACCESS_LIFETIME),
        "expires_in": str(ACCESS_LIFETIME),
        "email": account,
        "email_verified": "true",
        "access_type": "online",
    }


def _texts_of(token: str, now: int) -> dict[str, str]:
    """Return the header and the claims of a valid ID token, each as a text."""
    try:
        claims = jwt.decode(token, verify=False)
        if signed(claims) != token or claims.get("exp", 0) < now:
            raise _invalid()
    except ValueError:
        raise _invalid() from None
    texts = {**claims, **jwt.decode_header(token)}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in texts.items()}


def _invalid() -> _Rejected:
    return _Rejected("invalid_token", "Invalid Value")


def _granted(form: dict[str, str], identity: Identity, issued_at: int) -> dict[str, Any]:
    grant = form.get("grant_type", "")
    if grant == _JWT_BEARER:
        return _for_assertion(form, issued_at)
    if grant == _EXCHANGE:
        token = bearer(identity.service_account_email, form.get("scope", ""))
        return {**token, "issued_token_type": _ACCESS_TOKEN}
    if grant in ("refresh_token", "authorization_code"):
        client, scope = form.get("client_id", ""), form.get("scope", "")
        secret = form.get("refresh_token") or form.get("code")
        if not secret:
            raise _Rejected("invalid_request", f"Missing required parameter: {grant.replace('authorization_', '')}")
        token = {**bearer(identity.service_account_email, scope), "scope": scope or CLOUD_PLATFORM}
        token["id_token"] = signed(claims_of(identity.service_account_email, client, issued_at))
        return token if grant == "refresh_token" else {**token, "refresh_token": f"1//{secret}"}
    raise _Rejected("unsupported_grant_type", f"Invalid grant_type: {grant}")


def _for_assertion(form: dict[str, str], issued_at: int) -> dict[str, Any]:
    """Return the token for a statement that a service account has signed itself."""
    try:
        claims = jwt.decode(form.get("assertion", ""), verify=False)
    except ValueError:
        raise _Rejected("invalid_grant", "Invalid JWT: it can't be read.") from None
    account = claims.get("iss") or claims.get("sub")
    if not account:
        raise _Rejected("invalid_grant", "Invalid JWT: the claim iss is missing.")
    if audience := claims.get("target_audience"):
        return {"id_token": signed(claims_of(account, audience, issued_at))}
    if not claims.get("scope"):
        raise _Rejected("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    return bearer(claims.get("sub") or account, claims["scope"])
