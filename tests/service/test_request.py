"""What a task carries: its headers and its URL."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, Payload, encoded_url
from pytest_cloudtasks._service.task import TaskSpec

from .driving import QUEUE, START, service_with

# --- task headers ---


URL = "https://worker.test/"
DROPPED = [
    "Host",
    "Content-Length",
    "Accept-Encoding",
    "Connection",
    "Keep-Alive",
    "Proxy-Authorization",
    "proxy-connection",
    "TE",
    "Transfer-Encoding",
    "Upgrade",
    "From",
    "Via",
    "X-Forwarded-For",
    "X-Google",
    "X-GOOGLE-Custom",
    "x-appengine-custom",
    "",
    "Bad Header",
    "X\tTab",
    "X:Colon",
    "X-Ü",
    "X-\x7f",
]
KEPT = [
    "Authorization",
    "content-type",
    "Trailer",
    "X-Forwarded-Proto",
    "X-Goog-Custom",
    "X-CloudTasks-Projectname",
    "X-CloudTasks-TaskName",
    "X/Slash",
    "X-AppEngine",
]
BOTH = pytest.mark.parametrize("kind", [HttpTarget, AppEngineTarget])


def stored(kind: type[Payload], *headers: tuple[str, str]) -> Payload:
    """A new task's target, as the service stores it."""
    target = HttpTarget(URL, headers=headers) if kind is HttpTarget else AppEngineTarget(headers=headers)
    payload: Payload = service_with().create_task(START, QUEUE, TaskSpec(target)).target
    return payload


def own_headers(target: Payload) -> list[tuple[str, str]]:
    return [pair for pair in target.headers if pair[0] != "User-Agent"]


@BOTH
@pytest.mark.parametrize("name", DROPPED)
def test_a_header_is_dropped_for_its_name(kind: type[Payload], name: str) -> None:
    """The header is not stored, and the task says so once."""
    target = stored(kind, (name, "value"), ("X-Own", "kept"))
    assert own_headers(target) == [("X-Own", "kept")]
    (change,) = target.header_changes
    assert change.name == name
    assert change.what.startswith("is dropped: ")


@BOTH
@pytest.mark.parametrize("name", KEPT)
def test_a_header_is_kept_with_its_case(kind: type[Payload], name: str) -> None:
    """The name is stored as it was given."""
    assert own_headers(stored(kind, (name, "value"))) == [(name, "value")]


@BOTH
@pytest.mark.parametrize(
    ("given", "kept", "what"),
    [
        ("a\r\nb", "a__b", "is stored as 'a__b': each CR and LF becomes an underscore"),
        ("a\nb", "a_b", "is stored as 'a_b': each CR and LF becomes an underscore"),
        ("a\0b", "a", "is stored as 'a': a value ends at NUL"),
        ("\0", None, "is dropped: its value is empty"),
        ("", None, "is dropped: its value is empty"),
        ("a\x01b", None, "is dropped: a value has to be ASCII, without control characters"),
        ("a\x7fb", None, "is dropped: a value has to be ASCII, without control characters"),
        ("ü", None, "is dropped: a value has to be ASCII, without control characters"),
        ("a\tb", "a\tb", None),
        (" ", " ", None),
        ("v" * 8_183, "v" * 8_183, None),
        (
            "v" * 8_184,
            None,
            "is dropped: name and value together have 8,189 characters, and 8,188 is the limit",
        ),
    ],
    ids=repr,
)
def test_a_value_is_cleaned(kind: type[Payload], given: str, kept: str | None, what: str | None) -> None:
    """The value is stored, changed or dropped with its header, and a change has its sentence."""
    target = stored(kind, ("X-Own", given))
    assert own_headers(target) == ([] if kept is None else [("X-Own", kept)])
    assert [tuple(change) for change in target.header_changes] == ([] if what is None else [("X-Own", what)])


@pytest.mark.parametrize("name", ["user-agent", "User-Agent"])
def test_the_user_agent_of_an_http_task_is_the_services(name: str) -> None:
    """Whatever the task says, one User-Agent is stored."""
    target = stored(HttpTarget, (name, "mine"))
    assert target.headers == (("User-Agent", "Google-Cloud-Tasks"),)
    assert [tuple(change) for change in target.header_changes] == [(name, "is replaced by Google-Cloud-Tasks")]


@BOTH
def test_a_header_that_the_service_sends_itself_is_stored(kind: type[Payload]) -> None:
    """A counter of the task's own is stored; an HTTP task says that it does not arrive."""
    target = stored(kind, ("X-CloudTasks-TaskRetryCount", "7"))
    assert own_headers(target) == [("X-CloudTasks-TaskRetryCount", "7")]
    said = ("X-CloudTasks-TaskRetryCount", "is stored, but the service sends its own in its place")
    assert [tuple(change) for change in target.header_changes] == ([said] if kind is HttpTarget else [])


# --- urls ---


@pytest.mark.parametrize(
    ("part", "result"),
    [
        ("https://a.test/x?y=1&z=%20#f", "https://a.test/x?y=1&z=%20#f"),
        ("/ü?n=日", "/%C3%BC?n=%E6%97%A5"),
        ("/ü%zz[]", "/%C3%BC%zz[]"),
        ("", ""),
    ],
)
def test_what_is_outside_ascii_is_encoded(part: str, result: str) -> None:
    """Letters outside ASCII become percent-encoded UTF-8; delimiters and what is encoded already stay."""
    assert encoded_url(part) == result


@pytest.mark.parametrize(
    ("part", "result"),
    [("/a b", "/a%20b"), ("/a\nb\x00", "/a%0Ab%00"), ('/"<>\\^`{|}', "/%22%3C%3E%5C%5E%60%7B%7C%7D")],
)
def test_what_no_url_may_have_is_encoded(part: str, result: str) -> None:
    """Blanks, control characters and the rest that RFC 3986 has no place for are never sent as they are."""
    assert encoded_url(part) == result
    assert encoded_url(result) == result
