"""Queues from files: App Engine's queue.yaml, and what ``gcloud tasks queues list --format=json`` prints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
STATE = "state"


def is_queue_file(text: str) -> bool:
    """Whether ``text`` names a file of queues rather than a queue."""
    return text.endswith((".yaml", ".yml", ".json"))


def queues_in_file(path: Path) -> dict[str, Mapping[str, Any]]:
    """The queues that a file describes: ID or full name to the fields of Google's Queue message."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"queues names the file {path}, which can't be read: {error.strerror}.") from None
    return _from_gcloud(path, text) if path.suffix == ".json" else _from_yaml(path, text)


def _from_gcloud(path: Path, text: str) -> dict[str, Mapping[str, Any]]:
    try:
        listed = json.loads(text)
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
        import yaml
    except ImportError:
        raise ValueError(
            f"queues names the file {path}, and reading it takes PyYAML, which is not installed. Run"
            " `pip install pyyaml`."
        ) from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"queues names the file {path}, which is no YAML.") from None
    entries = document.get("queue") if isinstance(document, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) and "name" in one for one in entries):
        raise ValueError(
            f"queues names the file {path}, which is no queue.yaml: it needs a list of queues with a name under the key"
            " `queue`."
        )
    return {one["name"]: _from_yaml_entry(path, one) for one in entries}


def _from_yaml_entry(path: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """A queue.yaml entry as Queue fields; ``bucket_size`` has no field to go to, the burst is the service's.

    ``task_retry_limit`` and ``max_attempts`` have "the same meaning". Evidence: documented.
    """
    if entry.get("mode", "push") != "push":
        raise ValueError(
            f"queues names the file {path}, which makes {entry['name']!r} a pull queue, and only push queues are"
            " modelled."
        )
    fields: dict[str, Any] = {"rate_limits": {}, "retry_config": {}}
    if "rate" in entry:
        rate = _rate(path, entry)
        if rate:
            fields["rate_limits"]["max_dispatches_per_second"] = rate
        else:
            fields[STATE] = "PAUSED"
    if "max_concurrent_requests" in entry:
        fields["rate_limits"]["max_concurrent_dispatches"] = entry["max_concurrent_requests"]
    retry = entry.get("retry_parameters") or {}
    if "task_retry_limit" in retry:
        fields["retry_config"]["max_attempts"] = max(1, retry["task_retry_limit"])
    if "task_age_limit" in retry:
        fields["retry_config"]["max_retry_duration"] = (
            f"{_age_limit(path, entry['name'], retry['task_age_limit']):.0f}s"
        )
    for ours, theirs in (("min_backoff", "min_backoff_seconds"), ("max_backoff", "max_backoff_seconds")):
        if theirs in retry:
            fields["retry_config"][ours] = f"{retry[theirs]}s"
    if "max_doublings" in retry:
        fields["retry_config"]["max_doublings"] = retry["max_doublings"]
    return fields


def _rate(path: Path, entry: Mapping[str, Any]) -> float:
    text = str(entry["rate"])
    number, _, unit = text.partition("/")
    if not _is_number(number) or (unit not in _SECONDS and text != "0"):
        raise ValueError(
            f"queues names the file {path}, which gives {entry['name']!r} the rate {text!r}. Write it as a number per"
            " unit, like 5/s."
        )
    return float(number) / _SECONDS.get(unit, 1)


def _age_limit(path: Path, name: str, given: object) -> float:
    number, unit = str(given)[:-1], str(given)[-1:]
    if not _is_number(number) or unit not in _SECONDS:
        raise ValueError(
            f"queues names the file {path}, which gives {name!r} the task_age_limit {given!r}. Write it as a number and"
            " a unit, like 2d."
        )
    return float(number) * _SECONDS[unit]


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
