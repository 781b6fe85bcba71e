"""Long texts and bodies that a failing example can show: as ``'a' * 81912``, not as 80 KB of it."""

from __future__ import annotations


class LongText(str):
    """One character, over and over."""

    __slots__ = ()

    def __new__(cls, one: str, length: int) -> LongText:
        """``length`` times ``one``."""
        return super().__new__(cls, one * length)

    def __repr__(self) -> str:
        return f"{self[:1]!r} * {len(self)}"


class LongBytes(bytes):
    """A body of zeros, as digits."""

    __slots__ = ()

    def __new__(cls, length: int) -> LongBytes:
        """``length`` times the digit 0."""
        return super().__new__(cls, b"0" * length)

    def __repr__(self) -> str:
        return f"b'0' * {len(self)}"
