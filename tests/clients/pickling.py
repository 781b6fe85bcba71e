"""Texts of pickle's errors, for several test modules."""

from __future__ import annotations

import re


def without_addresses(error: BaseException) -> str:
    """Return the error's text without the addresses of objects in memory, which Python 3.14 shows."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(error))
