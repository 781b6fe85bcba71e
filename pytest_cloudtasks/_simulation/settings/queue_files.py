"""Queues from files: App Engine's queue.yaml, and the JSON of ``gcloud tasks queues list`` and ``terraform show``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..._arguments import is_whole
from ..._messages.json_text import read_json
from ..._messages.queue_yaml import QueueYamlError, parsed, queue_fields
from ..._text import safe_repr


def queues_in_file(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the queues in a file: the fields of Google's Queue message by ID or full name."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"The queues file {path} can't be read: {error.strerror}.") from None
    return _from_json(path, text) if path.suffix == ".json" else _from_yaml(path, text)


def _from_json(path: Path, text: str) -> dict[str, Mapping[str, Any]]:
    try:
        document = read_json(text)
        if isinstance(document, Mapping) and "format_version" in document:
            return _from_terraform(path, document)
        if isinstance(document, Mapping) and "terraform_version" in document:
            raise _Unreadable("it is Terraform's state file. Use the output of `terraform show -json` instead.")
        if not isinstance(document, list):
            raise TypeError
        queues = [_snake(queue) for queue in document]
        return {queue.pop("name"): queue for queue in queues}
    except _Unreadable as error:
        raise ValueError(f"The queues file {path} can't be used: {error}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            f"The queues file {path} can't be used: it is not what `gcloud tasks queues list --format=json` prints, a"
            " JSON list of queues with a name, and not what `terraform show -json` prints."
        ) from None


class _Unreadable(Exception):
    """A file that can't be used. The text follows a colon."""


def _snake(value: Any) -> Any:
    """Return JSON's names of fields as the message's: ``maxAttempts`` as ``max_attempts``."""
    if isinstance(value, Mapping):
        return {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", key): _snake(inner) for key, inner in value.items()}
    return value


def _from_yaml(path: Path, text: str) -> dict[str, Mapping[str, Any]]:
    try:
        return {name: queue_fields(entry) for name, entry in parsed(text).items()}
    except QueueYamlError as error:
        raise ValueError(f"The queues file {path} can't be used: {error}") from None


# --- Terraform -------------------------------------------------------------------------------------------------------

_RESOURCE = "google_cloud_tasks_queue"


class _Kind(NamedTuple):
    """A type of values in a resource."""

    takes: Callable[[Any], bool]
    what: str
    convert: Callable[[Any], Any] = lambda value: value


_DURATION = _Kind(
    lambda value: isinstance(value, str) and re.fullmatch(r"\d+(\.\d{1,9})?s", value) is not None,
    'a duration in seconds, such as "3.5s"',
)
_WHOLE = _Kind(is_whole, "a whole number")
_NUMBER = _Kind(lambda value: is_whole(value) or isinstance(value, float), "a number")
_PORT = _Kind(lambda value: is_whole(value) or str(value).isdecimal(), "a whole number", int)
_TEXT = _Kind(lambda value: isinstance(value, str), "a text")
_TOKEN = {"service_account_email": _TEXT, "scope": _TEXT, "audience": _TEXT}
_FIELDS: Mapping[str, Any] = {
    "rate_limits": {"max_dispatches_per_second": _NUMBER, "max_concurrent_dispatches": _WHOLE},
    "retry_config": {
        "max_attempts": _WHOLE,
        "max_retry_duration": _DURATION,
        "min_backoff": _DURATION,
        "max_backoff": _DURATION,
        "max_doublings": _WHOLE,
    },
    "stackdriver_logging_config": {"sampling_ratio": _NUMBER},
    "app_engine_routing_override": {"service": _TEXT, "version": _TEXT, "instance": _TEXT},
    "http_target": {
        "uri_override": {
            "scheme": _TEXT,
            "host": _TEXT,
            "port": _PORT,
            "path_override": {"path": _TEXT},
            "query_override": {"query_params": _TEXT},
            "uri_override_enforce_mode": _TEXT,
        },
        "http_method": _TEXT,
        "header_overrides": [{"header": {"key": _TEXT, "value": _TEXT}}],
        "oauth_token": _TOKEN,
        "oidc_token": _TOKEN,
    },
}
"""The settings that a user makes in a queue's resource, by the names of Google's Queue message.

Other attributes are the provider's or computed. A list of one mapping is a repeated field. Evidence: the provider's
documentation.
"""


def _from_terraform(path: Path, document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the queues of a state, or of the planned state."""
    values = document.get("planned_values") or document.get("values") or {}
    queues = dict(map(_of_resource, _resources(values.get("root_module") or {})))
    if not queues:
        raise _Unreadable(f"it has no resource {_RESOURCE}.")
    return queues


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of queues in a module and in those within it."""
    for resource in module.get("resources", ()):
        if resource["type"] == _RESOURCE and resource.get("mode", "managed") == "managed":
            yield resource
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def _of_resource(resource: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return a queue's name and fields. Without a project, it is the run's."""
    address, values = resource["address"], resource["values"]
    for name in ("name", "location"):
        if not values.get(name):
            raise _Unreadable(
                f"{address} has no {name}: it will be known when the plan is applied. Set it, or write the"
                " state into the file."
            )
    queue = f"locations/{values['location']}/queues/{values['name']}"
    if values.get("project"):
        queue = f"projects/{values['project']}/{queue}"
    fields = _block(values, _FIELDS, f"{address}.")
    if (values.get("desired_state") or values.get("state")) == "PAUSED":
        fields["state"] = "PAUSED"
    return queue, fields


def _block(values: Mapping[str, Any], fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the set ``values`` of a block. A block within it is a list of one object."""
    fields_read: dict[str, Any] = {}
    for name, kind in fields.items():
        value = values.get(name)
        if value is None or value == []:
            continue
        if isinstance(kind, _Kind):
            if not kind.takes(value):
                raise _Unreadable(f"{path}{name} is {safe_repr(value)}. It takes {kind.what}.")
            fields_read[name] = kind.convert(value)
            continue
        if not isinstance(value, list) or not all(isinstance(block, Mapping) for block in value):
            raise _Unreadable(f"{path}{name} is {safe_repr(value)}. It takes a list of objects.")
        if isinstance(kind, list):
            fields_read[name] = [_block(block, kind[0], f"{path}{name}[{at}].") for at, block in enumerate(value)]
        else:
            fields_read[name] = _block(value[0], kind, f"{path}{name}[0].")
    return fields_read
