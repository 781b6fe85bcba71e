"""Context managers that methods of `FakeCloudTasks` return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ContextDecorator, contextmanager
from functools import wraps
from types import TracebackType
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
Value = TypeVar("Value", covariant=True)
Function = TypeVar("Function", bound=Callable[..., Any])


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
    """What a method that is a `block` gives: a context manager that can be entered again, also within itself.

    One that is never used has done nothing, which its author can't see: ``fail`` gets a sentence about it.
    """

    def __init__(
        self, method: str, begin: Callable[[], AbstractContextManager[Value]], fail: Callable[[str], None]
    ) -> None:
        self._method = method
        self._begin = begin
        self._fail = fail
        self._is_used = False
        self._entered: list[AbstractContextManager[Value]] = []

    def __call__(self, function: Function) -> Function:
        self._is_used = True
        return super().__call__(function)

    def __aenter__(self) -> NoReturn:
        self._is_used = True
        super().__aenter__()

    def __del__(self) -> None:
        if not self._is_used:
            name = f"cloud_tasks.{self._method}"
            self._fail(f"{name}() was called without `with`, and did nothing. Write `with {name}(…):`.")

    def __enter__(self) -> Value:
        __tracebackhide__ = True
        self._is_used = True
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
    """Let a generator method of a fake return a `Block`, as contextlib's ``contextmanager`` does for a single use."""
    manager = contextmanager(method)

    @wraps(method)
    def begin(*arguments: P.args, **keywords: P.kwargs) -> Block[Value]:
        fake: Any = arguments[0]
        simulation = fake._running
        fail = simulation.failures.keep if simulation is not None else lambda message: None
        return Block(method.__name__, lambda: manager(*arguments, **keywords), fail)

    return begin
