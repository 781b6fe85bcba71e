"""Reading JSON: that of users' bodies and files by `read_json`, that of requests over REST by `read_as_google`.

`read_as_google` takes what Google's front end takes, and has its words for what it can't read:

    value   = object | array | string | number | "true" | "false" | "null"
    object  = "{" [ key ":" value { "," key ":" value } [ "," ] ] "}"
    array   = "[" [ value { "," value } [ "," ] ] "]"
    key     = string | a name of letters, digits, "_" and "$" that begins with no digit
    string  = characters between a pair of " or of '; \\u takes four hex digits, \\b \\f \\n \\r \\t \\v are control
              characters, and any other character after a backslash stands for itself
    number  = as in JSON

That is more than JSON: single quotes, bare keys and commas at the end are taken. Objects and arrays go 100 deep.
A message about a mistake shows 20 characters before and after it. What only the end of the input shows to be a
mistake is found by a second reading of what was left then, so it shows nothing of what is before.

Evidence: inferred, from the parser in protobuf's public C++ sources. Recorded is one case, an input that ends early.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_CONTEXT = 20
_DEEPEST = 100
_LONGEST_INTEGER = 20
"""The maximum length of a 64-bit number."""
_LONGEST_NUMBER = 1_000
"""The maximum length of a number; a longer one counts as beyond any double."""
_SPACES = re.compile(r"[ \t\n\v\f\r]*")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_NUMBER = re.compile(r"[0-9.eE+\-x]+")
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_HEX = r"[0-9A-Fa-f]"
_PAIR = rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}"
_SINGLE = rf"\\u(?![dD][89a-fA-F]){_HEX}{{4}}"
_ESCAPED = re.compile(rf"{_PAIR}|{_SINGLE}|\\[^u]", re.DOTALL)
_MANY_ESCAPED = re.compile(rf"(?:{_ESCAPED.pattern}){{1,1000}}", re.DOTALL)
_CODE = re.compile(rf"\\u({_HEX}{{4}})")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORDS = {"true": True, "false": False, "null": None}
_LONE_SURROGATE = re.compile(
    rf"\\u[dD](?:[89abAB](?!{_HEX}{{2}}\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]{_HEX}{{2}}\\u[dD])[c-fC-F])"
)
"""Possible halves of a surrogate pair, which Python's parser accepts."""


class JsonError(Exception):
    """A text that Google's front end can't read, and why."""


def read_json(text: str | bytes) -> Any:
    """Return the value of the JSON ``text`` as Python reads it. Raises ValueError for anything else."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("The body is nested too deep to be read as JSON.") from None


def read_as_google(text: str) -> Any:
    """Return the value of ``text`` as Google's front end reads it. Raises JsonError."""
    if text.count("{") + text.count("[") <= _DEEPEST and not _LONE_SURROGATE.search(text):
        try:
            return json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
        except ValueError:
            pass  # the reader below may accept it, and otherwise has Google's error text
    return _Reader(text).whole()


def _whole(text: str) -> int | float:
    """Return a whole number, as a float if it has more than 64 bits."""
    value = int(text) if len(text) <= _LONGEST_INTEGER else None
    return _finite(text) if value is None or not -(2**63) <= value < 2**64 else value


def _finite(text: str) -> float:
    value = _double(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _double(text: str) -> float:
    return float(text) if len(text) <= _LONGEST_NUMBER else math.inf


def _unescaped(escaped: re.Match[str]) -> str:
    """Return the character of an escape sequence: of six characters, of twelve for a surrogate pair, or of two."""
    text = escaped[0]
    if len(text) == 2:
        return _ESCAPES.get(text[1], text[1])
    code = int(text[2:6], 16)
    return chr(code if len(text) == 6 else 0x10000 + ((code & 0x3FF) << 10 | int(text[8:], 16) & 0x3FF))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._shown_from = 0
        self._is_last_reading = False

    def whole(self) -> Any:
        value = self._value(self._next(), 0, "")
        self._skip()
        if self._at < len(self._text):
            raise self._failure("Parsing terminated before end of input.")
        return value

    # --- values --------------------------------------------------------------------------------------------------

    def _value(self, token: str, depth: int, key: str, missing: str = "Expected a value.") -> Any:
        if token in _PLAIN:
            return self._string()
        if token == "0":
            return self._number()
        if token in _WORDS:
            self._at += len(token)
            return _WORDS[token]
        if token in ("{", "["):
            if depth == _DEEPEST:
                raise JsonError(f"Message too deep. Max recursion depth reached for key '{key}'")
            self._at += 1
            return self._object(depth + 1) if token == "{" else self._array(depth + 1)
        if not token:
            raise self._unknown(missing)
        if len(self._text) - self._at < len("false"):
            self._read_again()
        raise self._failure("Unexpected token.")

    def _object(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while (token := self._next()) != "}":
            key = self._key(token)
            if self._next() != ":":
                raise self._unknown("Expected : between key:value pair.")
            self._at += 1
            members[key] = self._value(self._next(), depth, key)
            if self._ends("}", "Expected , or } after key:value pair."):
                return members
        self._at += 1
        return members

    def _array(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while (token := self._next()) != "]":
            items.append(self._value(token, depth, "", "Expected a value or ] within an array."))
            if self._ends("]", "Expected , or ] after array value."):
                return items
        self._at += 1
        return items

    def _ends(self, bracket: str, wanted: str) -> bool:
        """Read a comma or the closing bracket. Return whether it was the bracket."""
        token = self._next()
        if token not in (bracket, ","):
            raise self._unknown(wanted)
        self._at += 1
        return token == bracket

    def _key(self, token: str) -> str:
        if token in _PLAIN:
            return self._string()
        name = _NAME.match(self._text, self._at)
        if name is None:
            raise self._unknown("Expected an object key or }.")
        if name.end() == len(self._text):
            self._read_again()
        self._at = name.end()
        if name[0] in _WORDS:
            raise self._failure("Expected an object key or }.")
        return name[0]

    def _number(self) -> int | float:
        number = _NUMBER.match(self._text, self._at)
        assert number is not None
        if number.end() == len(self._text):
            self._read_again()
        text = number[0]
        digits = text.removeprefix("-")
        if not set(text) & set(".eE") and len(digits) > 1 and digits[0] == "0":
            raise self._failure("Octal/hex numbers are not valid JSON values.")
        try:
            value = _double(text)
        except ValueError:
            raise self._failure("Unable to parse number.") from None
        if math.isinf(value):
            raise self._failure("Number exceeds the range of double.")
        self._at = number.end()
        return _whole(text) if digits.isdigit() else value

    def _string(self) -> str:
        quote = self._text[self._at]
        self._at += 1
        parts = []
        while True:
            plain = _PLAIN[quote].match(self._text, self._at)
            assert plain is not None
            self._at = plain.end()
            parts.append(plain[0])
            if self._text.startswith(quote, self._at):
                self._at += 1
                return "".join(parts)
            escaped = _MANY_ESCAPED.match(self._text, self._at)
            if escaped is None:
                raise self._unescapable()
            self._at = escaped.end()
            parts.append(_ESCAPED.sub(_unescaped, escaped[0]))

    def _unescapable(self) -> JsonError:
        """Return the error of a string that ends too early, or has a \\u without a code point."""
        left = len(self._text) - self._at
        if left < 2:
            self._read_again()
            return self._failure("Closing quote expected in string.")
        first, second = _CODE.match(self._text, self._at), _CODE.match(self._text, self._at + 6)
        if first is None:
            if left < 6:
                self._read_again()
            return self._failure("Illegal hex string." if left < 6 else "Invalid escape sequence.")
        if int(first[1], 16) >= 0xDC00:
            return self._failure("Invalid unicode code point.")
        if left < 12:
            self._read_again()
        elif self._text.startswith("\\u", self._at + 6):
            return self._failure("Invalid escape sequence." if second is None else "Invalid low surrogate.")
        return self._failure("Missing low surrogate.")

    # --- tokens and mistakes -------------------------------------------------------------------------------------

    def _next(self) -> str:
        """Return the next character or word of the grammar: "0" for a number, "a" for a name, "" at the end."""
        self._skip()
        character = self._text[self._at : self._at + 1]
        if character in ('"', "'", "{", "}", "[", "]", ":", ","):
            return character
        if character == "-" or (character.isascii() and character.isdigit()):
            return "0"
        word = next((word for word in _WORDS if self._text.startswith(word, self._at)), "")
        return word or ("a" if _NAME.match(self._text, self._at) else "")

    def _skip(self) -> None:
        spaces = _SPACES.match(self._text, self._at)
        assert spaces is not None
        self._at = spaces.end()

    def _read_again(self) -> None:
        if not self._is_last_reading:
            self._is_last_reading, self._shown_from = True, self._at

    def _unknown(self, wanted: str) -> JsonError:
        """Return the error for text that is not ``wanted``, which the grammar may not know at all."""
        if not self._next():
            self._read_again()
        return self._failure(wanted if self._at < len(self._text) else f"Unexpected end of string. {wanted}")

    def _failure(self, message: str) -> JsonError:
        start = max(self._at - _CONTEXT, self._shown_from)
        shown = self._text[start : self._at + _CONTEXT]
        return JsonError(f"{message}\n{shown}\n{' ' * (self._at - start)}^")
