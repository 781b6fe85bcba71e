"""Every known pair of operation and bad input, as a table of data that is executed row by row."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2 import CloudTasksClient
from google.protobuf import json_format

from pytest_cloudtasks import FakeCloudTasks

TABLE = json.loads((Path(__file__).parent.parent / "data" / "errors.json").read_text(encoding="utf-8"))
CASES = TABLE["cases"]
ROWS = 145
LOCATION = "projects/test-project/locations/us-central1"
NAMES = {"location": LOCATION, "queue": f"{LOCATION}/queues/q", "task": f"{LOCATION}/queues/q/tasks/t"}
EVIDENCE = {"recorded", "reported", "documented", "inferred", "rule only", "our choice"}
PLACEHOLDER = re.compile(r"\{(\w+)(?:\*(\d+))?\}")


def title(case: dict[str, Any]) -> str:
    return f"{case['row']}-{case['case']}"


def filled(value: Any, names: dict[str, Any]) -> Any:
    """``value`` with its placeholders filled in."""
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    alone = PLACEHOLDER.fullmatch(value)
    if alone and alone[1] in names:
        return names[alone[1]]

    def text(match: re.Match[str]) -> str:
        word, times = match[1], match[2]
        if times is None:
            return str(names[word])
        return base64.b64encode(bytes(int(times))).decode() if word == "zeros" else word * int(times)

    return PLACEHOLDER.sub(text, value)


class Player:
    """Plays the steps of one case on a fake of its own."""

    def __init__(self, fake: FakeCloudTasks, client: CloudTasksClient) -> None:
        self.fake = fake
        self.client = client
        self.names: dict[str, Any] = dict(NAMES)

    def play(self, steps: Sequence[dict[str, Any]]) -> None:
        for step in steps:
            if "advance" in step:
                self.fake.advance(timedelta(seconds=step["advance"]))
            elif "drain" in step:
                self.fake.drain()
            else:
                for i in range(step.get("times", 1)):
                    self.names["i"] = i
                    answer = self.call(step)
                for name, field in step.get("keep", {}).items():
                    self.names[name] = getattr(answer, field)

    def call(self, step: dict[str, Any]) -> Any:
        options = {"timeout": step["timeout"]} if "timeout" in step else {}
        answer = getattr(self.client, step["rpc"])(request=filled(step["request"], self.names), **options)
        return next(iter(answer.pages)) if hasattr(answer, "pages") else answer

    def seen(self) -> tuple[object, ...]:
        """All that the service holds, as messages."""
        service = self.fake._world.service
        return (
            {
                name: (queue.config, queue.state, queue.purge_time, queue.policy)
                for name, queue in service.queues.items()
            },
            [task.message for task in self.fake.tasks()],
            len(service.events),
        )


@pytest.fixture
def player(case: dict[str, Any]) -> Iterator[Player]:
    """A fake without queues, with the knobs of the case, at the instant that the table names."""
    start = datetime(2026, 7, 1, tzinfo=timezone.utc)
    with FakeCloudTasks(start=start, service=case.get("service", {})) as fake:
        fake.route("*")
        yield Player(fake, CloudTasksClient())


def details_of(error: exceptions.GoogleAPICallError) -> list[dict[str, Any]]:
    """The attached details in their JSON form, with the type's own name."""
    return [
        {
            "@type": detail.DESCRIPTOR.name,
            **json_format.MessageToDict(detail, always_print_fields_with_no_presence=False),
        }
        for detail in error.details
    ]


def value_at(message: Any, path: str) -> Any:
    """What a dotted path leads to; None for a field that is not set."""
    for part in path.split("."):
        message = message[int(part)] if part.isdigit() else getattr(message, part)
    return message


def plain(value: Any) -> Any:
    """A value of a message as the table writes it."""
    if isinstance(value, datetime):
        return str(value)
    if hasattr(value, "items"):
        return dict(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else value


def is_known(case: dict[str, Any]) -> bool:
    """Whether the installed client has what the case needs."""
    message, _, field = case.get("needs", "Queue.name").partition(".")
    kind = getattr(tasks_v2, message, None)
    return kind is not None and field in kind.pb(None).DESCRIPTOR.fields_by_name


@pytest.mark.parametrize("case", list(filter(is_known, CASES)), ids=title)
def test_a_row_of_the_table(player: Player, case: dict[str, Any]) -> None:
    """The real client gets the class, code, text and details of the row; what is refused has changed nothing."""
    player.play(case["before"])
    before = player.seen()
    if case["code"] == "OK":
        answer = player.call(case["call"])
        if hasattr(answer, "operation"):
            assert answer.result() is not None
        for path, expected in case.get("result", {}).items():
            assert plain(value_at(answer, path)) == filled(expected, player.names), path
        return
    with pytest.raises(exceptions.GoogleAPICallError) as refusal:
        answer = player.call(case["call"])
        answer.result()
    error = refusal.value
    code = grpc.StatusCode[case["code"]]
    assert type(error) is exceptions.exception_class_for_grpc_status(code)
    assert error.grpc_status_code is code
    assert error.message == filled(case["message"], player.names)
    assert details_of(error) == case.get("details", [])
    info = next((detail for detail in case.get("details", ()) if detail["@type"] == "ErrorInfo"), {})
    assert (error.reason, error.domain) == (info.get("reason"), info.get("domain"))
    assert error.metadata == info.get("metadata")
    assert player.seen() == before


def is_asked_over_rest(case: dict[str, Any]) -> bool:
    """Whether the call is refused, and has a path over REST, which malformed names in it have not."""
    has_no_path = case["row"] in (41, 52) or case["call"]["request"].get("parent") == "not-a-valid-parent"
    is_operation = case["row"] == 130  # its error comes with the result, not with an answer to a path
    return case["code"] != "OK" and not has_no_path and not is_operation and is_known(case)


@pytest.mark.parametrize("case", list(filter(is_asked_over_rest, CASES)), ids=title)
def test_a_row_is_the_same_over_rest(player: Player, case: dict[str, Any]) -> None:
    """Class, text and details are those of the table, the text behind verb and URL as that transport has it."""
    player.client = CloudTasksClient(transport="rest")
    player.play(case["before"])
    before = player.seen()
    with pytest.raises(exceptions.GoogleAPICallError) as refusal:
        player.call(case["call"])
    error = refusal.value
    code = exceptions.exception_class_for_grpc_status(grpc.StatusCode[case["code"]]).code
    assert error.code == code
    assert error.message.partition(": ")[2] == filled(case["message"], player.names)
    details = [{**detail, "@type": detail["@type"].rpartition(".")[2]} for detail in error.details]
    assert details == case.get("details", [])
    info = next((detail for detail in case.get("details", ()) if detail["@type"] == "ErrorInfo"), {})
    assert (error.reason, error.domain) == (info.get("reason"), info.get("domain"))
    assert player.seen() == before


def test_no_row_is_forgotten() -> None:
    """Each row is executed or has a reason why it is not, and no row is both."""
    executed = {case["row"] for case in CASES}
    left_out = [row["row"] for row in TABLE["not_executed"]]
    assert sorted([*executed, *left_out]) == list(range(1, ROWS + 1))


def test_every_row_says_where_it_comes_from() -> None:
    """Operation, input, source and evidence are there, or the reason why it isn't executed; no case is there twice."""
    for case in CASES:
        assert case["operation"]
        assert case["input"]
        assert case["source"]
        assert case["evidence"] in EVIDENCE, title(case)
        assert ("message" in case) == (case["code"] != "OK"), title(case)
    for row in TABLE["not_executed"]:
        assert row["operation"]
        assert row["input"]
        assert row["reason"]
    titles = [title(case) for case in CASES]
    assert len(set(titles)) == len(titles)
