"""Tombstones: names that stay reserved after their task or queue is gone."""

from __future__ import annotations


class Tombstones:
    """Names of the recently deceased, each until its instant."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def bury(self, name: str, until: int) -> None:
        """Reserve ``name`` up to, and not including, ``until``."""
        self._until[name] = until

    def holds(self, name: str, now: int) -> bool:
        """Whether ``name`` is still reserved at ``now``."""
        until = self._until.get(name)
        if until is None:
            return False
        if now < until:
            return True
        del self._until[name]
        return False

    def shift(self, by: int) -> None:
        """Move with a clock that was set anew."""
        for name in self._until:
            self._until[name] += by
