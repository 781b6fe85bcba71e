"""Checks of arguments that users pass, for all rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, iscoroutinefunction, signature, unwrap
from types import BuiltinFunctionType, FunctionType
from typing import Any, TypeGuard, TypeVar

from ._text import did_you_mean, is_encodable, listed, safe_repr

Function = TypeVar("Function", bound=Callable[..., Any])


def is_whole(number: object) -> TypeGuard[int]:
    """Return whether ``number`` is an integer; True and False don't count as integers."""
    return isinstance(number, int) and not isinstance(number, bool)


_FLAGS = {**dict.fromkeys(("true", "1", "yes", "on"), True), **dict.fromkeys(("false", "0", "no", "off"), False)}


def flag_of(text: str) -> bool | None:
    """Return the flag that a text such as ``true`` or ``0`` means, None if it is neither."""
    return _FLAGS.get(text.strip().lower())


def is_number(text: str) -> bool:
    """Return whether ``text`` is a number of ASCII digits, with or without a decimal point."""
    return text.isascii() and text.replace(".", "", 1).isdecimal()


def checked_flag(what: str, value: object) -> bool:
    """Return True or False; raise TypeError for any other value."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} takes True or False, but got {safe_repr(value)}.")
    return value


def checked_text(what: str, value: object, example: str) -> str:
    """Return a text that can be encoded. ``what`` names the argument in the error."""
    if not isinstance(value, str) or not value or not is_encodable(value):
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{what} takes a text such as {example!r}, but got {safe_repr(value)}."
        )
    return value


def checked_call(function: Function) -> Function:
    """Reject a call whose arguments don't fit, with a full sentence. For public methods and functions.

    The names are those of the signature, and of the `TypedDict` of its ``**keywords: Unpack[…]``.
    """
    takes = _Takes(function)

    if iscoroutinefunction(function):

        @wraps(function)
        async def checked_coroutine(*values: Any, **keywords: Any) -> Any:
            __tracebackhide__ = True
            takes.check(values, keywords)
            return await function(*values, **keywords)

        return checked_coroutine  # type: ignore[return-value]

    @wraps(function)
    def checked(*values: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        takes.check(values, keywords)
        return function(*values, **keywords)

    return checked  # type: ignore[return-value]


class _Takes:
    """The parameters that a function takes, from its signature."""

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = list(signature(function).parameters.values())
        self._own = int(bool(parameters) and parameters[0].name == "self")
        """How many values a call has that its caller doesn't write."""
        parameters = parameters[self._own :]
        self._name = function.__qualname__.split(".")[-2] if function.__name__ == "__init__" else function.__name__
        self._positional = [
            parameter.name for parameter in parameters if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD
        ]
        self._needed = [
            parameter.name
            for parameter in parameters
            if parameter.default is Parameter.empty and parameter.kind in _NAMED
        ]
        self._keywords = [parameter.name for parameter in parameters if parameter.kind is Parameter.KEYWORD_ONLY]
        kinds = {parameter.kind for parameter in parameters}
        self._takes_more = Parameter.VAR_POSITIONAL in kinds
        self._takes_any_keyword = False
        if Parameter.VAR_KEYWORD in kinds:
            annotation = str(parameters[-1].annotation)
            unpacked = annotation.removeprefix("Unpack[").removesuffix("]")
            self._takes_any_keyword = unpacked == annotation
            if not self._takes_any_keyword:
                fields = unwrap(function).__globals__[unpacked].__annotations__
                self._keywords = [*fields, *self._keywords]

    @property
    def _known(self) -> list[str]:
        return [*self._positional, *self._keywords]

    def check(self, values: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        """Raise TypeError for a call that does not fit."""
        __tracebackhide__ = True
        positional = self._positional
        values = values[self._own :]
        if len(values) > len(positional) and not self._takes_more:
            raise TypeError(self._too_many(values[len(positional)]))
        for keyword in keywords:
            if keyword in positional[: len(values)]:
                raise TypeError(f"{self._name}() got the argument {keyword!r} twice: by keyword and by position.")
            if not self._takes_any_keyword and keyword not in positional and keyword not in self._keywords:
                near = self._meant(keyword) or did_you_mean(keyword, self._known)
                raise TypeError(f"{self._name}() has no argument {safe_repr(keyword)}.{near} {self._what_it_takes()}")
        for argument in self._needed:
            if argument not in keywords and argument not in positional[: len(values)]:
                raise TypeError(f"{self._name}() needs the argument {argument!r}. {self._what_it_takes()}")

    def _meant(self, keyword: object) -> str:
        """Return a suggestion for another name of an argument that the function has."""
        meant = _OTHER_NAMES.get(keyword) if isinstance(keyword, str) else None
        return f" Did you mean {meant!r}?" if meant in self._known else ""

    def _what_it_takes(self) -> str:
        if self._takes_more and not self._known:
            return "It takes values by position only."
        return f"It takes {listed(self._known) if self._known else 'none'}."

    def _too_many(self, given: object) -> str:
        value = safe_repr(given)
        if self._takes_any_keyword:
            return f"{self._name}() takes fields as keyword arguments, but got {value} by position."
        if self._keywords:
            name = _argument_for(given)
            shown = given.__name__ if isinstance(given, (FunctionType, BuiltinFunctionType)) else value
            example = f"{name}={shown}" if name in self._keywords else f"{self._keywords[0]}=…"
            text = f"{self._name}() takes keyword arguments such as {example}, but got {value} by position."
            is_decorator = self._name == "FakeCloudTasks" and callable(given)
            return f"{text} To decorate, write @FakeCloudTasks() with parentheses." if is_decorator else text
        if not self._known:
            return f"{self._name}() takes no argument, but got {value}."
        return f"{self._name}() takes only {listed(self._known)}, but got {value} as well."


def _argument_for(value: object) -> str:
    """Return the argument that a value was probably meant for."""
    if isinstance(value, str):
        return "url" if "://" in value or value.startswith("/") else "queue"
    if isinstance(value, (Mapping, list)):
        return "json"
    if isinstance(value, bytes):
        return "body"
    return "handler" if callable(value) else ""


_OTHER_NAMES = {
    "payload": "json",
    "data": "json",
    "content": "body",
    "uri": "url",
    "relative_uri": "url",
    "path": "url",
    "http_method": "method",
    "task_name": "name",
    "task_id": "name",
    "schedule_time": "at",
    "eta": "at",
    "countdown": "delay",
    "dispatch_deadline": "deadline",
    "oidc_token": "oidc",
    "oidc": "audience",
    "email": "service_account_email",
    "times": "count",
}
"""What Google's messages and other libraries call the arguments of this one."""
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
