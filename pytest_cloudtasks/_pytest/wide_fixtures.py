"""Fixtures of a wider scope while they are set up, and what they must not do with the test's fake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SET_UP = re.compile(r"_(?:unittest|xunit)_(setUpClass|setup_class|setup_module)_fixture_(.+)")
"""The names of the fixtures in which pytest runs these methods."""


class WideFixtures:
    """The fixtures that are being set up, within each other."""

    def __init__(self) -> None:
        self._fixtures: list[Any] = []

    def __len__(self) -> int:
        return len(self._fixtures)

    @contextmanager
    def setting_up(self, fixturedef: Any) -> Iterator[None]:
        """Set up ``fixturedef`` within this block."""
        self._fixtures.append(fixturedef)
        try:
            yield
        finally:
            self._fixtures.pop()

    def misuse(self, change: str) -> str:
        """Return why the innermost fixture must not ``change`` the fake ("adds a queue"); "" while none is set up."""
        if not self._fixtures:
            return ""
        return (
            f"{_subject(self._fixtures[-1])} {change} in the fake of the fixture cloud_tasks. Every test has a new"
            " fake, so this would be lost after the first test. Do it in a function-scoped fixture or in the test,"
            " list queues in the ini option cloud_tasks_queues or in a marker, or open a fake for the wider scope:"
            " `with FakeCloudTasks() as cloud_tasks:`."
        )


def _subject(fixturedef: Any) -> str:
    """Return ``The module-scoped fixture 'queue'`` or ``setUpClass of ReceiptTest``."""
    set_up = _SET_UP.fullmatch(fixturedef.argname)
    if set_up is None:
        return f"The {fixturedef.scope}-scoped fixture {fixturedef.argname!r}"
    method = "setUpClass or setUpTestData" if set_up[1] == "setUpClass" else set_up[1]
    return f"{method} of {set_up[2]}"
