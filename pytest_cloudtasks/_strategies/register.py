"""The entry point that Hypothesis calls when it is imported: ``st.from_type`` then knows Google's messages.

Neither Google's library nor a strategy of ours is imported here. A version's message types are registered in the
moment that somebody imports them; the strategies are made when one is asked for.
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
    """Register the types that are imported already, and the others as they are; a second call changes nothing."""
    for name in MODULES:
        import_watch.add(name, _register_types)


def _register_types(module: ModuleType) -> None:
    from hypothesis import strategies as st  # hypothesis is still being imported when it calls `register`

    for kind in message_types(module):
        st.register_type_strategy(kind, _strategy_for)


def message_types(found: Any) -> Iterator[Any]:
    """Return a module's message types, and those that are nested in them, such as ``HttpTarget.Header``."""
    for kind in list(vars(found).values()):
        if is_message_type(kind):
            yield kind
            yield from message_types(kind)


def _strategy_for(kind: Any) -> Any:
    from .from_type import messages_of_type  # imports all strategies: only a test that draws from a type needs them

    return messages_of_type(kind)
