"""The metadata server as a service on Cloud Run sees it.

Its values are a tree. A directory lists its names, and ``recursive=true`` returns everything below as JSON. Evidence:
documented; the texts of errors are reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..._messages.rest_http import RestRequest, RestResponse
from ..._units import SECOND
from .account import PROJECT_NUMBER, SCOPES, Identity
from .tokens import bearer, claims_of, signed

_ROOT = "/computeMetadata/v1"
_Query = Mapping[str, str]


def answer(request: RestRequest, identity: Identity, now: int) -> RestResponse | None:
    """Return the response to a request; None for paths of other clouds' servers at the same address."""
    path = unquote(request.path) or "/"
    if path == "/":
        return _text(200, "computeMetadata/\n")
    if path.rstrip("/") == "/computeMetadata":
        return _text(200, "v1/\n")
    if not path.startswith("/computeMetadata/"):
        return None
    if request.header("metadata-flavor") != "Google" or request.header("x-forwarded-for"):
        return _text(403, "Missing Metadata-Flavor:Google header.\n")
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    entry: Any = _tree(identity, now)
    for name in path.removeprefix(_ROOT).split("/"):
        if name:
            entry = entry.get(name) if isinstance(entry, dict) else None
        if entry is None:
            return _text(404, f"{path} was not found.\n")
    if callable(entry):
        return entry(query)  # type: ignore[no-any-return]
    is_recursive = query.get("recursive", "").lower() == "true"
    if isinstance(entry, dict) and not path.endswith("/") and not is_recursive:
        response = _text(301, f"{path}/\n")
        return response._replace(headers=(*response.headers, ("Location", f"{path}/")))
    if is_recursive or query.get("alt") == "json":
        return _json(_below(entry))
    return _text(200, _listed(entry))


def _tree(identity: Identity, now: int) -> dict[str, Any]:
    number = f"projects/{PROJECT_NUMBER}"
    account = _account(identity, now)
    return {
        "instance": {
            "id": "0" * 32,
            "region": f"{number}/regions/{identity.location}",
            "service-accounts": {identity.service_account_email: account, "default": account},
            "zone": f"{number}/zones/{identity.location}-1",
        },
        "project": {"numeric-project-id": int(PROJECT_NUMBER), "project-id": identity.project},
        "universe": {"universe-domain": "googleapis.com"},
    }


def _account(identity: Identity, now: int) -> dict[str, Any]:
    email = identity.service_account_email

    def token(query: _Query) -> RestResponse:
        return _json(bearer(email, query.get("scopes", "").replace(",", " ")))

    def identity_token(query: _Query) -> RestResponse:
        if not query.get("audience"):
            return _text(400, "non-empty audience parameter required\n")
        return _text(200, signed(claims_of(email, query["audience"], now // SECOND)))

    return {
        "aliases": ["default"],
        "email": email,
        "identity": identity_token,
        "scopes": list(SCOPES),
        "token": token,
    }


def _listed(entry: Any) -> str:
    """Return the plain text of a value: a directory's names, a list's items, or the value itself."""
    if isinstance(entry, dict):
        return "".join(f"{name}/\n" if isinstance(value, dict) else f"{name}\n" for name, value in entry.items())
    return "".join(f"{item}\n" for item in entry) if isinstance(entry, list) else str(entry)


def _below(entry: Any) -> Any:
    """Return a value as JSON: names in camel case, without values that are created for each request."""
    if not isinstance(entry, dict):
        return entry
    return {_camel(name): _below(value) for name, value in entry.items() if not callable(value)}


def _camel(name: str) -> str:
    return name if "@" in name else re.sub("-(.)", lambda match: match[1].upper(), name)


def _json(value: Any) -> RestResponse:
    return _response(200, "application/json", json.dumps(value, separators=(",", ":")))


def _text(status: int, text: str) -> RestResponse:
    return _response(status, "application/text" if status == 200 else "text/plain; charset=UTF-8", text)


def _response(status: int, content_type: str, text: str) -> RestResponse:
    headers = (
        ("Metadata-Flavor", "Google"),
        ("Server", "Metadata Server for Serverless"),
        ("Content-Type", content_type),
    )
    return RestResponse(status, headers, text.encode())
