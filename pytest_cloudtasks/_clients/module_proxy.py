"""A stand-in for a module that somebody else's module has imported."""

from __future__ import annotations

from types import ModuleType
from typing import Any


class StandIn(ModuleType):
    """A module with some functions of its own; everything else is the real module's."""

    def __init__(self, real: ModuleType, **own: Any) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(own, _real=real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)
