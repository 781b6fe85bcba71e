"""Temporary replacements in other modules."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


class Patch:
    """Replaces attributes, and restores them."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def attribute(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute that ``owner`` itself defines."""
        original = vars(owner)[name]
        setattr(owner, name, value)
        self._undo.append(lambda: setattr(owner, name, original))

    def undo(self) -> None:
        """Restore everything, last first."""
        while self._undo:
            self._undo.pop()()


class ModuleProxy(ModuleType):
    """A proxy of a module: some functions of its own, and everything else of the real module."""

    def __init__(self, real: ModuleType, **own: Any) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(own, _real=real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)
