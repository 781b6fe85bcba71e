"""CMEK configs: the customer's key for a project's location, which the fake keeps and encrypts nothing with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from . import errors
from . import resource_names as names
from .queue import Queue
from .units import DAY

LONGEST_TASK_TTL = 60 * DAY
"""How long tasks may be kept at the most in a location whose tasks are encrypted with a key."""
_KMS_NAME = re.compile(
    r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+"
    r"(?P<key>/cryptoKeys/[^/]+(?P<version>/cryptoKeyVersions/[^/]+)?)?"
)
_FIELDS = frozenset({"name", "kms_key"})


class CmekConfigs:
    """The key's name for each config that was ever set."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def get(self, name: str) -> str:
        """GetCmekConfig: return the key, blank where none was set."""
        return self._keys.get(name, "")

    def update(self, queues: Iterable[Queue], name: str, kms_key: str, mask: Iterable[str]) -> str:
        """UpdateCmekConfig: return the key that is set then. A mask that names the name alone changes nothing.

        Args:
            queues: All queues; those of the config's location can forbid a key.
            name: The config's full name.
            kms_key: The key's full name; blank for none.
            mask: The paths of the mask; none for all fields.
        """
        paths = list(mask)
        for path in paths:
            if path not in _FIELDS:
                raise errors.MASK_UNKNOWN_FIELD.error(path=path)
        if not paths or "kms_key" in paths:
            if kms_key:
                location = name.rpartition("/")[0]
                _check_queues(queues, location)
                _check_key(kms_key, location)
            self._keys[name] = kms_key
        return self.get(name)


def _check_queues(queues: Iterable[Queue], location: str) -> None:
    for queue in queues:
        config = queue.config
        has_headers = bool((config.http_target or {}).get("header_overrides"))
        if names.location_of(queue.name) == location and (has_headers or config.task_ttl > LONGEST_TASK_TTL):
            raise errors.CMEK_UNSATISFIED.error()


def _check_key(name: str, location: str) -> None:
    match = _KMS_NAME.fullmatch(name)
    if match is None:
        raise errors.CMEK_KEY_FORMAT.error(name=name)
    if match["key"] is None or match["version"] is not None:
        raise errors.ARGUMENT_INVALID.error()
    if match["location"] != names.short(location):
        raise errors.ENTITY_MISSING.error()
