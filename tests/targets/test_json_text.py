from __future__ import annotations

import pytest

from pytest_cloudtasks._messages.json_text import read_json


@pytest.mark.parametrize(("text", "value"), [(b'{"a": [1]}', {"a": [1]}), ("3", 3), (b'"\xc3\xa9"', "é")])
def test_json_is_read(text: str | bytes, value: object) -> None:
    """Text or bytes, whatever value it has."""
    assert read_json(text) == value


@pytest.mark.parametrize("text", [b"", b"{order}", b"\xff\xfe\xfd"])
def test_invalid_json_is_a_value_error(text: bytes) -> None:
    """Also if it is not text at all."""
    with pytest.raises(ValueError):
        read_json(text)


def test_what_is_nested_too_deep_is_a_value_error() -> None:
    """Python's parser has a limit, which the sender of a body may exceed."""
    with pytest.raises(ValueError) as refused:
        read_json("[" * 200_000)
    assert str(refused.value) == "The body is nested too deep to be read as JSON."
