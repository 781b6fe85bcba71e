"""The REST form of the RPCs: verb and path, and errors as HTTP responses carry them."""

from __future__ import annotations

import io
import json
from typing import Any

from .._messages.grpc_errors import InProcessRpcError, status_code_of, status_details
from .._messages.proto import raw
from .._messages.rest_http import HTTP_RULES


def verb_and_path(api: str, rpc: str, request: Any) -> tuple[str, str]:
    """How the REST transport would ask: ``("POST", "/v2/projects/…/tasks")``.

    Raises ValueError, as that transport does, for a name that fits no path.
    """
    from google.api_core import path_template

    verb, template = HTTP_RULES[rpc]
    option = {"method": verb, "uri": f"/{api.rpartition('.')[2]}/{template}"}
    return verb.upper(), path_template.transcode([option], message=raw(request))["uri"]


def http_error(error: InProcessRpcError, verb: str, url: str) -> Exception:
    """Google's exception for an HTTP response that carries ``error`` in Google's JSON form."""
    import requests
    from google.api_core import exceptions

    code = status_code_of(error)
    status: dict[str, Any] = {"code": code, "message": error.details(), "status": error.code().name}
    details = status_details(error)
    if details:
        status["details"] = details
    response = requests.Response()
    response.status_code = code
    response.raw = io.BytesIO(json.dumps({"error": status}).encode())
    response.request = requests.Request(verb, url).prepare()
    return exceptions.from_http_response(response)  # type: ignore[no-any-return]
