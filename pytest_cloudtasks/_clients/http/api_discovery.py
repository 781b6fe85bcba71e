"""The discovery document that google-api-python-client can build its client from.

The fake answers with the copy in the installed google-api-python-client; without it there is no document. Evidence:
both addresses are documented, and the error of the service's own one is reported.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from ..._messages.errors import TEXTS
from ..._messages.rest_http import RestError, RestRequest, RestResponse

_LISTED = re.compile("/discovery/v1/apis/cloudtasks/([^/]+)/rest")


def of_service(request: RestRequest) -> RestResponse | None:
    """Return the service's own document, of v2 unless ``request`` names a version.

    Return None for a request of the API.
    """
    if request.verb != "GET" or unquote(request.path) != "/$discovery/rest":
        return None
    version = parse_qs(request.query).get("version", ["v2"])[0]
    service = "Discovery document not found for API service: cloudtasks.googleapis.com format: rest version: "
    return _document(version, service + version)


def of_directory(request: RestRequest) -> RestResponse | None:
    """Return the document of Google's directory of APIs; None for a request that is not for a document."""
    matched = _LISTED.fullmatch(unquote(request.path))
    if request.verb != "GET" or matched is None:
        return None
    return _document(matched[1], TEXTS["NOT_FOUND"])


def _document(version: str, if_missing: str) -> RestResponse:
    try:
        from googleapiclient.discovery_cache import get_static_doc  # an optional library, which only this request needs
    except ImportError:
        document = None
    else:
        document = get_static_doc("cloudtasks", version) if re.fullmatch("[a-z0-9]+", version) else None
    if document is None:
        return RestError(404, "NOT_FOUND", if_missing).response()
    return RestResponse(200, (("Content-Type", "application/json; charset=UTF-8"),), document.encode())
