"""Texts of JSON as Google's front end reads them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._messages.json_text import JsonError, read_as_google
from tests.each import each


@each(
    ("text", "value"),
    [
        ('{"a": [1, -2.5, true, false, null, "é"]}', {"a": [1, -2.5, True, False, None, "é"]}),
        ("{'a': 'b\"'}", {"a": 'b"'}),
        ("{a: {$b_1: 1,},}", {"a": {"$b_1": 1}}),
        ("[1, 2,]", [1, 2]),
        ("{nullable: 1}", {"nullable": 1}),
        (r'"\x\v\'\/\""', "x\v'/\""),
        (r"'\ud83d\ude00\u00e9'", "😀é"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\\ud800"', r"\ud800"),
        ('"a\nb"', "a\nb"),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0),
        ("[-0, 1e3]", [0, 1000.0]),
        (" \n[]\t", []),
    ],
    ids=range(15),
)
def test_what_is_read(text: str, value: Any) -> None:
    """It is JSON, and what Google's front end takes besides."""
    found = read_as_google(text)
    assert (found, type(found)) == (value, type(value))


@each(
    ("text", "told"),
    [
        ("", "Unexpected end of string. Expected a value.\n\n^"),
        ('{"a": ', "Unexpected end of string. Expected a value.\n\n^"),
        ('{"a": {', "Unexpected end of string. Expected an object key or }.\n\n^"),
        ('{"a"', "Unexpected end of string. Expected : between key:value pair.\n\n^"),
        ('{"a": "b"', "Unexpected end of string. Expected , or } after key:value pair.\n\n^"),
        ("[", "Unexpected end of string. Expected a value or ] within an array.\n\n^"),
        ('["a"', "Unexpected end of string. Expected , or ] after array value.\n\n^"),
        ('"a', "Closing quote expected in string.\n\n^"),
        ('"a\\', "Closing quote expected in string.\n\\\n^"),
        ("a=b&c=d", "Unexpected token.\na=b&c=d\n^"),
        ('{"a": NaN, "b": 1}', 'Unexpected token.\n{"a": NaN, "b": 1}\n      ^'),
        ('{"a": x}', "Unexpected token.\nx}\n^"),
        ('{"a": +1}', "Expected a value.\n+1}\n^"),
        ('{"a" 5}', 'Expected : between key:value pair.\n{"a" 5}\n     ^'),
        ('{"a": 1 "b"}', 'Expected , or } after key:value pair.\n{"a": 1 "b"}\n        ^'),
        ("[1 2]", "Expected , or ] after array value.\n[1 2]\n   ^"),
        ("{1: 2}", "Expected an object key or }.\n{1: 2}\n ^"),
        ("{true: 1}", "Expected an object key or }.\n{true: 1}\n     ^"),
        ("{} {}", "Parsing terminated before end of input.\n{} {}\n   ^"),
        ("[01]", "Octal/hex numbers are not valid JSON values.\n[01]\n ^"),
        ("[-0x1]", "Octal/hex numbers are not valid JSON values.\n[-0x1]\n ^"),
        ("[1-2]", "Unable to parse number.\n[1-2]\n ^"),
        ("[1e400]", "Number exceeds the range of double.\n[1e400]\n ^"),
        (r'"\u12zz"', 'Invalid escape sequence.\n"\\u12zz"\n ^'),
        (r'"\u1', "Illegal hex string.\n\\u1\n^"),
        (r'{"\ud800": 1, "b": 2}', 'Missing low surrogate.\n{"\\ud800": 1, "b": 2}\n  ^'),
        (r'"\ud800"', 'Missing low surrogate.\n\\ud800"\n^'),
        (r'"\ud800\u0041"', 'Invalid low surrogate.\n"\\ud800\\u0041"\n ^'),
        (r'"\ud800\uzzzz"', 'Invalid escape sequence.\n"\\ud800\\uzzzz"\n ^'),
        (r'"\ud83d\ude00\udc00"', 'Invalid unicode code point.\n"\\ud83d\\ude00\\udc00"\n             ^'),
        (f'["{"a" * 40}" {"b" * 40}]', f'Expected , or ] after array value.\n{"a" * 18}" {"b" * 20}\n{" " * 20}^'),
    ],
    ids=range(31),
)
def test_what_cannot_be_read(text: str, told: str) -> None:
    """The error has the place of the mistake and the text around it."""
    with pytest.raises(JsonError) as refused:
        read_as_google(text)
    assert str(refused.value) == told


def test_depth_has_a_limit() -> None:
    """Objects and arrays go 100 deep; the error names the key of what goes deeper."""
    assert read_as_google("[" * 100 + "]" * 100) is not None
    with pytest.raises(JsonError) as refused:
        read_as_google('{"a":' * 100 + '{"b": 1}' + "}" * 100)
    assert str(refused.value) == "Message too deep. Max recursion depth reached for key 'a'"


@pytest.mark.parametrize("digits", ["9" * 1_000_000, "0." + "9" * 1_000_000])
def test_a_number_of_a_megabyte_is_beyond_any_double(digits: str) -> None:
    """Nobody converts it."""
    with pytest.raises(JsonError, match=r"^Number exceeds the range of double\.\n"):
        read_as_google(f"[{digits}]")
