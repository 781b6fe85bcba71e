from __future__ import annotations

import pytest

from pytest_cloudtasks import Headers
from pytest_cloudtasks._targets.headers import header_bytes

PAIRS = [("Content-Type", "text/plain"), ("X-Tag", "one"), ("x-tag", "two")]


def test_names_are_found_in_any_case() -> None:
    """A header is found whatever the case of its name."""
    headers = Headers(PAIRS)
    assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/plain"
    assert "CoNtEnT-tYpE" in headers
    assert headers.get("content-TYPE") == "text/plain"


def test_a_missing_header_is_a_key_error() -> None:
    """Asking for a header that isn't there names it as it was asked for."""
    with pytest.raises(KeyError) as missing:
        Headers(PAIRS)["X-Missing"]
    assert missing.value.args == ("X-Missing",)
    assert "X-Missing" not in Headers(PAIRS)
    assert Headers(PAIRS).get("X-Missing") is None


def test_other_keys_than_texts_are_no_headers() -> None:
    """Only a text can be the name of a header."""
    assert 7 not in Headers(PAIRS)
    assert None not in Headers(PAIRS)


def test_a_name_may_have_several_values() -> None:
    """Reading gives the first value of a name, getlist all of them in order."""
    headers = Headers(PAIRS)
    assert headers["X-TAG"] == "one"
    assert headers.getlist("X-Tag") == ["one", "two"]
    assert headers.getlist("x-missing") == []


def test_iteration_gives_each_name_once() -> None:
    """As a mapping it has one entry a name, spelt as at first; pairs gives all of them as sent."""
    headers = Headers(PAIRS)
    assert list(headers) == ["Content-Type", "X-Tag"]
    assert len(headers) == 2
    assert dict(headers) == {"Content-Type": "text/plain", "X-Tag": "one"}
    assert headers.pairs() == tuple(PAIRS)


def test_equality_ignores_case_and_order_of_names() -> None:
    """Headers are equal if they have the same values by name, in any order and any case of names."""
    assert Headers(PAIRS) == Headers([("X-TAG", "two"), ("CONTENT-type", "text/plain"), ("x-tag", "one")])
    assert Headers(PAIRS) != Headers(PAIRS[:2])
    assert Headers([("A", "x")]) != Headers([("A", "X")])


def test_equality_with_a_dict() -> None:
    """A dict is equal if it has the first value of each name, in any case."""
    assert Headers([("Content-Type", "a"), ("X", "b")]) == {"content-type": "a", "x": "b"}
    assert Headers([("Content-Type", "a")]) != {"content-type": "a", "x": "b"}
    assert Headers(PAIRS) != PAIRS


def test_headers_are_read_only_and_not_hashable() -> None:
    """Headers can't be changed, and, being equal in any case, can't be the keys of a dict."""
    headers = Headers(PAIRS)
    with pytest.raises(TypeError):
        headers["X-New"] = "1"  # type: ignore[index]
    with pytest.raises(TypeError):
        hash(headers)
    assert headers.pairs() == tuple(PAIRS)


def test_no_headers() -> None:
    """Without pairs there are no headers."""
    assert not Headers()
    assert list(Headers()) == []


def test_repr_shows_the_pairs() -> None:
    """The repr could be typed in again."""
    assert repr(Headers([("A", "b")])) == "Headers([('A', 'b')])"


@pytest.mark.parametrize(("text", "sent"), [("plain", b"plain"), ("é", b"\xe9"), ("日", b"\xe6\x97\xa5")])
def test_a_header_is_latin_1_or_else_utf_8(text: str, sent: bytes) -> None:
    """What Latin-1 has goes as Latin-1, anything else as UTF-8."""
    assert header_bytes(text) == sent
