"""Real time, whoever holds the process's: for connections, whose other end knows nothing of it.

freezegun 1.5 keeps the functions that it replaces in ``freezegun.api``, which is not documented; time-machine has its
``escape_hatch``. ``tests/time/test_real.py`` fails when they move.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import time_machine

from .foreign import innermost_traveller


def now() -> float:
    """Seconds since 1970, as ``time.time()`` would say if nobody held it."""
    if innermost_traveller() is not None:
        return time_machine.escape_hatch.time.time()
    freezegun: Any = sys.modules.get("freezegun.api")
    return time.time() if freezegun is None else freezegun.real_time()


def monotonic() -> float:
    """``time.monotonic()``, which freezegun holds as well."""
    freezegun: Any = sys.modules.get("freezegun.api")
    return time.monotonic() if freezegun is None else freezegun.real_monotonic()
