"""HTTP headers: names in any case, several values a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .._arguments import checked_call


def header_bytes(text: str) -> bytes:
    """Return a header's name or value as bytes: Latin-1, or UTF-8 if Latin-1 can't represent it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


class Headers(Mapping[str, str]):
    """HTTP headers: a read-only mapping with names in any case.

    ``headers["content-type"]`` is the first value of that name.
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)

    def __getitem__(self, name: str) -> str:
        for value in self.getlist(name):
            return value
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return bool(self.getlist(name))  # type: ignore[arg-type]  # of a name that is no text there are none

    def __iter__(self) -> Iterator[str]:
        seen = set()
        for key, _ in self._pairs:
            if key.lower() not in seen:
                seen.add(key.lower())
                yield key

    def __len__(self) -> int:
        return len({key.lower() for key, _ in self._pairs})

    @checked_call
    def getlist(self, name: str) -> list[str]:
        """Return all values of a header, in order.

        Args:
            name: The header's name, in any case.
        """
        wanted = name.lower() if isinstance(name, str) else None
        return [value for key, value in self._pairs if key.lower() == wanted]

    @checked_call
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return every name and value, as sent."""
        return self._pairs

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return sorted((k.lower(), v) for k, v in self._pairs) == sorted((k.lower(), v) for k, v in other._pairs)
        if isinstance(other, Mapping):
            return {k.lower(): v for k, v in self.items()} == {str(k).lower(): v for k, v in other.items()}
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({list(self._pairs)!r})"
