from __future__ import annotations

import pytest

from pytest_cloudtasks._model.urls import encoded


@pytest.mark.parametrize(
    ("part", "result"),
    [
        ("https://a.test/x?y=1&z=%20#f", "https://a.test/x?y=1&z=%20#f"),
        ("/ü?n=日", "/%C3%BC?n=%E6%97%A5"),
        ("/ü%zz[]", "/%C3%BC%zz[]"),
        ("", ""),
    ],
)
def test_only_what_is_outside_ascii_is_encoded(part: str, result: str) -> None:
    """Letters outside ASCII become percent-encoded UTF-8; delimiters and what is encoded already stay."""
    assert encoded(part) == result
