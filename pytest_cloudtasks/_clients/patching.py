"""Replacing things for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Patch:
    """What was replaced, and how it was before."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def item(self, mapping: Any, key: str, value: object) -> None:
        """Replace ``mapping[key]``."""
        before = mapping[key]
        mapping[key] = value
        self._undo.append(lambda: mapping.__setitem__(key, before))

    def attribute(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute that ``owner`` itself defines."""
        before = vars(owner)[name]
        setattr(owner, name, value)
        self._undo.append(lambda: setattr(owner, name, before))

    def addition(self, owner: Any, name: str, value: object) -> None:
        """Give ``owner`` an attribute that it may not define."""
        if name in vars(owner):
            self.attribute(owner, name, value)
            return
        setattr(owner, name, value)
        self._undo.append(lambda: delattr(owner, name))

    def undo(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            self._undo.pop()()
