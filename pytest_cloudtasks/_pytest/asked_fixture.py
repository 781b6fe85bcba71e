"""Notification when a test asks for a fixture whose value is cached.

pytest has no hook for it. Only this module uses its private part, checked against pytest 8.0 to 9.2:
`FixtureDef.execute`, which returns the value, cached or not. ``tests/plugin/test_held_from_set_up.py`` fails when it
moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def tell_when_asked(fixturedef: Any, ask: Callable[[], None]) -> None:
    """Call ``ask`` now, and each time that a test or a fixture asks for this fixture and has its value."""
    if "execute" in vars(fixturedef):  # set up again, by a caller that already notifies
        return
    execute = fixturedef.execute

    def execute_and_tell(request: Any) -> Any:
        value = execute(request=request)
        ask()
        return value

    fixturedef.execute = execute_and_tell
    ask()
