"""Bodies, headers, messages and texts, as the timeline's JSON and a report have them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud import tasks_v2
from google.protobuf.timestamp_pb2 import Timestamp

from pytest_cloudtasks._clients.identity.tokens import claims_of, signed
from pytest_cloudtasks._diagnostics.values import Form, body_text, header_pairs, message_text, portable_text
from tests.each import each

SECOND = 1_000_000_000
UNDATED = Form(show_secrets=True, is_dated=False)


@each(
    ("body", "shown"),
    [
        (b"", ""),
        (b"plain text", "plain text"),
        (b'{"b":1,"a":[true]}', '{\n  "b": 1,\n  "a": [\n    true\n  ]\n}'),
        (b'{"half": ', '{"half": '),
        (b"42", "42"),
        ("Grüße".encode(), "Grüße"),
        (b"\xff\x00\x01", "3 bytes, not text: ff 00 01"),
        (b"a\x00b", "3 bytes, not text: 61 00 62"),
        (b"\xff" * 50, f"50 bytes, not text: {' '.join(['ff'] * 48)} …"),
        (b"x" * 10_001, "x" * 10_000 + "… (1 more characters)"),
    ],
)
def test_bodies_are_readable_and_bounded(body: bytes, shown: str) -> None:
    """JSON is indented in its own order, text is itself, bytes are hex, and what is left out is counted."""
    assert body_text(body) == shown


def test_headers_say_when_by_offsets_and_show_the_claims_of_tokens() -> None:
    """The ETA counts from the origin, and an ID token is its claims without the times, so every run has the same."""
    token = signed(claims_of("tasks@shop.test", "https://shop.test/", 1_900_000_000))
    pairs = (
        ("X-CloudTasks-TaskETA", "1900000030.5"),
        ("X-AppEngine-TaskETA", "soon"),
        ("Authorization", f"Bearer {token}"),
        ("authorization", "Basic c2hvcA=="),
        ("X-Anything", "1900000030.5"),
    )

    shown = header_pairs(pairs, 1_900_000_000 * SECOND, UNDATED)

    assert shown[0] == ["X-CloudTasks-TaskETA", "+0:00:30.500"]
    assert shown[1] == ["X-AppEngine-TaskETA", "soon"]
    assert shown[2][1].startswith('Bearer, an ID token: {"aud": "https://shop.test/", "azp": "1')
    assert '"email": "tasks@shop.test"' in shown[2][1]
    assert "iat" not in shown[2][1]
    assert shown[3:] == [["authorization", "Basic c2hvcA=="], ["X-Anything", "1900000030.5"]]


def test_a_message_has_its_own_field_names_with_offsets_for_instants() -> None:
    """A request is shown as JSON: enums by name, durations and instants as people read them, bodies as bodies."""
    request = tasks_v2.CreateTaskRequest(
        parent="projects/p/locations/l/queues/q",
        task=tasks_v2.Task(
            schedule_time=Timestamp(seconds=1_900_000_060),
            dispatch_deadline=timedelta(seconds=30),
            http_request=tasks_v2.HttpRequest(url="https://a.test/", body=b"hello", headers={"B": "2", "A": "1"}),
        ),
        response_view=tasks_v2.Task.View.FULL,
    )

    assert message_text(request, 1_900_000_000 * SECOND, Form()) == (
        "{\n"
        '  "parent": "projects/p/locations/l/queues/q",\n'
        '  "task": {\n'
        '    "http_request": {\n'
        '      "url": "https://a.test/",\n'
        '      "headers": {\n'
        '        "A": "1",\n'
        '        "B": "2"\n'
        "      },\n"
        '      "body": "hello"\n'
        "    },\n"
        '    "schedule_time": "+0:01:00",\n'
        '    "dispatch_deadline": "30 s"\n'
        "  },\n"
        '  "response_view": "FULL"\n'
        "}"
    )
    assert message_text(object(), 0, Form()) == ""


def test_a_text_loses_what_is_of_the_machine_or_the_run() -> None:
    """Colours, the root directory, pytest's temporary directory and the addresses of objects are no part of a test."""
    text = "\x1b[31m/srv/shop/tests/a.py: <object at 0x7f00deadbeef> in /tmp/pytest-of-me/pytest-12/test_it0/x\x1b[0m"

    assert portable_text(text, Path("/srv/shop")) == "tests/a.py: <object at 0x…> in <temporary>/test_it0/x"
    assert portable_text("0x10 stays, /srv/shopping too", Path("/srv/shop")) == "0x10 stays, /srv/shopping too"


@each(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer sk_live_1", "Bearer •••"),
        ("authorization", "hunter2", "•••"),
        ("Proxy-Authorization", "Basic c2hvcA==", "Basic •••"),
        ("Cookie", "session=1", "•••"),
        ("Set-Cookie", "session=1; Path=/", "•••"),
        ("X-Api-Key", "k-99", "•••"),
        ("x-goog-iam-authorization-token", "abc", "•••"),
        ("WEBHOOKSECRET", "abc", "•••"),
        ("X-Api-Key", "", ""),
        ("X-Key-Id", "7", "7"),
        ("Content-Type", "text/plain", "text/plain"),
    ],
)
def test_secrets_of_headers_are_masked(name: str, value: str, shown: str) -> None:
    """By the name of the header, in any case; the scheme of an Authorization stays, and so does an empty value."""
    assert header_pairs([(name, value)], 0, Form()) == [[name, shown]]
    assert header_pairs([(name, value)], 0, Form(show_secrets=True)) == [[name, value]]


def test_secrets_of_a_message_are_masked() -> None:
    """The headers of a request's message are those of a task."""
    headers = {"Authorization": "Bearer sk_live_1", "X-Tenant": "acme"}
    request = tasks_v2.HttpRequest(headers=headers)

    assert json.loads(message_text(request, 0, Form()))["headers"] == {
        "Authorization": "Bearer •••",
        "X-Tenant": "acme",
    }
    assert json.loads(message_text(request, 0, Form(show_secrets=True)))["headers"] == headers


@pytest.mark.parametrize(
    "text", ["x" * 300_000, "/pytest-of-" * 30_000, "pytest-of-a/pytest-" * 20_000, "\x1b[" * 100_000, "0x" * 150_000]
)
def test_a_long_text_without_blanks(text: str) -> None:
    """It is read once from its beginning to its end, and stays as it is."""
    assert portable_text(text) == text


def test_a_path_that_follows_a_quote() -> None:
    """The temporary directory is left out of a path wherever in the text it stands."""
    assert portable_text("in '/tmp/pytest-of-me/pytest-12/x' and \"C:\\t\\pytest-of-me\\pytest-3\\y\"") == (
        "in '<temporary>/x' and \"<temporary>\\y\""
    )


@each("value", ["²", "1.²", "٣.٤", "9" * 5000, f"{'9' * 13}.1", "", "."])
def test_a_time_that_is_not_a_number(value: str) -> None:
    """A header that the user set by hand is shown as it is."""
    assert header_pairs((("X-CloudTasks-TaskETA", value),), 0, UNDATED) == [["X-CloudTasks-TaskETA", value]]
