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
"""What a queue has that sets none. Evidence: the App Engine SDK."""
_ELEMENTS = ("name", "mode", "rate", "bucket_size", "max_concurrent_requests", "target", "retry_parameters")
_RETRY_ELEMENTS = ("task_retry_limit", "task_age_limit", "min_backoff_seconds", "max_backoff_seconds", "max_doublings")
_SECONDS_ELEMENTS = ("min_backoff_seconds", "max_backoff_seconds")
_NUMBERS = ("bucket_size", "max_concurrent_requests", "task_retry_limit", "max_doublings", *_SECONDS_ELEMENTS)
_TOO_MUCH = 2**31
STATE = "state"


class QueueYamlError(ValueError):
    """A queue.yaml that can't be; the text goes on after the file: "which is no YAML."."""


class NoYaml(QueueYamlError):
    """PyYAML is not installed."""


def parsed(text: str) -> Mapping[str, Mapping[str, Any]]:
    """The entries of a queue.yaml by their names."""
    try:
        import yaml  # not a dependency of ours, and needed for this alone
    except ImportError:
        raise NoYaml("reading it takes PyYAML, which is not installed. Run `pip install pyyaml`.") from None
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # a date in no calendar, and brackets without end
        raise QueueYamlError("which is no YAML.") from None
    entries = document.get("queue") if isinstance(document, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(one, Mapping) and "name" in one for one in entries):
        raise QueueYamlError("which is no queue.yaml: it needs a list of queues with a name under the key `queue`.")
    return {str(one["name"]): one for one in entries}


def queue_fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry as fields of a Queue message; ``bucket_size`` has no field in v2, where the service sets it.

    ``task_retry_limit`` doesn't count the first attempt, and ``max_attempts`` does. Evidence: the App Engine SDK.
    """
    _check_names(entry)
    _check_numbers(entry)
    mode = entry.get("mode", "push")
    if mode not in ("push", "pull"):
        raise QueueYamlError(f"which gives {entry['name']!r} the mode {mode!r}. Write push or pull.")
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
    """Refuse what a queue.yaml doesn't have: a misspelt limit would be no limit."""
    retry = entry.get("retry_parameters") or {}
    if not isinstance(retry, Mapping):
        raise QueueYamlError(f"which gives {entry['name']!r} the retry_parameters {retry!r}. Write a mapping.")
    for given, known in ((entry, _ELEMENTS), (retry, _RETRY_ELEMENTS)):
        unknown = next((name for name in given if name not in known), None)
        if unknown is not None:
            raise QueueYamlError(
                f"which gives {entry['name']!r} the element {unknown!r}. There is none of that name: use"
                f" {', '.join(known[:-1])} or {known[-1]}."
            )


def _check_numbers(entry: Mapping[str, Any]) -> None:
    """Refuse what is no number where one is needed; durations have a fraction, too."""
    for given in (entry, entry.get("retry_parameters") or {}):
        for name in given:
            value = given[name]
            is_number = isinstance(value, int) or (isinstance(value, float) and name in _SECONDS_ELEMENTS)
            if name in _NUMBERS and not (is_number and abs(value) < _TOO_MUCH and not isinstance(value, bool)):
                raise QueueYamlError(f"which gives {entry['name']!r} the {name} {value!r}. Write a number.")


def uploaded(text: str) -> dict[str, UploadedQueue]:
    """The queues of a file that is uploaded, as the model takes them; what is not modelled is refused."""
    return {name: _uploaded(entry) for name, entry in parsed(text).items()}


def _uploaded(entry: Mapping[str, Any]) -> UploadedQueue:
    unknown = next((name for name in entry if name not in _ELEMENTS), None)
    if unknown is not None:
        raise QueueYamlError(f"which gives {entry['name']!r} the element {unknown!r}, and that is not modelled.")
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
    """``service``, ``version.service`` or ``instance.version.service``. Evidence: documented."""
    return dict(zip(("service", "version", "instance"), reversed(target.split(".")), strict=False))


def _retry_config(entry: Mapping[str, Any]) -> dict[str, Any]:
    given = entry.get("retry_parameters") or {}
    retry: dict[str, Any] = {}
    if "task_retry_limit" in given:
        retry["max_attempts"] = min(max(0, given["task_retry_limit"]), _TOO_MUCH - 2) + 1
    if "task_age_limit" in given:
        retry["max_retry_duration"] = f"{_age_limit(entry['name'], given['task_age_limit']):.0f}s"
    for ours, theirs in (("min_backoff", "min_backoff_seconds"), ("max_backoff", "max_backoff_seconds")):
        if theirs in given:
            retry[ours] = f"{given[theirs]}s"
    if "max_doublings" in given:
        retry["max_doublings"] = given["max_doublings"]
    return retry


def _rate(entry: Mapping[str, Any]) -> float:
    text = str(entry["rate"])
    number, _, unit = text.partition("/")
    if not is_number(number) or (unit not in _SECONDS and text != "0"):
        raise QueueYamlError(
            f"which gives {entry['name']!r} the rate {text!r}. Write it as a number per unit, like 5/s."
        )
    return float(number) / _SECONDS.get(unit, 1)


def _age_limit(name: str, given: object) -> float:
    number, unit = str(given)[:-1], str(given)[-1:]
    if not is_number(number) or unit not in _SECONDS:
        raise QueueYamlError(
            f"which gives {name!r} the task_age_limit {given!r}. Write it as a number and a unit, like 2d."
        )
    return float(number) * _SECONDS[unit]


def _nanoseconds(value: Any) -> Any:
    """A duration as text, and any other value as it is."""
    return round(float(value.removesuffix("s")) * SECOND) if isinstance(value, str) else value
