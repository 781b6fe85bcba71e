"""JSON in bodies and files, which may be anything."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes) -> Any:
    """What ``text`` says. Raises ValueError if it is no JSON, or nested deeper than Python's reader goes."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("The body is nested too deep to be read as JSON.") from None
