"""The queues of the settings: as IDs, mappings of fields, files, or lists of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..._text import safe_repr

QueueFields = Mapping[str, Any]
"""A queue's fields, as for Google's Queue message."""


_DEPTH = 5
"""The maximum depth of nested lists of queues."""


def checked_queues(name: str, value: Any, depth: int = 0) -> dict[str, QueueFields]:
    """Return queues given as IDs, names, files, or mappings of ID to fields, alone or in a list."""
    if isinstance(value, Mapping):
        for queue, fields in value.items():
            if not isinstance(fields, Mapping):
                raise TypeError(
                    f"{name} maps a queue's ID to its fields, such as {{{safe_repr(queue)}: {{'retry_config': …}}}},"
                    f" but got {safe_repr(fields)}."
                )
        return dict(value)
    if isinstance(value, (str, Path)):
        # loads half of the service, and every start of pytest imports this module
        from .queue_files import queues_in_file

        text = str(value)
        return dict(queues_in_file(Path(value))) if is_queue_file(text) else {text: {}}
    if isinstance(value, Iterable) and depth < _DEPTH:
        return merged_queues(queue for part in value for queue in checked_queues(name, part, depth + 1).items())
    raise TypeError(f"{name} takes queue IDs, a mapping of IDs to fields, or a file, but got {safe_repr(value)}.")


def merged_queues(queues: Iterable[tuple[str, QueueFields]]) -> dict[str, QueueFields]:
    """Return one queue of each name, with the fields of all of that name. Later ones win, field by field."""
    merged: dict[str, QueueFields] = {}
    for name, fields in queues:
        merged[name] = _merged_fields(merged[name], fields) if name in merged else fields
    return merged


def _merged_fields(fields: QueueFields, later: QueueFields) -> QueueFields:
    result = dict(fields)
    for name, value in later.items():
        earlier = result.pop(name, None)  # the later field of a oneof wins, so it comes last
        both = _mapping_of(earlier), _mapping_of(value)
        result[name] = value if both[0] is None or both[1] is None else _merged_fields(both[0], both[1])
    return result


def _mapping_of(value: Any) -> QueueFields | None:
    """Return the set fields of a mapping or one of Google's messages; None for anything else."""
    if value is None or isinstance(value, Mapping):
        return value
    from ..._messages.proto import fields_set_in, is_message  # settings rarely have messages in them

    return fields_set_in(value) if is_message(value) else None


def is_queue_file(text: str) -> bool:
    """Return whether ``text`` names a file of queues rather than a queue."""
    return text.endswith((".yaml", ".yml", ".json"))


def with_paths_resolved(queues: Any, folders: Sequence[Path]) -> Any:
    """Return ``queues`` as a setting, with relative files resolved against the first of ``folders`` that has them."""
    if isinstance(queues, (str, Path)):
        if is_queue_file(str(queues)):
            return next((folder / queues for folder in folders if (folder / queues).exists()), queues)
    elif isinstance(queues, Iterable) and not isinstance(queues, Mapping):
        return [with_paths_resolved(queue, folders) for queue in queues]
    return queues
