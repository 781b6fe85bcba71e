"""The agenda: what is to come, in order of instants."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Agenda(Generic[Key]):
    """At most one entry a key; the earliest comes first, entries of one instant by their rank.

    A changed or removed entry stays in the heap until it surfaces, and is passed over then.
    """

    __slots__ = ("_heap", "_sequence", "entries")

    def __init__(self) -> None:
        self._heap: list[tuple[int, tuple[int, ...], int, Key]] = []
        self.entries: dict[Key, tuple[int, tuple[int, ...], int, Key]] = {}
        """What is entered, for whoever asks whether anything is."""
        self._sequence = 0

    def put(self, key: Key, at: int, rank: tuple[int, ...]) -> None:
        """Enter ``key`` at ``at``, replacing its earlier entry."""
        current = self.entries.get(key)
        if current is not None and current[0] == at and current[1] == rank:
            return
        self._sequence += 1
        entry = (at, rank, self._sequence, key)
        self.entries[key] = entry
        heapq.heappush(self._heap, entry)

    def remove(self, key: Key) -> None:
        """Take ``key`` off; one that is not there is no error."""
        self.entries.pop(key, None)

    def at(self, key: Key) -> int | None:
        """The instant ``key`` is entered at."""
        entry = self.entries.get(key)
        return None if entry is None else entry[0]

    def up_to(self, at: int) -> list[Key]:
        """What is entered at ``at`` or before, in no particular order."""
        return [key for key, entry in self.entries.items() if entry[0] <= at]

    def first(self) -> tuple[int, Key] | None:
        """The earliest entry, which stays."""
        heap, current = self._heap, self.entries
        while heap:
            entry = heap[0]
            if current.get(entry[3]) is entry:
                return entry[0], entry[3]
            heapq.heappop(heap)
        return None
