"""The cases recorded from the real service in 2026, as tests/data/recorded_2026 has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "recorded_2026"


@dataclass(frozen=True)
class RecordedCase:
    """One case: calls of a client, requests over REST, or a task that is delivered."""

    id: str
    title: str
    subject: str
    data: Mapping[str, Any]

    @property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """Calls and requests in their order; none for a task that is delivered."""
        steps: Sequence[Mapping[str, Any]] = self.data.get("steps", ())
        return steps

    @property
    def is_rest(self) -> bool:
        """Whether it has requests of plain HTTP."""
        return any("http" in step for step in self.steps)

    @property
    def is_delivery(self) -> bool:
        """Whether a worker receives its task."""
        return "task" in self.data

    def uses(self, placeholder: str) -> bool:
        """Whether the case has this placeholder anywhere."""
        return f"{{{placeholder}}}" in json.dumps(self.data)


def recorded_cases() -> list[RecordedCase]:
    """Return all cases, file by file."""
    found = []
    for path in sorted(DATA.glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        found += [RecordedCase(case["id"], case["title"], file["subject"], case) for case in file["cases"]]
    return found
