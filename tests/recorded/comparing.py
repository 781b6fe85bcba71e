"""Placeholders of the recordings, and what differs from them.

A case has `{project}`, `{tomorrow}` and others in place of what was the recorder's own. The player knows their values.
`{any}` stands for any text or number, `{digits}` for digits. Any other word in braces is itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+(?::[a-z]+)?)\}")
_PATTERNS = {"any": ".+", "digits": "[0-9]+"}


def filled(data: Any, places: Mapping[str, Any]) -> Any:
    """Return data with the values of its placeholders; one that is all of a text becomes its value as it is."""
    if isinstance(data, Mapping):
        return {filled(key, places): filled(value, places) for key, value in data.items()}
    if isinstance(data, list):
        return [filled(one, places) for one in data]
    if not isinstance(data, str):
        return data
    whole = _PLACEHOLDER.fullmatch(data)
    if whole and whole[1] in places:
        return places[whole[1]]
    return _PLACEHOLDER.sub(lambda match: str(places.get(match[1], match[0])), data)


def differences(recorded: Any, seen: Any, at: str = "") -> Iterator[str]:
    """Say each place where what was seen is not as recorded; the recorded data is filled already."""
    if isinstance(recorded, Mapping) and isinstance(seen, Mapping):
        for key in recorded:
            if key in seen:
                yield from differences(recorded[key], seen[key], f"{at}.{key}")
            else:
                yield f"{at}.{key} is missing; recorded is {recorded[key]!r}"
        for key in seen:
            if key not in recorded:
                yield f"{at}.{key} is {seen[key]!r}; recorded is none"
    elif isinstance(recorded, list) and isinstance(seen, list) and len(recorded) == len(seen):
        for index, (one, other) in enumerate(zip(recorded, seen, strict=True)):
            yield from differences(one, other, f"{at}[{index}]")
    elif not _is_as(recorded, seen):
        yield f"{at} is {seen!r}; recorded is {recorded!r}"


def _is_as(recorded: Any, seen: Any) -> bool:
    if isinstance(recorded, str) and isinstance(seen, (str, int)):
        parts = re.split(r"\{(any|digits)\}", recorded)
        if len(parts) > 1:
            pattern = "".join(_PATTERNS[part] if i % 2 else re.escape(part) for i, part in enumerate(parts))
            return re.fullmatch(pattern, str(seen), re.DOTALL) is not None
    return (type(recorded) is type(seen) and bool(recorded == seen)) or _are_equal_numbers(recorded, seen)


def _are_equal_numbers(recorded: Any, seen: Any) -> bool:
    """JSON doesn't distinguish 500 and 500.0; booleans aren't numbers."""
    pair = (recorded, seen)
    return all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in pair) and bool(recorded == seen)
