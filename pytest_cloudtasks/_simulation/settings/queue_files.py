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
    try:
        return _from_json(text) if path.suffix == ".json" else _from_yaml(text)
    except (_Unreadable, QueueYamlError) as error:
        raise ValueError(f"The queues file {path} can't be used: {error}") from None


class _Unreadable(Exception):
    """A file that can't be used. The text follows a colon."""


_OTHER_FORM = (
    "it is not what `gcloud tasks queues list --format=json` prints, a JSON list of queues with a name, and not what"
    " `terraform show -json` prints."
)


def _from_yaml(text: str) -> dict[str, Mapping[str, Any]]:
    return {name: queue_fields(entry) for name, entry in parsed(text).items()}


def _from_json(text: str) -> dict[str, Mapping[str, Any]]:
    try:
        document = read_json(text)
    except ValueError:
        raise _Unreadable(_OTHER_FORM) from None
    if isinstance(document, Mapping) and "format_version" in document:
        return _from_terraform(document)
    if isinstance(document, Mapping) and "terraform_version" in document:
        raise _Unreadable("it is Terraform's state file. Use the output of `terraform show -json` instead.")
    queues = [_snake(queue) for queue in _objects(document)]
    if not all(isinstance(queue.get("name"), str) for queue in queues):
        raise _Unreadable(_OTHER_FORM)
    return {queue.pop("name"): queue for queue in queues}


def _object(value: Any) -> Mapping[str, Any]:
    """Return ``value`` if it is an object of JSON."""
    if not isinstance(value, Mapping):
        raise _Unreadable(_OTHER_FORM)
    return value


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """Return ``value`` if it is a list of objects."""
    if not isinstance(value, list):
        raise _Unreadable(_OTHER_FORM)
    return [_object(item) for item in value]


def _snake(value: Any) -> Any:
    """Return JSON's names of fields as the message's: ``maxAttempts`` as ``max_attempts``."""
    if isinstance(value, Mapping):
        return {re.sub("[A-Z]", lambda m: f"_{m[0].lower()}", key): _snake(inner) for key, inner in value.items()}
    return value


# --- Terraform -------------------------------------------------------------------------------------------------------

_RESOURCE = "google_cloud_tasks_queue"


class _ValueType(NamedTuple):
    """The type of an attribute of a resource."""

    is_one: Callable[[Any], bool]
    """Whether a value has the type."""
    what: str
    convert: Callable[[Any], Any] = lambda value: value


_DURATION = _ValueType(
    lambda value: isinstance(value, str) and re.fullmatch(r"\d+(\.\d{1,9})?s", value) is not None,
    'a duration in seconds, such as "3.5s"',
)
_WHOLE = _ValueType(is_whole, "a whole number")
_NUMBER = _ValueType(lambda value: is_whole(value) or isinstance(value, float), "a number")
_PORT = _ValueType(lambda value: is_whole(value) or str(value).isdecimal(), "a whole number", int)
_TEXT = _ValueType(lambda value: isinstance(value, str), "a text")
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


def _from_terraform(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the queues of a state, or of the planned state."""
    values = _object(document.get("planned_values") or document.get("values") or {})
    queues = dict(map(_of_resource, _resources(_object(values.get("root_module") or {}))))
    if not queues:
        raise _Unreadable(f"it has no resource {_RESOURCE}.")
    return queues


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of queues in a module and in those within it."""
    for resource in _objects(module.get("resources", [])):
        if resource.get("type") == _RESOURCE and resource.get("mode", "managed") == "managed":
            yield resource
    for child in _objects(module.get("child_modules", [])):
        yield from _resources(child)


def _of_resource(resource: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return a queue's name and fields. Without a project, it is the run's."""
    address, values = resource.get("address"), _object(resource.get("values"))
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
    for name, takes in fields.items():
        value = values.get(name)
        if value is None or value == []:
            continue
        if isinstance(takes, _ValueType):
            if not takes.is_one(value):
                raise _Unreadable(f"{path}{name} is {safe_repr(value)}. It takes {takes.what}.")
            fields_read[name] = takes.convert(value)
            continue
        if not isinstance(value, list) or not all(isinstance(block, Mapping) for block in value):
            raise _Unreadable(f"{path}{name} is {safe_repr(value)}. It takes a list of objects.")
        if isinstance(takes, list):
            fields_read[name] = [_block(block, takes[0], f"{path}{name}[{at}].") for at, block in enumerate(value)]
        else:
            fields_read[name] = _block(value[0], takes, f"{path}{name}[0].")
    return fields_read
