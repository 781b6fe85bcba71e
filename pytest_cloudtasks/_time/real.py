"""Real time, even while a test holds time. Connections need it, because the other end is not held.

freezegun 1.5 keeps the functions that it replaces in ``freezegun.api``, which is not documented; time-machine has its
``escape_hatch``. ``tests/time/test_real.py`` fails when they move.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from .external import innermost_hold


def now() -> float:
    """Return the real ``time.time()``: seconds since 1970."""
    if innermost_hold() is not None:
        import time_machine  # whoever holds time has imported it

        return time_machine.escape_hatch.time.time()
    freezegun: Any = sys.modules.get("freezegun.api")
    return time.time() if freezegun is None else freezegun.real_time()


def monotonic() -> float:
    """Return the real ``time.monotonic()``, which freezegun holds as well."""
    freezegun: Any = sys.modules.get("freezegun.api")
    return time.monotonic() if freezegun is None else freezegun.real_monotonic()
