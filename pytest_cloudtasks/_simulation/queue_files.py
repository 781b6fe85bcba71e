"""Queues from files: App Engine's queue.yaml, and what ``gcloud tasks queues list --format=json`` prints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._messages.json_text import read_json
from .._messages.queue_yaml import NoYaml, QueueYamlError, parsed, queue_fields


def queues_in_file(path: Path) -> dict[str, Mapping[str, Any]]:
    """The queues that a file describes: ID or full name to the fields of Google's Queue message."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"queues names the file {path}, which can't be read: {error.strerror}.") from None
    return _from_gcloud(path, text) if path.suffix == ".json" else _from_yaml(path, text)


def _from_gcloud(path: Path, text: str) -> dict[str, Mapping[str, Any]]:
    try:
        listed = read_json(text)
        if not isinstance(listed, list):
            raise TypeError
        queues = [_snake(queue) for queue in listed]
        return {queue.pop("name"): queue for queue in queues}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            f"queues names the file {path}, which is not what `gcloud tasks queues list --format=json` prints: a JSON"
            " list of queues with a name."
        ) from None


def _snake(value: Any) -> Any:
    """JSON's field names as the message's: ``maxAttempts`` to ``max_attempts``."""
    if isinstance(value, Mapping):
        return {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", key): _snake(inner) for key, inner in value.items()}
    return value


def _from_yaml(path: Path, text: str) -> dict[str, Mapping[str, Any]]:
    try:
        return {name: queue_fields(entry) for name, entry in parsed(text).items()}
    except NoYaml as error:
        raise ValueError(f"queues names the file {path}, and {error}") from None
    except QueueYamlError as error:
        raise ValueError(f"queues names the file {path}, {error}") from None
