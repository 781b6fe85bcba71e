"""Replacing things of other modules for a while."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
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

    def undo(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            self._undo.pop()()


class ModuleProxy(ModuleType):
    """A module with some functions of its own; everything else is the real module's."""

    def __init__(self, real: ModuleType, **own: Any) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(own, _real=real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)
