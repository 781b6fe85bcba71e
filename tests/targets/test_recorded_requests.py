from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_cloudtasks import Route, TargetRequest
from pytest_cloudtasks._model.service import Service
from pytest_cloudtasks._model.task import AppEngineTarget, HttpTarget, Task, TaskSpec

RECORDED = Path(__file__).parent.parent / "data" / "recorded" / "dispatches.json"
CASES = json.loads(RECORDED.read_text())["cases"]
SECOND = 1_000_000_000
NOW = 1_900_000_000 * SECOND + 123_456_000
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/recorded"
RETRY_CONFIG = {"min_backoff": SECOND, "max_backoff": 5 * SECOND, "max_doublings": 1}
"""The queue's in the recordings."""


def run(case: dict[str, Any]) -> tuple[Task, list[TargetRequest]]:
    """Create the recorded task, and let it meet the recorded answers; the task and the requests it made."""
    service = Service(lambda: "04729221273091729339")
    service.create_queue(NOW, LOCATION, QUEUE, {"retry_config": RETRY_CONFIG})
    target = HttpTarget("https://app.test/", body=b"{}") if case["target"] == "http" else AppEngineTarget(body=b"{}")
    deadline = case.get("dispatch_deadline_seconds")
    spec = TaskSpec(target, dispatch_deadline=None if deadline is None else deadline * SECOND)
    task = service.create_task(NOW, QUEUE, spec)
    route = Route("*", method=None, queue=None, handler=None, on_exception=None)
    for attempt in case["attempts"]:
        if attempt["answered"] is None:
            route.raises(TimeoutError)
        else:
            route.returns(attempt["answered"])
    requests: list[TargetRequest] = []
    while (upcoming := service.dispatcher.upcoming()) is not None:
        attempt = service.dispatcher.proceed(upcoming, upcoming.at)
        if attempt.outcome is not None:
            continue
        requests.append(TargetRequest(attempt))
        answer = route.answer(requests[-1])
        at = attempt.deadline if case["attempts"][len(requests) - 1]["answered"] is None else upcoming.at
        service.dispatcher.answer(attempt, answer.outcome, at, upcoming.at)
    return task, requests


def by_lower_name(request: TargetRequest) -> dict[str, list[str]]:
    """All values of each header, by its name in small letters."""
    return {name.lower(): request.headers.getlist(name) for name in request.headers}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_every_recorded_header_is_sent(case: dict[str, Any]) -> None:
    """On each attempt every recorded header is there once, with the recorded value."""
    task, requests = run(case)
    assert len(requests) == len(case["attempts"])
    names = {"{queue}": "recorded", "{task}": task.name.rpartition("/")[2]}
    for request, recorded in zip(requests, case["attempts"], strict=True):
        sent = by_lower_name(request)
        expected = {name.lower(): [names.get(value, value)] for name, value in recorded["headers"].items()}
        eta = next(name for name in expected if name.endswith("-tasketa"))
        expected[eta] = sent[eta]
        assert {name: sent.get(name) for name in expected} == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_no_task_header_is_sent_that_was_not_recorded(case: dict[str, Any]) -> None:
    """Of the headers that the recordings kept, none is there on an attempt that did not have it."""
    _, requests = run(case)
    kept = {name.lower() for attempt in case["attempts"] for name in attempt["headers"]}
    for request, recorded in zip(requests, case["attempts"], strict=True):
        assert kept & by_lower_name(request).keys() == {name.lower() for name in recorded["headers"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_the_eta_is_the_attempts_schedule_time(case: dict[str, Any]) -> None:
    """The ETA is a number of seconds with six decimals, and moves on with each retry by the backoff."""
    _, requests = run(case)
    etas = []
    for request in requests:
        (text,) = (value for name, (value,) in by_lower_name(request).items() if name.endswith("-tasketa"))
        assert re.fullmatch(r"\d+\.\d{6}", text)
        assert float(text) == pytest.approx(request.attempt.schedule_time / SECOND, abs=1e-6)
        etas.append(float(text))
    stalled = case.get("dispatch_deadline_seconds", 0)
    waits = [stalled + 1] if stalled else [1, 2, 4, 5, 5]
    assert [later - earlier for earlier, later in itertools.pairwise(etas)] == pytest.approx(waits)


def test_the_recording_is_named() -> None:
    """Whoever doubts a recorded header finds where it is from."""
    provenance = json.loads(RECORDED.read_text())["provenance"]
    assert provenance["repository"].startswith("https://github.com/")
    assert re.fullmatch(r"[0-9a-f]{40}", provenance["commit"])
    assert len(CASES) == 4
