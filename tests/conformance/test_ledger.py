"""The ledger holds together: evidence, recordings, options, rows, and cases that can fail."""

from __future__ import annotations

import re
from collections import Counter
from operator import attrgetter
from pathlib import Path

import pytest_cloudtasks
from pytest_cloudtasks._ledger.reading import (
    Entry,
    Evidence,
    OpenQuestion,
    chapters,
    entries,
    open_questions,
    sources,
)
from pytest_cloudtasks._service.options import ServiceOptions
from tests.each import each

from .recordings import RECORDINGS, SOURCES, disagreements

ENTRIES = entries()
CASES = [case for entry in ENTRIES for case in entry.cases]
RECORDED = [(case, name) for case in CASES for name in case.recordings]
ROWS = 145
"""Rows of the table of errors that the ledger has taken over: pairs of an operation and a bad input."""


def test_every_recording_has_an_entry() -> None:
    """A recorded exchange is repeated by a case, or an entry says why it is not modelled."""
    named = {name for one in (*CASES, *ENTRIES) for name in one.recordings}
    assert RECORDINGS.keys() - named == set()


def test_a_case_expects_what_was_recorded() -> None:
    """Request, code, text, details, fields and headers are those of the recording that the case names."""
    found = {f"{case.id}, {name}": disagreements(case, RECORDINGS[name]) for case, name in RECORDED}
    assert {one: differing for one, differing in found.items() if differing} == {}


def test_a_recording_says_where_it_is_from() -> None:
    """A reader can find the source of a recorded value."""
    for recording in RECORDINGS.values():
        source = SOURCES[recording["source"]]
        assert source["kind"] in ("recorded", "reported")
        if source["kind"] == "recorded":
            assert source["repository"].startswith("https://github.com/")
            assert re.fullmatch(r"[0-9a-f]{10,40}", source["commit"])
            assert source["path"]
            assert source["recorded"]
        else:
            assert recording.get("where") or source["where"]


@each("entry", [one for one in ENTRIES if one.is_proven], ids=attrgetter("id"))
def test_what_is_called_recorded_is_recorded(entry: Entry) -> None:
    """Evidence that is said to be recorded is there as data, or its source names a section on the recordings."""
    if entry.evidence is Evidence.RECORDED:
        is_in_a_section = re.search(r"\bR §\d", entry.source) is not None
        assert entry.recorded or is_in_a_section or any(case.recordings for case in entry.cases)
    else:
        assert not entry.recorded


@each("entry", [one for one in ENTRIES if one.recorded], ids=attrgetter("id"))
def test_recorded_cases_are_named_by_their_ids(entry: Entry) -> None:
    """An entry names each recorded case once, in order, and its source is the recordings of 2026."""
    assert list(entry.recorded) == sorted(set(entry.recorded))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*-\d\d", name) for name in entry.recorded)
    assert re.search(r"\bR\b", entry.source)


@each("entry", ENTRIES, ids=attrgetter("id"))
def test_an_entry_is_whole(entry: Entry) -> None:
    """It has cases, or a reason why it has none, and a source whose letter is explained."""
    assert entry.is_proven != bool(entry.not_modelled)
    assert entry.is_sentence or ": " in entry.behaviour
    letters = re.findall(r"\b[A-Z]\b", entry.source)
    assert set(letters) <= set(sources()), entry.source
    assert all("expect" in case.steps[-1] for case in entry.cases)
    assert entry.tests is None or (Path(__file__).parents[2] / entry.tests).is_file()


@each("question", open_questions(), ids=attrgetter("question"))
def test_an_open_question_is_not_answered_by_its_entry(question: OpenQuestion) -> None:
    """What the fake does about it is an entry of the ledger, if one is named; the sentence says how to settle it."""
    assert question.entry is None or question.entry in {entry.id for entry in ENTRIES}
    assert question.settle.endswith(".")
    assert not question.question.endswith(".")


def test_nothing_is_there_twice() -> None:
    """Entries and cases have IDs of their own."""
    for ids in ([entry.id for entry in ENTRIES], [case.id for case in CASES]):
        assert [one for one, count in Counter(ids).items() if count > 1] == []
    assert all(chapter.entries for chapter in chapters())


def test_no_row_of_the_errors_is_forgotten() -> None:
    """Each pair of an operation and a bad input that is known has its entry."""
    assert sorted(entry.row for entry in ENTRIES if entry.row is not None) == list(range(1, ROWS + 1))


@each("option", ServiceOptions._fields)
def test_every_service_option_is_in_the_ledger(option: str) -> None:
    """An entry names it, and a case turns it."""
    assert any(entry.option == option for entry in ENTRIES)
    assert any(option in case.service for case in CASES)


def test_an_entry_names_only_service_options_that_there_are() -> None:
    """A service option of the ledger is one that can be turned."""
    options = set(ServiceOptions._fields)
    assert {entry.option for entry in ENTRIES if entry.option} <= options
    assert {option for case in CASES for option in case.service} <= options


def test_rows_that_docstrings_name_are_there() -> None:
    """A docstring names the entries that say how a behaviour is known; one of the model says no more of it."""
    package = Path(pytest_cloudtasks.__file__).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")))
    named = [name for names in re.findall(r"Ledger: (`[^.]*`)", source) for name in re.findall(r"`([^`]*)`", names)]
    assert len(named) > 60
    assert set(named) - {entry.id for entry in ENTRIES} == set()
    model = "\n".join(path.read_text(encoding="utf-8") for path in sorted((package / "_service").glob("*.py")))
    assert "Evidence:" not in model
