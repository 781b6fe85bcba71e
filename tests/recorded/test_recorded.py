"""Every recorded case, in every way that reaches the fake."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import pytest

from pytest_cloudtasks._ledger.reading import entries, recorded_exceptions

from .cases import RecordedCase, recorded_cases
from .playing import Step, play
from .ways import Way

CALLS = ("in-process-grpc", "in-process-asyncio", "in-process-rest")
SERVERS = ("loopback-grpc", "loopback-rest", "serve-grpc", "serve-rest")
REST_SERVERS = ("loopback-rest", "serve-rest")
ALL = recorded_cases()
EXCEPTIONS: dict[tuple[str, str], list[int]] = {}
"""The steps that can't hold, by case and way; no steps for a case that is left out."""
for _one in recorded_exceptions():
    for _way in _one.ways:
        for _case, _steps in _one.cases.items():
            EXCEPTIONS.setdefault((_case, _way), []).extend(_steps)


def ways_of(case: RecordedCase) -> tuple[str, ...]:
    """The ways to play a case: requests of plain HTTP need a server that speaks REST."""
    return REST_SERVERS if case.is_rest else (*CALLS, *SERVERS)


def is_left_out(case: RecordedCase, way: str) -> bool:
    """Whether an exception leaves out the whole case."""
    return (case.id, way) in EXCEPTIONS and not EXCEPTIONS[case.id, way]


def said_of(steps: list[Step], excepted: set[int]) -> list[str]:
    """What doesn't hold, apart from steps that can't; and what holds though it is said that it can't."""
    found = []
    for number, step in enumerate(steps):
        if number in excepted:
            found += [f"{step.label} holds. Delete it from recorded_exceptions.json."] if step.holds else []
        elif step.not_sent is not None:
            found.append(f"{step.label} can't be sent: {step.not_sent}")
        else:
            found += [f"{step.label}{one}" for one in step.differences]
    return found


@pytest.mark.parametrize("case", ALL, ids=attrgetter("id"))
def test_a_recorded_case(case: RecordedCase, way_of: Callable[[str], Way]) -> None:
    """In each way that reaches it, the fake answers, and delivers, as the real service did."""
    found = []
    for name in ways_of(case):
        if not is_left_out(case, name):
            with way_of(name)() as session:
                steps = play(case, session)
            found += [f"{name}: {one}" for one in said_of(steps, set(EXCEPTIONS.get((case.id, name), ())))]
    assert not found, "\n".join(found)


def test_a_case_that_is_left_out_needs_a_silent_worker() -> None:
    """A whole case is left out only where a deadline would have to pass in real time."""
    left_out = {case.id for case in ALL for way in ways_of(case) if is_left_out(case, way)}
    assert left_out == {case.id for case in ALL if "timeout" in case.data.get("replies", ())}
    assert all(way.startswith("serve-") for case, way in EXCEPTIONS if case in left_out)


def test_exceptions_are_of_cases() -> None:
    """Each names a case and a way in which it is played, and no more steps than there are."""
    played = {(case.id, way): len(case.steps) for case in ALL for way in ways_of(case)}
    assert EXCEPTIONS.keys() <= played.keys()
    assert all(max(steps, default=0) < max(played[key], 1) for key, steps in EXCEPTIONS.items())


def test_the_ledger_names_recorded_cases_that_are_played() -> None:
    """Each case that an entry of the ledger names is there, and is played over gRPC or over REST."""
    named = {name for entry in entries() for name in entry.recorded}
    assert named <= {case.id for case in ALL if ways_of(case)}


def test_a_case_is_there_once() -> None:
    """IDs are unique, and say which file a case is in; every case has a title."""
    ids = [case.id for case in ALL]
    assert len(ids) == len(set(ids)) == 113
    assert all(case.title for case in ALL)


def test_the_page_counts_the_cases() -> None:
    """The table on the page about fidelity has every subject with its number of cases, all of which agree."""
    page = (Path(__file__).parents[2] / "docs" / "fidelity.md").read_text(encoding="utf-8")
    page = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", page)
    rows = [[cell.strip(" *") for cell in row.split("|")[1:-1]] for row in page.splitlines() if row.startswith("|")]
    counts = Counter(case.subject for case in ALL)
    expected = [[name, str(count), str(count)] for name, count in [*counts.items(), ("all", len(ALL))]]
    assert sorted(rows[2 : len(expected) + 2]) == sorted(expected)
