"""The recorded exchanges that serve as evidence, and whether a case agrees with one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_cloudtasks._ledger.reading import Case

_DATA = json.loads((Path(__file__).parent.parent / "data" / "recordings.json").read_text(encoding="utf-8"))
SOURCES: Mapping[str, Mapping[str, str]] = _DATA["sources"]
RECORDINGS: Mapping[str, Mapping[str, Any]] = {recording["name"]: recording for recording in _DATA["recordings"]}


def disagreements(case: Case, recording: Mapping[str, Any]) -> list[str]:
    """What of the recording the case does not repeat; empty for a case that is as recorded."""
    if "attempts" in recording:
        return list(_of_attempts(case, recording))
    if "headers" in recording:
        headers = recording["headers"]
        last = case.steps[-1]["expect"]["attempts"][-1]["headers"]
        return [name for name, value in headers.items() if not _is_header(last, name, value)]
    if "log" in recording:
        return list(_of_log(case, recording["log"]))
    found = [list(_of_call(step, recording)) for step in case.steps if "expect" in step and "rpc" in step]
    return min(found, key=len)


def _of_call(step: Mapping[str, Any], recording: Mapping[str, Any]) -> Iterator[str]:
    """What the step lacks of a recorded call."""
    expected = step["expect"]
    if step["rpc"] != recording["rpc"]:
        yield "rpc"
    if "request" in recording and step["request"] != recording["request"]:
        yield "request"
    if expected["code"] != recording["code"]:
        yield "code"
    if "message" in recording and not re.fullmatch(_with_gaps(recording["message"]), expected.get("message", "")):
        yield "message"
    shows_details = SOURCES[recording["source"]]["kind"] == "recorded"  # an issue mostly quotes the text alone
    if shows_details and recording.get("details", []) != expected.get("details", []):
        yield "details"
    for path, value in recording.get("fields", {}).items():
        if expected.get("fields", {}).get(path, "not there") != value:
            yield path


def _with_gaps(message: str) -> str:
    """Return a recorded text as a pattern: placeholders are those of the case, and a gap matches anything."""
    parts = re.split(r"(\{[^{}]* [^{}]*\})", message)
    return "".join(".*" if index % 2 else re.escape(part) for index, part in enumerate(parts))


def _of_attempts(case: Case, recording: Mapping[str, Any]) -> Iterator[str]:
    step = next(step for step in case.steps if "drain" in step)
    answers = ["timeout" if one["answered"] is None else one["answered"] for one in recording["attempts"]]
    if step["drain"]["answers"] != answers:
        yield "answers"
    for number, (recorded, expected) in enumerate(
        zip(recording["attempts"], step["expect"]["attempts"], strict=True), 1
    ):
        for name, value in recorded["headers"].items():
            if not _is_header(expected["headers"], name, value):
                yield f"attempt {number}: {name}"
        spelled = {name.lower() for name in recorded["headers"]}
        for name, value in expected["headers"].items():
            if value is not None and name.lower() not in spelled:
                yield f"attempt {number}: {name} was not recorded"


def _is_header(expected: Mapping[str, Any], name: str, recorded: str) -> bool:
    """Return whether a case expects a recorded header; placeholders are names and instants of the case."""
    value = next((value for key, value in expected.items() if key.lower() == name.lower()), None)
    if isinstance(value, Mapping):
        return re.fullmatch(value["matches"], recorded) is not None
    return value is not None if recorded.startswith("{") else value == recorded


def _of_log(case: Case, log: Mapping[str, Any]) -> Iterator[str]:
    """Return the attempt's status and the counts after it from a log entry."""
    attempt = case.steps[-2]["expect"]["attempts"][-1]
    fields = case.steps[-1]["expect"]["fields"]
    if attempt["result"] != log["status"]:
        yield "status"
    for field, name in (("dispatch_count", "dispatchCount"), ("response_count", "responseCount")):
        if str(fields[field]) != log[name]:
            yield name
