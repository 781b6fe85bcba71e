"""What application code sees of a refusal: the exception's class, and the details that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions

from pytest_cloudtasks._ledger.reading import Case, entries

from .playing import play
from .subjects import on_the_fake, transports
from .test_cases import is_known

REFUSED = [
    pytest.param(case, id=case.id)
    for entry in entries()
    for case in entry.cases
    if is_known(case) and any(step.get("expect", {}).get("code", "OK") != "OK" for step in case.steps)
]


def errors_of(case: Case, transport: str) -> list[tuple[exceptions.GoogleAPICallError, Mapping[str, Any]]]:
    """Each exception of a case that was expected, and what was expected of it."""
    with on_the_fake(case, transport) as subject:
        steps = play(case, subject)
    expected = [step.expected for step in steps if step.expected.get("code", "OK") != "OK"]
    return list(zip(subject.errors, expected, strict=True))


@pytest.mark.parametrize("case", [param for param in REFUSED if "grpc" in param.values[0].over])
def test_the_class_is_that_of_the_code(case: Case) -> None:
    """google.api_core's own class for the code, whose reason, domain and metadata are those of an ErrorInfo."""
    for error, expected in errors_of(case, "grpc"):
        code = grpc.StatusCode[expected["code"]]
        assert type(error) is exceptions.exception_class_for_grpc_status(code)
        assert error.grpc_status_code is code
        assert str(error).startswith(f"{error.code} {expected['message']}")
        info = next((one for one in expected.get("details", ()) if one["@type"] == "ErrorInfo"), {})
        keys = (error.reason, error.domain, error.metadata)
        assert keys == (info.get("reason"), info.get("domain"), info.get("metadata", {}) if info else None)


@pytest.mark.needs("rest")
@pytest.mark.parametrize("case", [param for param in REFUSED if "rest" in {*param.values[0].over} & transports()])
def test_over_rest_the_class_is_that_of_the_http_status(case: Case) -> None:
    """The text follows verb and URL there, as that transport has it."""
    for error, expected in errors_of(case, "rest"):
        assert error.code == exceptions.exception_class_for_grpc_status(grpc.StatusCode[expected["code"]]).code
        if not isinstance(error.response, requests.Response):
            continue  # an operation's own error has no call of its own
        verb, _, rest = error.message.partition(" ")
        assert verb in ("GET", "POST", "PATCH", "DELETE")
        assert rest.startswith(f"https://cloudtasks.googleapis.com/{case.version}/")
        assert rest.endswith(f": {expected['message']}")
