"""Plays a case: what each step had to give, and what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions
from google.protobuf import json_format

from pytest_cloudtasks._ledger.reading import Case

from .filling import filled
from .subjects import Subject, code_of


class CantBePlayed(Exception):
    """A step that only prepares did not succeed."""


@dataclass(frozen=True)
class Observed:
    """One step that had something to give."""

    step: int
    expected: Mapping[str, Any]
    observed: Mapping[str, Any]
    changed: bool = False
    """Whether a refused call has left its mark, as far as that can be seen."""


def play(case: Case, subject: Subject) -> list[Observed]:
    """All steps that have something to give, in their order."""
    names: dict[str, Any] = dict(subject.names)
    found = []
    for number, step in enumerate(case.steps, 1):
        before = _state(subject)
        observed = _play_step(step, subject, names)
        if "expect" in step:
            changed = observed.get("code", "OK") != "OK" and _state(subject) != before
            found.append(Observed(number, filled(step["expect"], names, subject.now), observed, changed))
        elif observed.get("code", "OK") != "OK":
            raise CantBePlayed(f"step {number} of {case.id}, {step['rpc']}, was answered {observed}")
    return found


def _state(subject: Subject) -> object:
    return subject.state() if hasattr(subject, "state") else None


def _play_step(step: Mapping[str, Any], subject: Subject, names: dict[str, Any]) -> Mapping[str, Any]:
    if "advance" in step:
        subject.advance(step["advance"])
        return {}
    if "drain" in step:
        drain = step["drain"]
        return subject.drain(drain.get("answers", [200]), drain.get("takes"), drain.get("until"))
    observed: Mapping[str, Any] = {}
    for i in range(step.get("times", 1)):
        names["i"] = i
        observed = _call(step, subject, names)
    for name, path in step.get("keep", {}).items():
        names[name] = at(observed["fields"], path)
    return observed


def _call(step: Mapping[str, Any], subject: Subject, names: Mapping[str, Any]) -> Mapping[str, Any]:
    request = filled(step["request"], names, subject.now)
    try:
        answer = subject.call(step["rpc"], request, step.get("timeout"))
    except exceptions.GoogleAPICallError as error:
        return {"code": code_of(error), "message": subject.text_of(error), "details": _details(error)}
    return {"code": "OK", "fields": answer}


def _details(error: exceptions.GoogleAPICallError) -> list[dict[str, Any]]:
    """The attached details in their JSON form, with the type's own name."""
    found = []
    for detail in error.details:
        if isinstance(detail, Mapping):  # over REST
            found.append({**detail, "@type": detail["@type"].rpartition(".")[2]})
        else:
            found.append({**json_format.MessageToDict(detail), "@type": detail.DESCRIPTOR.name})
    return found


def at(message: Any, path: str) -> Any:
    """What a dotted path leads to, the message itself for "", None where nothing is set."""
    for part in path.split(".") if path else ():
        if isinstance(message, Sequence) and not isinstance(message, str):
            message = message[int(part)] if int(part) < len(message) else None
        else:
            message = message.get(part) if isinstance(message, Mapping) else None
    return message
