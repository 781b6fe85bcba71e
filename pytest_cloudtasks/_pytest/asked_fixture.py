"""When a test asks for a fixture whose value is cached.

pytest has no hook for it. What is used of its inside is used here only, and was checked against pytest 8.0 to 9.2:
`FixtureDef.execute`, which gives the value, cached or not. ``tests/plugin/test_held_from_set_up.py`` fails when it
moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def tell_when_asked(fixturedef: Any, ask: Callable[[], None]) -> None:
    """Call ``ask`` now, and each time that a test or a fixture asks for this fixture, after it has its value."""
    if "execute" in vars(fixturedef):  # set up once more, by a caller that tells already
        return
    execute = fixturedef.execute

    def execute_and_tell(request: Any) -> Any:
        value = execute(request=request)
        ask()
        return value

    fixturedef.execute = execute_and_tell
    ask()
