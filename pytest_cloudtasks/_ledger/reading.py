"""Entries of the ledger, from its data files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


class Evidence(Enum):
    """The kinds of evidence, the strongest first."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    REPORTED = "reported"
    INFERRED = "inferred"
    OUR_CHOICE = "our choice"


@dataclass(frozen=True)
class Case:
    """Calls and deliveries in order, with expected results. The tests define how they are played."""

    id: str
    steps: Sequence[Mapping[str, Any]]
    service: Mapping[str, Any] = field(default_factory=dict)
    """Options of the modelled service."""
    needs: str | None = None
    """A field that an older client lacks, which the case needs: ``Task.retry_config``."""
    over: Sequence[str] = ("grpc", "rest", "grpc_asyncio")
    """The transports that can play it."""
    version: str = "v2"
    """The API version that plays it."""
    only_here: str | None = None
    """Why no other endpoint plays it."""
    recordings: Sequence[str] = ()
    """The recorded exchanges that it repeats."""


@dataclass(frozen=True)
class Entry:
    """One behaviour of the service."""

    id: str
    subject: str
    """Its chapter."""
    behaviour: str
    """A sentence, or a call and a request to it: ``CreateQueue: the queue ID has more than 100 characters``."""
    evidence: Evidence
    source: str
    option: str | None = None
    """The option that changes it."""
    answer: str | None = None
    """The code that the request gets, if no case of the ledger has it."""
    row: int | None = None
    """Its number in the table of errors."""
    words_are_ours: bool = False
    """Whether only the error's code is known, and the text is ours."""
    cases: Sequence[Case] = ()
    not_modelled: str | None = None
    """Why it has no case."""
    recordings: Sequence[str] = ()
    """The recorded exchanges without a case."""
    recorded: Sequence[str] = ()
    """The recorded cases of 2026 that show it. The project's tests play them, so they need no case here."""
    tests: str | None = None
    """The project's tests that show it, if no client of Cloud Tasks can."""

    @property
    def is_sentence(self) -> bool:
        """Whether the behaviour is a sentence, rather than a request and its answer."""
        return self.behaviour.endswith(".")

    @property
    def is_proven(self) -> bool:
        """Whether a case, a recorded case or a test shows the behaviour."""
        return bool(self.cases or self.recorded or self.tests)


@dataclass(frozen=True)
class Chapter:
    """The entries on one subject, in the order of the page."""

    subject: str
    entries: Sequence[Entry]


@dataclass(frozen=True)
class RecordedException:
    """Recorded cases that can't hold in some of the ways in which the tests play them."""

    reason: str
    ways: Sequence[str]
    cases: Mapping[str, Sequence[int]]
    """The numbers of the steps by the case's ID; without numbers the whole case is left out."""


def recorded_exceptions() -> list[RecordedException]:
    """Return what can't hold, and why."""
    data = json.loads((_DATA / "recorded_exceptions.json").read_text(encoding="utf-8"))
    return [RecordedException(**fields) for fields in data]


@dataclass(frozen=True)
class OpenQuestion:
    """A question that no source settles."""

    question: str
    entry: str | None
    """The entry that says what the fake does, if there is one."""
    settle: str
    """How a user with a project could settle it."""


def open_questions() -> list[OpenQuestion]:
    """Return what no source settles."""
    data = json.loads((_DATA / "open_questions.json").read_text(encoding="utf-8"))
    return [OpenQuestion(**fields) for fields in data]


@dataclass(frozen=True)
class Source:
    """A source of evidence."""

    name: str
    meaning: str
    url: str
    """Its address; empty for many places."""


@cache
def sources() -> Mapping[str, Source]:
    """Return the sources by the letter that an entry's source names."""
    data = json.loads((_DATA / "sources.json").read_text(encoding="utf-8"))
    return {letter: Source(**fields) for letter, fields in data.items()}


def chapters() -> list[Chapter]:
    """Return the whole ledger."""
    return [_chapter(path) for path in sorted(_DATA.glob("[0-9]*.json"))]


def entries() -> list[Entry]:
    """Return all entries of all chapters."""
    return [entry for chapter in chapters() for entry in chapter.entries]


def _chapter(path: Path) -> Chapter:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Chapter(data["subject"], [_entry(data["subject"], entry) for entry in data["entries"]])


def _entry(subject: str, data: Mapping[str, Any]) -> Entry:
    cases = [Case(**{**case, "id": f"{data['id']}/{case['id']}"}) for case in data.get("cases", ())]
    plain = {key: value for key, value in data.items() if key not in ("cases", "evidence")}
    return Entry(subject=subject, evidence=Evidence(data["evidence"]), cases=cases, **plain)
