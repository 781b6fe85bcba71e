from __future__ import annotations

import pytest

from pytest_cloudtasks._service.request import encoded_url


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
