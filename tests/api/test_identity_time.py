"""Whose time the identity services of a simulation go by."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
import time_machine

from pytest_cloudtasks._clients.http.destinations import IAM_CREDENTIALS, METADATA
from pytest_cloudtasks._messages.rest_http import RestRequest
from pytest_cloudtasks._simulation.settings.settings import Settings
from pytest_cloudtasks._simulation.simulation import Simulation
from pytest_cloudtasks._time.clock import Mode

TOKEN = RestRequest(
    "POST", "/v1/projects/-/serviceAccounts/a@b.test:generateAccessToken", (), b'{"scope": ["s"], "lifetime": "60s"}'
)


def test_asking_for_an_identity_does_not_hold_time() -> None:
    """A fake that nobody has used yet leaves time alone when a library looks for the metadata server."""
    simulation = Simulation(Settings())
    simulation.clock.hold_when_used()
    assert simulation.answer_identity(METADATA, RestRequest("GET", "/", (), b"")) is not None
    assert simulation.clock.mode is Mode.ON_USE
    assert not simulation.clock.has_started
    assert not simulation.history.has_begun


@pytest.mark.parametrize("time", ["held", "virtual"])
def test_tokens_are_issued_at_the_applications_time(time: str) -> None:
    """The application verifies them and waits for their end, also where the queue has a clock of its own."""
    simulation = Simulation(Settings(start=0, time=time))  # type: ignore[arg-type]
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=timezone.utc), tick=False):
        response = simulation.answer_identity(IAM_CREDENTIALS, TOKEN)
    assert response is not None
    assert json.loads(response.body)["expireTime"] == "2031-01-01T00:01:00Z"
