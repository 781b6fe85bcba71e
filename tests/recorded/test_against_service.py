"""The script for users with a project, played against the emulator."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest

from tests.server.emulator.running import Emulator
from tests.targets.servers import closed_port

from . import against_service
from .against_service import NotAllowed, parsed, plan, run, why_not
from .cases import recorded_cases


@pytest.fixture
def arguments(emulator: Emulator, tmp_path: Path) -> list[str]:
    """Options that name the emulator, and consent."""
    output = str(tmp_path / "differences.json")
    return ["--endpoint", emulator.grpc, "--rest-endpoint", emulator.url, "--output", output, "--yes"]


def test_cases_that_agree_are_reported_and_cleaned_up(
    arguments: list[str], emulator: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls, plain HTTP and a delivery in real time agree; the queues are deleted, and their names are printed."""
    receiver = closed_port()
    only = "queues-01,tasks-16,rest-06,dispatch-06,dispatch-35"
    options = parsed([*arguments, "--only", only, "--receiver", receiver])
    assert run(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-11:-6] == [
        "dispatch-06: agrees",
        "dispatch-35: agrees",
        "queues-01: agrees",
        "rest-06: agrees",
        "tasks-16: agrees",
    ]
    assert lines[-6] == f"5 of 5 cases agree. {options.output} has what differs."
    queues = f"projects/test-project/locations/europe-west1/queues/{options.prefix}"
    assert lines[-5:] == [
        f"This name stays blocked: {queues}-dispatch-06",
        f"This name stays blocked: {queues}-dispatch-35",
        f"This name stays blocked: {queues}-queues-01-defaults",
        f"This name stays blocked: {queues}-rest-06-rest-parameters",
        f"This name stays blocked: {queues}-tasks-16-views",
    ]
    assert (tmp_path / "differences.json").read_text() == "[]\n"
    assert emulator.get("/v2/projects/test-project/locations/europe-west1/queues") == {}


def test_what_differs_is_written_in_the_form_of_the_recordings(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that differs is written with its request, what came, and what is not as recorded."""
    (case,) = (case for case in recorded_cases() if case.id == "queues-20")
    (creation, deletion, reading) = case.steps
    changed = {**reading, "error": {"code": "NOT_FOUND", "message": "Gone."}}
    data = {**case.data, "steps": [creation, deletion, changed]}
    monkeypatch.setattr(against_service, "recorded_cases", lambda: [dataclasses.replace(case, data=data)])
    options = parsed(arguments)
    assert run(options) == 1
    (differing,) = json.loads((tmp_path / "differences.json").read_text())
    sentence = (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )
    name = f"projects/test-project/locations/europe-west1/queues/{options.prefix}-queues-20-deleted"
    assert differing == {
        "id": "queues-20",
        "title": "A queue is deleted",
        "steps": [
            {
                "step": 2,
                "rpc": "GetQueue",
                "request": {"name": name},
                "error": {"code": "NOT_FOUND", "message": sentence},
                "differences": [f".message is '{sentence}'; recorded is 'Gone.'"],
            }
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name your project with --project, or an emulator with --endpoint."),
        (["--project", "my-project"], "A test can't reach the real service by this script. Pass --endpoint."),
        (
            ["--endpoint", "cloudtasks.googleapis.com:443"],
            "--endpoint and --rest-endpoint take an address of this machine, such as 127.0.0.1:8123.",
        ),
        (
            ["--endpoint", "localhost:8123", "--rest-endpoint", "https://cloudtasks.googleapis.com"],
            "--endpoint and --rest-endpoint take an address of this machine, such as 127.0.0.1:8123.",
        ),
        (["--project", "p", "--rest-endpoint", "http://localhost:1"], "--rest-endpoint goes with --endpoint."),
        (["--endpoint", "localhost:1", "--also", "iam,dns"], "--also takes cmek and iam."),
        (["--endpoint", "localhost:1", "--only", "queues-01,queues-99"], "These cases don't exist: queues-99."),
        (
            ["--endpoint", "localhost:1", "--receiver", "https://example.org"],
            "The receiver's URL has no port. Say with --receiver-port where to listen.",
        ),
    ],
)
def test_options_that_cannot_be(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is rejected in a sentence before anything is done; the environment's project is not taken."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "somebody's")
    with pytest.raises(SystemExit):
        parsed(arguments)
    assert capsys.readouterr().err.endswith(f"error: {sentence}\n")


def test_without_consent_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another word than the project's name ends the script; without a terminal, --yes is asked for."""
    output = tmp_path / "differences.json"
    options = parsed(["--endpoint", "localhost:1", "--output", str(output)])
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(
        NotAllowed, match=r"^There is no terminal to ask for your consent at\. Pass --yes if you consent\.$"
    ):
        run(options)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert run(options) == 2
    assert capsys.readouterr().out.endswith("Type test-project to go on: Nothing was done.\n")
    assert not output.exists()


def test_what_is_not_asked_for_is_left_out() -> None:
    """Policies, CMEK, deliveries and tokens are played only with their options."""
    options = parsed(["--endpoint", "localhost:1", "--rest-endpoint", "http://localhost:2"])
    reasons = {case.id: why_not(case, options) for case in recorded_cases()}
    assert {one for one, reason in reasons.items() if reason == "--also iam isn't given"} == {
        *(one for one in reasons if one.startswith("iam-")),
        "rest-05",
    }
    assert {one for one, reason in reasons.items() if reason == "--also cmek isn't given"} == {
        "cmek-01",
        "cmek-04",
        "rest-08",
    }
    assert {one for one, reason in reasons.items() if reason == "--receiver isn't given"} == {
        *(one for one in reasons if one.startswith("dispatch-")),
        "rest-03",
    }
    needs_account = {one for one, reason in reasons.items() if reason == "--service-account isn't given"}
    assert {"tasks-25", "tasks-26", "tasks-27"} <= needs_account


def test_the_plan_says_what_will_be_done() -> None:
    """How much, where, what stays blocked, what it may cost, and what is left out."""
    options = parsed(["--endpoint", "localhost:1"])
    options.endpoint, options.project = None, "my-project"
    (case,) = (case for case in recorded_cases() if case.id == "queues-23")
    assert plan([case], {"--receiver isn't given": ["dispatch-01", "dispatch-02"]}, options).splitlines() == [
        "This plays 1 recorded cases against the project my-project, location europe-west1: about 5 calls.",
        f"It creates queues whose IDs begin with {options.prefix}, and deletes them.",
        "Their IDs stay blocked afterwards: Google documents 3 and 7 days.",
        "Google bills operations beyond the free ones of each month, and bodies in units of 32 KB.",
        "No task is sent anywhere.",
        "Left out, because --receiver isn't given: dispatch-01, dispatch-02.",
    ]
