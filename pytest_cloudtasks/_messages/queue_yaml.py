"""App Engine's queue.yaml as queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._arguments import is_number
from .._service.overrides import ROUTING_OVERRIDE
from .._service.queue_settings import QueueType, UploadedQueue
from .._units import SECOND

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BUCKET_SIZE = 5
"""The default bucket size. Evidence: the App Engine SDK."""
_ELEMENTS = ("name", "mode", "rate", "bucket_size", "max_concurrent_requests", "target", "retry_parameters")
_RETRY_ELEMENTS = ("task_retry_limit", "task_age_limit", "min_backoff_seconds", "max_backoff_seconds", "max_doublings")
_SECONDS_ELEMENTS = ("min_backoff_seconds", "max_backoff_seconds")
_NUMBERS = ("bucket_size", "max_concurrent_requests", "task_retry_limit", "max_doublings", *_SECONDS_ELEMENTS)
_TOO_MUCH = 2**31
STATE = "state"


class QueueYamlError(ValueError):
    """A queue.yaml that can't be used. The text follows a colon: "it is not valid YAML."."""


class NoYaml(QueueYamlError):
    """PyYAML is not installed."""


def parsed(text: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of a queue.yaml by their names."""
    try:
        import yaml  # an optional dependency that only this function needs
    except ImportError:
        raise NoYaml("PyYAML is not installed. Run `pip install pyyaml`.") from None
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # of wrong dates, of too many brackets
        raise QueueYamlError("it is not valid YAML.") from None
    entries = document.get("queue") if isinstance(document, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) and "name" in entry for entry in entries):
        raise QueueYamlError("it needs a list of queues, each with a name, under the key `queue`.")
    return {str(entry["name"]): entry for entry in entries}


def queue_fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry as fields of a Queue message, without ``bucket_size``, which v2 can't set.

    ``task_retry_limit`` doesn't count the first attempt, and ``max_attempts`` does. Evidence: the App Engine SDK.
    """
    _check_names(entry)
    _check_numbers(entry)
    mode = entry.get("mode", "push")
    if mode not in ("push", "pull"):
        raise QueueYamlError(f"the mode of {entry['name']!r} is {mode!r}. Write push or pull.")
    retry = _retry_config(entry)
    if mode == "pull":
        return {"pull_target": {}, "retry_config": {key: retry[key] for key in ("max_attempts",) if key in retry}}
    fields: dict[str, Any] = {"rate_limits": {}, "retry_config": retry}
    if "rate" in entry:
        rate = _rate(entry)
        if rate:
            fields["rate_limits"]["max_dispatches_per_second"] = rate
        else:
            fields[STATE] = "PAUSED"
    if "max_concurrent_requests" in entry:
        fields["rate_limits"]["max_concurrent_dispatches"] = entry["max_concurrent_requests"]
    return fields


def _check_names(entry: Mapping[str, Any]) -> None:
    """Raise QueueYamlError for an unknown element: a misspelt limit would have no effect."""
    retry = entry.get("retry_parameters") or {}
    if not isinstance(retry, Mapping):
        raise QueueYamlError(f"the retry_parameters of {entry['name']!r} are {retry!r}. Write a mapping.")
    for elements, known in ((entry, _ELEMENTS), (retry, _RETRY_ELEMENTS)):
        unknown = next((name for name in elements if name not in known), None)
        if unknown is not None:
            raise QueueYamlError(
                f"{entry['name']!r} has an unknown element {unknown!r}. Use {', '.join(known[:-1])} or {known[-1]}."
            )


def _check_numbers(entry: Mapping[str, Any]) -> None:
    """Raise QueueYamlError for a value that has to be a number. Durations may have a fraction."""
    for elements in (entry, entry.get("retry_parameters") or {}):
        for name in elements:
            value = elements[name]
            is_number = isinstance(value, int) or (isinstance(value, float) and name in _SECONDS_ELEMENTS)
            if name in _NUMBERS and not (is_number and abs(value) < _TOO_MUCH and not isinstance(value, bool)):
                raise QueueYamlError(f"the {name} of {entry['name']!r} is {value!r}. Write a number.")


def uploaded(text: str) -> dict[str, UploadedQueue]:
    """Return the queues of an uploaded file for the service. Raise QueueYamlError for what is not modelled."""
    return {name: _uploaded(entry) for name, entry in parsed(text).items()}


def _uploaded(entry: Mapping[str, Any]) -> UploadedQueue:
    unknown = next((name for name in entry if name not in _ELEMENTS), None)
    if unknown is not None:
        raise QueueYamlError(f"{entry['name']!r} has the element {unknown!r}, which pytest-cloudtasks does not model.")
    fields = queue_fields(entry)
    retry = {key: _nanoseconds(value) for key, value in fields["retry_config"].items()}
    if "pull_target" in fields:
        return UploadedQueue({"type": QueueType.PULL, "retry_config": retry})
    rates = {**fields["rate_limits"], "max_burst_size": entry.get("bucket_size", _BUCKET_SIZE)}
    settings = {"rate_limits": rates, "retry_config": retry}
    if "target" in entry:
        settings[ROUTING_OVERRIDE] = _routing(str(entry["target"]))
    return UploadedQueue(settings, is_paused=STATE in fields)


def _routing(target: str) -> dict[str, str]:
    """Return the routing for ``service``, ``version.service`` or ``instance.version.service``. Evidence: documented."""
    return dict(zip(("service", "version", "instance"), reversed(target.split(".")), strict=False))


def _retry_config(entry: Mapping[str, Any]) -> dict[str, Any]:
    parameters = entry.get("retry_parameters") or {}
    retry: dict[str, Any] = {}
    if "task_retry_limit" in parameters:
        retry["max_attempts"] = min(max(0, parameters["task_retry_limit"]), _TOO_MUCH - 2) + 1
    if "task_age_limit" in parameters:
        retry["max_retry_duration"] = f"{_age_limit(entry['name'], parameters['task_age_limit']):.0f}s"
    for ours, theirs in (("min_backoff", "min_backoff_seconds"), ("max_backoff", "max_backoff_seconds")):
        if theirs in parameters:
            retry[ours] = f"{parameters[theirs]}s"
    if "max_doublings" in parameters:
        retry["max_doublings"] = parameters["max_doublings"]
    return retry


def _rate(entry: Mapping[str, Any]) -> float:
    text = str(entry["rate"])
    number, _, unit = text.partition("/")
    if not is_number(number) or (unit not in _SECONDS and text != "0"):
        raise QueueYamlError(f"the rate of {entry['name']!r} is {text!r}. Write it as a number per unit, like 5/s.")
    return float(number) / _SECONDS.get(unit, 1)


def _age_limit(name: str, limit: object) -> float:
    number, unit = str(limit)[:-1], str(limit)[-1:]
    if not is_number(number) or unit not in _SECONDS:
        raise QueueYamlError(f"the task_age_limit of {name!r} is {limit!r}. Write it as a number and a unit, like 2d.")
    return float(number) * _SECONDS[unit]


def _nanoseconds(value: Any) -> Any:
    """Return a text as a duration in nanoseconds, and any other value unchanged."""
    return round(float(value.removesuffix("s")) * SECOND) if isinstance(value, str) else value
