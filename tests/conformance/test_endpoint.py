"""The cases of the ledger against the endpoint that the options name; without one, nothing is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cloudtasks._ledger.reading import Case, Entry, entries

from .differences import Difference, differences, judged
from .endpoint import Endpoint
from .playing import CantBePlayed, play
from .subjects import is_known

PLAYED = [pytest.param(entry, case, id=case.id) for entry in entries() for case in entry.cases if is_known(case)]


def found_at(endpoint: Endpoint, entry: Entry, case: Case) -> list[Difference]:
    """Where the endpoint differs from the ledger; words that are ours are not compared."""
    endpoint.begin()
    try:
        steps = play(case, endpoint)
    except CantBePlayed as cant:
        return [Difference("a step that prepares the case", "OK", str(cant))]
    finally:
        endpoint.end()
    return [one for step in steps for one in differences(step.expected, step.observed, code_only=entry.words_are_ours)]


@pytest.mark.parametrize(("entry", "case"), PLAYED)
def test_a_case_at_the_endpoint(
    endpoint: Endpoint,
    entry: Entry,
    case: Case,
    known: dict[str, str],
    record_property: Callable[[str, object], None],
) -> None:
    """The endpoint answers as the ledger says, or differs as it is known to; a case that it can't be asked is left."""
    why_not = endpoint.why_not(case)
    if why_not is not None:
        pytest.skip(why_not)
    judged(case.id, found_at(endpoint, entry, case), known, record_property)


def test_the_list_of_known_differences_names_cases_that_there_are(known: dict[str, str]) -> None:
    """A misspelt case would never be missed."""
    assert known.keys() - {case.id for entry in entries() for case in entry.cases} == set()
