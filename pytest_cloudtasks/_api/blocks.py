"""Context managers that methods of `FakeCloudTasks` return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager
from functools import wraps
from types import TracebackType
from typing import Generic, NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
Value = TypeVar("Value", covariant=True)


class OnlyWith:
    """A context manager for ``with`` that says so to ``async with``."""

    def __aenter__(self) -> NoReturn:
        raise TypeError(
            f"{self._name} does not support `async with`. Write `with` instead; it works in async code, too."
        )

    async def __aexit__(self, *error: object) -> None:
        """Exist, because Python checks for it before it calls ``__aenter__``, which raises."""

    @property
    def _name(self) -> str:
        return type(self).__name__


class Block(OnlyWith, ContextDecorator, Generic[Value]):
    """What a method that is a `block` gives: a context manager that can be entered again, also within itself."""

    def __init__(self, method: str, begin: Callable[[], AbstractContextManager[Value]]) -> None:
        self._method = method
        self._begin = begin
        self._entered: list[AbstractContextManager[Value]] = []

    def __enter__(self) -> Value:
        __tracebackhide__ = True
        entered = self._begin()
        value = entered.__enter__()
        self._entered.append(entered)
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        __tracebackhide__ = True
        return self._entered.pop().__exit__(kind, error, traceback)

    @property
    def _name(self) -> str:
        return f"{self._method}()"


def block(method: Callable[P, Iterator[Value]]) -> Callable[P, Block[Value]]:
    """Let a generator method give a `Block`, as contextlib's ``contextmanager`` does for one that is entered once."""
    manager = contextmanager(method)

    @wraps(method)
    def begin(*arguments: P.args, **keywords: P.kwargs) -> Block[Value]:
        return Block(method.__name__, lambda: manager(*arguments, **keywords))

    return begin
