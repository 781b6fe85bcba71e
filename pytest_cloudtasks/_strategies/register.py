"""The entry point that Hypothesis calls when it is imported, so that ``st.from_type`` supports Google's messages.

This module imports neither Google's library nor our strategies. A version's message types are registered when they are
imported; their strategies are made on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from .._clients.import_watch import import_watch
from .._messages.proto import is_message_type

MODULES = ("google.cloud.tasks_v2.types", "google.cloud.tasks_v2beta3.types", "google.cloud.tasks_v2beta2.types")
"""The modules of each version's message types."""


def register() -> None:
    """Register the types that are already imported, and the others when they are. A second call has no effect."""
    for name in MODULES:
        import_watch.add(name, _register_types)


def _register_types(module: ModuleType) -> None:
    from hypothesis import strategies as st  # hypothesis is still being imported when it calls `register`

    for kind in message_types(module):
        st.register_type_strategy(kind, _strategy_for)


def message_types(types: Any) -> Iterator[Any]:
    """Return a module's message types and their nested ones, such as ``HttpTarget.Header``."""
    for kind in list(vars(types).values()):
        if is_message_type(kind):
            yield kind
            yield from message_types(kind)


def _strategy_for(kind: Any) -> Any:
    from .from_type import messages_of_type  # imports all strategies, which only a draw from a type needs

    return messages_of_type(kind)
