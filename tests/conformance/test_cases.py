"""Every case of the ledger, played against the fake over each of its transports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions

from pytest_cloudtasks._ledger.reading import Case, entries

from .differences import Difference, differences, judged, mutated
from .playing import Observed, play
from .subjects import is_known, on_the_fake, transports

CASES = [pytest.param(case, id=case.id) for entry in entries() for case in entry.cases if is_known(case)]


@pytest.mark.parametrize("case", CASES)
def test_a_case_of_the_ledger(
    case: Case, known: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    """Over each transport the client sees what the ledger says, and a rejected call has changed nothing.

    An error is of google.api_core's own class for its code. No other value in the case's expectations would pass.
    """
    found: list[Difference] = []
    for transport in [one for one in case.over if one in transports()]:
        with on_the_fake(case, transport) as subject:
            steps = play(case, subject)
        assert steps
        assert not any(step.changed for step in steps), transport
        found += [
            Difference(f"{one.what}, over {transport}", one.expected, one.observed)
            for step in steps
            for one in differences(step.expected, step.observed)
        ]
        expected = [step.expected for step in steps if step.expected.get("code", "OK") != "OK"]
        for error, other in zip(subject.errors, expected, strict=True):
            check_class(error, other, transport, case.version)
        check_every_value_counts(steps)
    judged(case.id, found, known, record_property)


def check_class(
    error: exceptions.GoogleAPICallError, expected: Mapping[str, Any], transport: str, version: str
) -> None:
    """The exception's class is that of the code, or of the HTTP status; its details are those that came with it."""
    code = grpc.StatusCode[expected["code"]]
    expected_class = exceptions.exception_class_for_grpc_status(code)
    if transport == "rest":
        assert error.code == expected_class.code
        if isinstance(error.response, requests.Response):  # an operation's own error has no call of its own
            verb, _, rest = error.message.partition(" ")
            assert verb in ("GET", "POST", "PATCH", "DELETE")
            assert rest.startswith(f"https://cloudtasks.googleapis.com/{version}/")
            assert rest.endswith(f": {expected['message']}")
        return
    assert type(error) is expected_class
    assert error.grpc_status_code is code
    assert str(error).startswith(f"{error.code} {expected['message']}")
    info = next((one for one in expected.get("details", ()) if one["@type"] == "ErrorInfo"), {})
    keys = (error.reason, error.domain, error.metadata)
    assert keys == (info.get("reason"), info.get("domain"), info.get("metadata", {}) if info else None)


def check_every_value_counts(steps: list[Observed]) -> None:
    """Whatever value of a case's expectations is another, the case fails."""
    for step in steps:
        changes = list(mutated(step.expected))
        assert changes
        for changed in changes:
            assert list(differences(changed, step.observed)), changed
