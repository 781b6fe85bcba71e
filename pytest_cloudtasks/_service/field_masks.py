"""Field masks: what an update takes from its request.

Messages are mappings of the fields that are set, nested as in the API. They merge as protobuf's own utilities merge
them: a field that the mask names becomes as it is in the request, and is unset if the request lacks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Fields = Mapping[str, Any]

_EXCLUDED_BY = {"oauth_token": "oidc_token", "oidc_token": "oauth_token"}
"""The oneof of an HttpTarget: setting one of them unsets the other."""


def merged(stored: Fields, given: Fields, path: str) -> dict[str, Any]:
    """Return ``stored`` with the field at ``path`` as ``given`` has it.

    A message that neither of them has isn't created for a path below it.
    """
    head, _, rest = path.partition(".")
    result = dict(stored)
    if not rest:
        result.pop(head, None)
        if head in given:
            result[head] = given[head]
    elif head in stored or head in given:
        result[head] = merged(stored.get(head, {}), given.get(head, {}), rest)
    if head in result and head in _EXCLUDED_BY:
        result.pop(_EXCLUDED_BY[head], None)
    return result
