"""The names of Google's clients that a test has patched with mocks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

_MODULES = ("google.cloud.tasks_v2", "google.cloud.tasks", "google.cloud.tasks_v2beta3", "google.cloud.tasks_v2beta2")
_CLIENTS = ("CloudTasksClient", "CloudTasksAsyncClient")
_CREATING = ("create_task", "batch_create_tasks")
_LIBRARIES = ("unittest.mock", "mock")
"""The standard library's, and its backport."""


def mocked_names() -> list[str]:
    """The names of clients, of their methods that create tasks, or of whole modules, that are mocks at this moment."""
    found = (getattr(sys.modules.get(name), "NonCallableMock", None) for name in _LIBRARIES)
    kinds = tuple(kind for kind in found if isinstance(kind, type))
    return [name for name, value in _candidates() if _is_mock(value, kinds)]


def _candidates() -> Iterator[tuple[str, Any]]:
    """Names and their values; classes that go by two names are looked into once."""
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
    """Whether it is a mock, or the function that ``autospec`` puts in front of one."""
    return isinstance(value, kinds) or isinstance(getattr(value, "__dict__", {}).get("mock"), kinds)
