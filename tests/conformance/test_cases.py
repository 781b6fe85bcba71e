"""Every case of the ledger, played against the fake over each transport."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks._ledger.reading import Case, entries

from .differences import differences, judged
from .playing import play
from .subjects import library, on_the_fake, transports

PLAYED = [(entry, case) for entry in entries() for case in entry.cases]


def is_known(case: Case) -> bool:
    """Whether the installed client has what the case needs."""
    if case.needs == "locations":
        return hasattr(tasks_v2.CloudTasksClient, "get_location")
    message, _, field = (case.needs or "Queue.name").partition(".")
    kind = getattr(library(case.version), message, None)
    return kind is not None and field in kind.pb(None).DESCRIPTOR.fields_by_name


CASES = [
    pytest.param(case, transport, id=f"{case.id}-{transport}")
    for _, case in PLAYED
    if is_known(case)
    for transport in case.over
    if transport in transports()
]


@pytest.mark.parametrize(("case", "transport"), CASES)
def test_a_case_of_the_ledger(
    case: Case, transport: str, known: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    """The real client sees what the ledger says, and what is refused has changed nothing."""
    with on_the_fake(case, transport) as subject:
        observed = play(case, subject)
    assert observed
    found = [one for step in observed for one in differences(step.expected, step.observed)]
    judged(case.id, found, known, record_property)
    assert not any(step.changed for step in observed)
