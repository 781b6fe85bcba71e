"""CMEK configs: the customer's key for a project's location, which the fake keeps and encrypts nothing with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import errors

_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")
_FIELDS = frozenset({"name", "kms_key"})


class CmekConfigs:
    """The key's name for each config that was ever set."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def get(self, name: str) -> str:
        """GetCmekConfig: the key, blank where none was set. Evidence: documented (blank is off)."""
        return self._keys.get(name, "")

    def update(self, name: str, kms_key: str, mask: Iterable[str]) -> str:
        """UpdateCmekConfig: gives the key that is set then. A mask that names the name alone changes nothing.

        Evidence: documented; what is refused is our choice.
        """
        paths = list(mask)
        self.get(name)
        for path in paths:
            if path not in _FIELDS:
                raise errors.CMEK_MASK_UNKNOWN_FIELD.error(path=path)
        if not paths or "kms_key" in paths:
            if kms_key and not _KEY.fullmatch(kms_key):
                raise errors.CMEK_KEY_FORMAT.error()
            self._keys[name] = kms_key
        return self.get(name)
