"""Bodies that were passed as text: Google's client decodes a text as Base64 into other bytes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from .._messages.json_text import read_json
from .._service.request import AppEngineTarget, HttpTarget
from .._text import safe_repr

ADVICE = "Google's client decodes a text body as Base64. Pass bytes, such as json.dumps(…).encode()."
_JSON = re.compile(r"application/json|[^;]*\+json", re.IGNORECASE)
_TEXT = re.compile(r"text/|application/(?:xml|x-www-form-urlencoded)|[^;]*\+xml", re.IGNORECASE)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def is_json(body: bytes) -> bool:
    """Return whether ``body`` is a JSON value."""
    try:
        read_json(body)
    except ValueError:
        return False
    return True


def unlike_its_type(target: HttpTarget | AppEngineTarget) -> str:
    """Return what is wrong with a body that its Content-Type doesn't describe; "" if nothing is."""
    if not target.body:
        return ""
    kind = next((value for name, value in target.headers if name.lower() == "content-type"), "")
    if _JSON.match(kind):
        problem = "" if is_json(target.body) else "is no JSON"
    elif _TEXT.match(kind):
        problem = "" if _is_text(target.body) else "is no text"
    else:
        problem = ""
    return f"{problem}, though its Content-Type is {kind}: {safe_repr(target.body)}" if problem else ""


def is_decoded(expected: Any, body: bytes) -> bool:
    """Return whether ``body`` is Google's client's decoding of the text, or of the JSON text, of ``expected``."""
    try:
        text = expected if isinstance(expected, str) else json.dumps(expected)
        return bool(body) and _as_base64(text) == body
    except (ValueError, TypeError, RecursionError):
        return False


def _as_base64(text: str) -> bytes:
    """Decode as proto-plus decodes a text for bytes. Other characters than those of Base64 are ignored."""
    encoded = text.encode()
    return base64.urlsafe_b64decode(encoded + b"=" * (4 - len(encoded) % 4))


def is_refused(error: BaseException) -> bool:
    """Return whether ``error`` is Google's client's for a text that isn't Base64."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if trace.tb_frame.f_globals.get("__name__") == "proto.marshal.rules.bytes":
            break
        trace = trace.tb_next
    module = None if trace is None else trace.tb_frame.f_globals.get("__name__")
    return isinstance(error, binascii.Error) and module == "proto.marshal.rules.bytes"


def _is_text(body: bytes) -> bool:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(text)
