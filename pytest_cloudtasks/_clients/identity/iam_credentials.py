"""The IAM Service Account Credentials API: tokens and signatures of any service account.

Evidence: documented; the words of errors are reported.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

from ..._messages.rest_http import RestError, RestRequest, RestResponse, json_response, page_not_found
from ..._units import SECOND
from .account import Identity
from .signing_key import KEY_ID
from .tokens import access_token, claims_of, signature, signed

_PATH = re.compile(r"/v1/projects/[^/]+/serviceAccounts/(?P<account>[^/:]+)(?P<method>[:/]\w+)")
LONGEST_LIFETIME = 43_200
"""The maximum lifetime of an access token, in seconds."""
_SECONDS = re.compile(r"(\d+)(?:\.\d+)?s")


def answer(request: RestRequest, identity: Identity, now: int) -> RestResponse:
    """Return the response of ``iamcredentials.googleapis.com``."""
    match = _PATH.fullmatch(unquote(request.path))
    method = None if match is None else _METHODS.get((request.method, match["method"]))
    if match is None or method is None:
        return page_not_found(request.path)
    try:
        return json_response(200, method(match["account"], _body_of(request), now // SECOND))
    except RestError as error:
        return error.response()


def _body_of(request: RestRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise _invalid("Invalid JSON payload received.") from None
    if not isinstance(body, dict):
        raise _invalid("Invalid JSON payload received.")
    return body


def _access_token(account: str, body: dict[str, Any], now: int) -> dict[str, str]:
    scopes = body.get("scope")
    if not scopes:
        raise _invalid("Scope required.")
    lifetime = _SECONDS.fullmatch(str(body.get("lifetime") or "3600s"))
    if lifetime is None or int(lifetime[1]) > LONGEST_LIFETIME:
        raise _invalid("Invalid value at 'lifetime'.")
    expires = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=now + int(lifetime[1]))
    scope = scopes if isinstance(scopes, str) else " ".join(scopes)
    return {"accessToken": access_token(account, scope), "expireTime": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _id_token(account: str, body: dict[str, Any], now: int) -> dict[str, str]:
    if not body.get("audience"):
        raise _invalid("Audience required.")
    claims = claims_of(account, body["audience"], now)
    if _is_true(body.get("useEmailAzp")):
        claims["azp"] = account
    if not _is_true(body.get("includeEmail")):
        del claims["email"], claims["email_verified"]
    return {"token": signed(claims)}


def _signed_jwt(account: str, body: dict[str, Any], now: int) -> dict[str, str]:
    try:
        claims = json.loads(body.get("payload") or "")
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise _invalid("The payload is no JSON object of claims.")
    return {"keyId": KEY_ID, "signedJwt": signed(claims)}


def _signed_blob(account: str, body: dict[str, Any], now: int) -> dict[str, str]:
    try:
        payload = base64.b64decode(body.get("payload") or "", validate=True)
    except ValueError:
        raise _invalid("Invalid value at 'payload' (TYPE_BYTES).") from None
    return {"keyId": KEY_ID, "signedBlob": base64.b64encode(signature(payload)).decode()}


def _allowed_locations(account: str, body: dict[str, Any], now: int) -> dict[str, Any]:
    """Return that no boundary is set, which newer releases of google-auth ask for."""
    return {"locations": [], "encodedLocations": "0x0"}


_METHODS = {
    ("POST", ":generateAccessToken"): _access_token,
    ("POST", ":generateIdToken"): _id_token,
    ("POST", ":signJwt"): _signed_jwt,
    ("POST", ":signBlob"): _signed_blob,
    ("GET", "/allowedLocations"): _allowed_locations,
}


def _is_true(value: object) -> bool:
    """Return whether a JSON field is true. google-auth also writes it as a text."""
    return value is True or value == "true"


def _invalid(message: str) -> RestError:
    return RestError(400, "INVALID_ARGUMENT", message)
