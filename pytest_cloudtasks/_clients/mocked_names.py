"""Google's client names that a test has patched with mocks, and mocks that are used as clients."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from typing import Any

from .._text import safe_repr

_MODULES = ("google.cloud.tasks_v2", "google.cloud.tasks", "google.cloud.tasks_v2beta3", "google.cloud.tasks_v2beta2")
_CLIENTS = ("CloudTasksClient", "CloudTasksAsyncClient")
_CREATING = ("create_task", "batch_create_tasks")
_LIBRARIES = ("unittest.mock", "mock")
"""The standard library's module, and its backport."""


def mocked_names() -> list[str]:
    """Return the names of clients, of their methods that create tasks, and of modules that are mocks at the moment."""
    kinds = _kinds()
    return [name for name, value in _candidates() if _is_mock(value, kinds)]


def mocks_that_created() -> list[str]:
    """Return the mocks of this process that received a call which creates tasks, as printed without addresses."""
    kinds = _kinds()
    texts: list[str] = []
    gc.collect()  # mocks form reference cycles, so those of earlier tests may still exist
    for candidate in gc.get_objects() if kinds else ():
        if issubclass(type(candidate), kinds) and any(call[0] in _CREATING for call in candidate.mock_calls):
            text = re.sub(r" id='\d+'", "", safe_repr(candidate))
            texts += [] if text in texts else [text]
    return texts


def _kinds() -> tuple[type, ...]:
    classes = (getattr(sys.modules.get(name), "NonCallableMock", None) for name in _LIBRARIES)
    return tuple(kind for kind in classes if isinstance(kind, type))


def _candidates() -> Iterator[tuple[str, Any]]:
    """Yield names and their values. A class with two names is examined once."""
    seen: list[Any] = []
    for module_name in _MODULES:
        module = sys.modules.get(module_name)
        yield module_name, module
        for client in _CLIENTS:
            kind = getattr(module, "__dict__", {}).get(client)
            yield f"{module_name}.{client}", kind
            if isinstance(kind, type) and kind not in seen:
                seen.append(kind)
                yield from ((f"{module_name}.{client}.{method}", vars(kind).get(method)) for method in _CREATING)


def _is_mock(value: Any, kinds: tuple[type, ...]) -> bool:
    """Return whether it is a mock, or the function that ``autospec`` puts in front of one."""
    return isinstance(value, kinds) or isinstance(getattr(value, "__dict__", {}).get("mock"), kinds)
