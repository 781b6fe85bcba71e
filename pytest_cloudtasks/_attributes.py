"""Attributes that a public object doesn't have: an error that says what to write instead.

Python's own text names no method, and a user of mocks or of Google's client expects names that only those have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ._text import did_you_mean, listed, safe_repr

# Names of unittest.mock, by what a test wants from them.
ASSERTS_CALLS = frozenset(
    (
        *("assert_called", "assert_called_once", "assert_called_with", "assert_called_once_with"),
        *("assert_awaited", "assert_awaited_once", "assert_awaited_with", "assert_awaited_once_with"),
        *("assert_any_call", "assert_has_calls", "assert_any_await", "assert_has_awaits"),
    )
)
ASSERTS_NO_CALL = frozenset(("assert_not_called", "assert_not_awaited"))
HAS_CALLS = frozenset(
    (
        *("called", "call_count", "call_args", "call_args_list", "mock_calls", "method_calls"),
        *("await_count", "await_args", "await_args_list"),
    )
)
SETS_RESULTS = frozenset(("return_value", "side_effect"))

_FEW = 30
"""The most names that an error lists."""


class NamesAttributes:
    """The base of public classes whose unknown attributes raise an AttributeError with a suggestion."""

    __slots__ = ()
    _shown_as: ClassVar[str] = ""
    """How a test reaches the object; "" for the name of its class."""

    def _instead_of(self, name: str) -> str:
        """Return a sentence about a name that this object lacks, but others have; "" if nothing is known about it."""
        return ""

    def _sentence(self, name: str) -> str:
        known = [attribute for attribute in dir(self) if not attribute.startswith("_")]
        advice = self._instead_of(name)
        instead = f" {advice}" if advice else did_you_mean(name, known)
        if not instead and len(known) <= _FEW:
            instead = f" It has {listed(known)}."
        return f"{self._shown_as or type(self).__name__} has no attribute {safe_repr(name)}.{instead}"

    if not TYPE_CHECKING:  # type checkers still report unknown attributes

        def __getattr__(self, name: str) -> Any:
            __tracebackhide__ = True
            if hasattr(type(self), name):
                return object.__getattribute__(self, name)  # a property raised AttributeError: it does so again
            if name.startswith("_"):  # Python's protocols, copy and pickle look for these, maybe before __init__
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            # Without the name, Python adds no suggestion of its own to this one.
            raise AttributeError(self._sentence(name), obj=self)


class IsNoMock(NamesAttributes):
    """The base of what a user of mocks may take for one: the names of others can't be set, where they do nothing."""

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers still report unknown attributes

        def __setattr__(self, name: str, value: Any) -> None:
            __tracebackhide__ = True
            if not name.startswith("_") and not hasattr(type(self), name) and self._instead_of(name):
                raise AttributeError(self._sentence(name), obj=self)
            super().__setattr__(name, value)
