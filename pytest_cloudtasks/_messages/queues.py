"""Translation between Queue messages and the service's settings, for one API version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

from google.protobuf import field_mask_pb2, json_format

from .._service import errors
from .._service.listing import Field, Kind
from .._service.overrides import ROUTING_OVERRIDE, Overrides
from .._service.queue import Queue, QueueStats
from .._service.queue_settings import GivenSettings, QueueType
from .._service.retry import UNLIMITED, RetryConfig
from .._units import truncated
from .proto import (
    OURS,
    ROUTING_WITHIN,
    camel_case,
    field_name,
    is_message_of_tasks,
    is_repeated,
    nanoseconds,
    plain,
    proto_class,
    proto_of,
    set_instant,
    wrapped,
)

_TTLS = ("task_ttl", "tombstone_ttl")
_SETTINGS = ("rate_limits", "retry_config", "stackdriver_logging_config", ROUTING_OVERRIDE, "http_target", *_TTLS)
"""Settings that have the same name in the service."""
_PASSED_OVER = "state"
"""An output-only path of a mask, which is ignored."""


class QueueMessages:
    """Reads and writes Queue messages. It looks up the version's names of fields once."""

    def __init__(self, types: ModuleType) -> None:
        self.types = types
        self._queue = proto_class(types.Queue)
        descriptor = self._queue.DESCRIPTOR
        fields = descriptor.fields_by_name
        self.queue_fields = frozenset(fields)
        self.has_pull_queues = "pull_target" in fields
        self._routing = next((name for name in ROUTING_WITHIN if name in fields), "")
        self._type = field_name(descriptor, "type")
        self._ttls = [name for name in _TTLS if name in fields]
        self._has_logging = "stackdriver_logging_config" in fields
        self._has_http_target = "http_target" in fields
        rates = fields["rate_limits"].message_type
        self._rate = field_name(rates, "max_dispatches_per_second")
        self._concurrency = field_name(rates, "max_concurrent_dispatches")
        attempts = fields["retry_config"].message_type.fields_by_name
        self._has_unlimited = "unlimited_attempts" in attempts
        self._sets_burst = bool(self._routing)  # only v2 has it at the top level
        self._own_words = [
            (f".{camel_case(ours)}", f".{camel_case(own)}")
            for ours, own in (
                ("max_dispatches_per_second", self._rate),
                ("max_concurrent_dispatches", self._concurrency),
                ("relative_uri", "relative_url" if self.has_pull_queues else "relative_uri"),
            )
            if ours != own
        ]
        """Names in error texts that are others here."""
        self._all_settings = [name for name in _SETTINGS if name in fields]
        self._all_settings += [ROUTING_OVERRIDE] if self._routing else []
        self._all_settings += ["type"] if self._type or self.has_pull_queues else []

    @cached_property
    def filter_fields(self) -> FilterFields:
        """Return the fields that a filter of ListQueues can compare."""
        return FilterFields(self._queue.DESCRIPTOR, lambda queue: proto_of(self.queue(queue)))

    # --- reading -------------------------------------------------------------------------------------------------

    def queue_settings(self, message: Any) -> GivenSettings:
        """Return the settings in a Queue message, without unset and output-only fields."""
        settings: dict[str, Any] = {}
        for field, value in message.ListFields():
            name = field.name
            if name == "rate_limits":
                settings[name] = self._rates(value)
            elif name == "retry_config":
                settings[name] = self.retry_settings(value)
            elif name == "http_target":
                settings[name] = overrides_of(value)
            elif name == self._routing:
                settings[ROUTING_OVERRIDE] = plain(value.app_engine_routing_override)
            elif name == self._type:
                settings["type"] = QueueType.PULL if value == QueueType.PULL.value else QueueType.PUSH
            elif name in _SETTINGS:
                settings[name] = plain(value)
            if self.has_pull_queues and field.containing_oneof is not None:
                settings["type"] = QueueType.PULL if name == "pull_target" else QueueType.PUSH
        return settings

    def _rates(self, message: Any) -> Mapping[str, Any]:
        """Return RateLimits by v2's names. In v2 only the server sets the burst size. Evidence: recorded."""
        rates = {OURS.get(name, name): value for name, value in plain(message).items()}
        if not self._sets_burst:
            rates.pop("max_burst_size", None)
        return rates

    def retry_settings(self, message: Any) -> Mapping[str, Any]:
        """Return a RetryConfig. In versions with a field for unlimited attempts, a limit must be positive."""
        retry: dict[str, Any] = plain(message)
        if self._has_unlimited:
            if retry.get("max_attempts", 1) < 1:
                raise errors.ATTEMPTS_NOT_POSITIVE.error()
            if retry.pop("unlimited_attempts", False):
                retry["max_attempts"] = UNLIMITED
        return retry

    def update_mask(self, request: Any) -> tuple[Sequence[str], str | None]:
        """Return an UpdateQueue's mask by the service's names, and its first path that is no field.

        A request without a mask means all fields that this version can set. Fields of other versions keep their values.
        """
        if not request.HasField("update_mask"):
            return self._all_settings, None
        paths = request.update_mask.paths
        unknown = next((path for path in paths if not self._is_path(path)), None)
        return [] if unknown is not None else [self._path(path) for path in paths], unknown

    def _path(self, path: str) -> str:
        head, _, rest = path.partition(".")
        if head == self._routing:
            return rest or ROUTING_OVERRIDE
        if head in ("type", self._type, "pull_target"):
            return "type"
        if head not in ("rate_limits", "retry_config") or not rest:
            return path
        if rest == "max_burst_size" and not self._sets_burst:
            return _PASSED_OVER
        return f"{head}.{'max_attempts' if rest == 'unlimited_attempts' else OURS.get(rest, rest)}"

    def _is_path(self, path: str) -> bool:
        """Return whether ``path`` is a field of this version's Queue, and not below a list or a duration."""
        message = self._queue.DESCRIPTOR
        for part in path.split("."):
            name = "" if message is None else field_name(message, part)
            if not name:
                return False
            field = message.fields_by_name[name]
            is_leaf = is_repeated(field) or not is_message_of_tasks(field.message_type)
            message = None if is_leaf else field.message_type
        return True

    def in_own_words(self, text: str) -> str:
        """Return an error text with this version's names of fields."""
        for ours, own in self._own_words:
            text = text.replace(ours, own)
        return text

    # --- writing -------------------------------------------------------------------------------------------------

    def queue(self, queue: Queue) -> Any:
        """Return a Queue message. An unset limit on duration is left out. Evidence: recorded."""
        config = queue.config
        message = self._queue(name=queue.name, state=queue.state.value)
        rates = message.rate_limits
        setattr(rates, self._rate, config.rate_limits.max_dispatches_per_second)
        setattr(rates, self._concurrency, config.rate_limits.max_concurrent_dispatches)
        rates.max_burst_size = config.rate_limits.max_burst_size
        self.write_retry(message.retry_config, config.retry_config)
        if queue.purge_time is not None:
            set_instant(message.purge_time, truncated(queue.purge_time, 1_000))
        for name in self._ttls:
            set_instant(getattr(message, name), getattr(config, name))
        if self._type:
            setattr(message, self._type, config.type.value)
        self._write_other(message, config.other)
        if self.has_pull_queues and queue.is_pull:
            message.pull_target.SetInParent()
        return wrapped(self.types.Queue, message)

    def _write_other(self, message: Any, other: GivenSettings) -> None:
        """Write routing and HTTP target.

        If a version excludes both together, write the HTTP target. Evidence: our choice.
        """
        for name, values in other.items():
            if name == ROUTING_OVERRIDE:
                part = getattr(message, self._routing) if self._routing else message
                part.SetInParent()
                if values or not self._routing:
                    _set(part.app_engine_routing_override, values)
            elif name != "http_target" and self._has_logging:
                _set(getattr(message, name), values)
        if self._has_http_target and "http_target" in other:
            write_overrides(message.http_target, other["http_target"])

    def write_retry(self, message: Any, config: RetryConfig) -> None:
        """Fill in a RetryConfig."""
        if self._has_unlimited and config.max_attempts == UNLIMITED:
            message.unlimited_attempts = True
        else:
            message.max_attempts = config.max_attempts
        message.max_doublings = config.max_doublings
        set_instant(message.min_backoff, config.min_backoff)
        set_instant(message.max_backoff, config.max_backoff)
        if config.max_retry_duration:
            set_instant(message.max_retry_duration, config.max_retry_duration)

    def masked(self, message: Any, stats: QueueStats, paths: Iterable[str]) -> Any:
        """Return ``message``, a Queue, with only the fields that a read mask names. They may be statistics.

        Evidence: documented. Our choice: an unknown name is an error, and ``*`` means all fields.
        """
        whole = proto_of(message)
        _set(whole.stats, {key: value for key, value in stats._asdict().items() if not key.endswith("_time")})
        if stats.oldest_estimated_arrival_time is not None:
            set_instant(
                whole.stats.oldest_estimated_arrival_time, truncated(stats.oldest_estimated_arrival_time, 1_000)
            )
        if list(paths) == ["*"]:
            return wrapped(self.types.Queue, whole)
        for path in paths:
            if not self._is_path(path):
                raise errors.READ_MASK_UNKNOWN_FIELD.error(path=path)
        names = [self._type if path == "type" else path for path in paths]
        part = self._queue()
        field_mask_pb2.FieldMask(paths=names).MergeMessage(whole, part)
        return wrapped(self.types.Queue, part)

    def list_queues_response(self, queues: Iterable[Queue], next_page_token: str, show: Callable[[Queue], Any]) -> Any:
        """Return a ListQueuesResponse. ``show`` makes a message of each queue."""
        return self.types.ListQueuesResponse(queues=[show(queue) for queue in queues], next_page_token=next_page_token)


def _set(message: Any, values: Mapping[str, Any]) -> None:
    message.SetInParent()
    for name, value in values.items():
        setattr(message, name, value)


def overrides_of(message: Any) -> Overrides:
    """Return the set fields of a message, nested as there, with enum values by name."""
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        # protobuf's own sequence, which is not a list
        return overrides_of(value) if hasattr(value, "ListFields") else [overrides_of(item) for item in value]
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value


def write_overrides(message: Any, settings: Overrides) -> None:
    """Set the fields that ``settings`` has."""
    message.SetInParent()
    json_format.ParseDict(settings, message)


# --- filters of ListQueues, made of the fields of Google's message ---

_KINDS_OF_TIME = {"google.protobuf.Duration": Kind.DURATION, "google.protobuf.Timestamp": Kind.TIME}


class FilterFields:
    """Finds fields of a message, also nested ones, by names in snake or camel case, ignoring case."""

    def __init__(self, descriptor: Any, record: Callable[[Queue], Any]) -> None:
        """Prepare the fields of queues. ``record`` makes the message of a queue."""
        self._descriptor = descriptor
        self.record = record

    def find(self, path: str) -> Field | None:
        """Return the field at ``path``."""
        descriptor, steps = self._descriptor, []
        for part in path.split("."):
            field = None if descriptor is None else _named(descriptor, part)
            if field is None:
                return None
            steps.append(field)
            descriptor = field.message_type if _kind(field) is Kind.MESSAGE else None
        enum = steps[-1].enum_type
        return Field(
            kind=_kind(steps[-1]),
            values=lambda message: list(_values_at(message, steps)),
            is_set=lambda message: _is_set(message, steps),
            numbers={}
            if enum is None
            else {name.lower(): member.number for name, member in enum.values_by_name.items()},
        )


def _named(descriptor: Any, name: str) -> Any:
    lower = name.lower()
    return next((field for field in descriptor.fields if lower in (field.name, field.json_name.lower())), None)


def _kind(field: Any) -> Kind:
    if field.message_type is not None:
        return _KINDS_OF_TIME.get(field.message_type.full_name, Kind.MESSAGE)
    if field.enum_type is not None:
        return Kind.ENUM
    if field.type == field.TYPE_STRING:
        return Kind.TEXT
    return Kind.BOOLEAN if field.type == field.TYPE_BOOL else Kind.NUMBER


def _values_at(message: Any, steps: Sequence[Any]) -> Iterator[Any]:
    """Yield the values at the end of ``steps``, with defaults for unset messages and nothing for empty lists."""
    field, *rest = steps
    value = getattr(message, field.name)
    for item in value if is_repeated(field) else [value]:
        if rest:
            yield from _values_at(item, rest)
        elif _kind(field) is Kind.TIME:
            yield nanoseconds(item) if message.HasField(field.name) else None
        else:
            yield nanoseconds(item) if _kind(field) is Kind.DURATION else item


def _is_set(message: Any, steps: Sequence[Any]) -> bool:
    field, *rest = steps
    if not any(present.number == field.number for present, _ in message.ListFields()):
        return False
    value = getattr(message, field.name)
    return not rest or any(_is_set(item, rest) for item in (value if is_repeated(field) else [value]))
