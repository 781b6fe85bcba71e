"""Options of the modelled service: checks of the values that users give, and their texts in an ini file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._arguments import checked_flag, flag_of, is_whole
from ..._service.options import ServiceOptions, SystemThrottle
from ..._text import listed, safe_repr
from ..._time.instants import duration_of, read_duration
from ..._units import MINUTE
from . import checks

CALLER = "user:test@example.com"
"""The client's member if `iam_emulation` names no other."""


def checked_service_options(option: str, value: Any) -> ServiceOptions:
    """Return options of the service from a mapping of names to values."""
    if isinstance(value, ServiceOptions):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{option} takes a mapping of options to values, but got {safe_repr(value)}.")
    changes = {}
    for name, setting in value.items():
        checks.check_known(option, name, sorted(ServiceOptions._fields))
        changes[name] = SERVICE_CHECKS[name](f"service option {name}", setting)
    return ServiceOptions(**changes)


def _duration(name: str, value: Any) -> int:
    return duration_of(value, what=name)


def _up_to_a_minute(name: str, value: Any) -> int:
    duration = duration_of(value, what=name)
    if duration > MINUTE:
        raise ValueError(f"{name} takes a duration of one minute at the most, but got {safe_repr(value)}.")
    return duration


def _size(name: str, value: Any) -> int:
    if not is_whole(value) or value <= 0:
        raise ValueError(f"{name} takes a positive number of bytes, but got {safe_repr(value)}.")
    return int(value)


def _burst(name: str, value: Any) -> Any:
    if not callable(value) and not (is_whole(value) and value > 0):
        raise ValueError(
            f"{name} takes a positive number, or a callable that returns one for a rate, but got {safe_repr(value)}."
        )
    return value


def _throttle(name: str, value: Any) -> SystemThrottle:
    if isinstance(value, SystemThrottle):
        return value
    values = [throttle.value for throttle in SystemThrottle]
    if not isinstance(value, str) or value not in values:
        raise ValueError(f"{name} takes {listed(map(repr, values), 'or')}, but got {safe_repr(value)}.")
    return SystemThrottle(value)


def _member(name: str, value: Any) -> str:
    """Return the caller's member for policies; "" for off."""
    if isinstance(value, bool):
        return CALLER if value else ""
    if isinstance(value, str) and (value == "" or ":" in value):
        return value
    raise ValueError(
        f"{name} takes True, False, or the member that the client is, such as 'user:me@example.com',"
        f" but got {safe_repr(value)}."
    )


def _roles(name: str, value: Any) -> dict[str, frozenset[str]]:
    """Return custom roles from a mapping, or from the ini file's ``role: permission permission, role: permission``."""
    if isinstance(value, str):
        pairs = (pair.rpartition(":") for pair in value.split(",") if pair.strip())
        value = {role.strip(): permissions.split() for role, _, permissions in pairs}
    is_mapping = isinstance(value, Mapping) and all(isinstance(role, str) and role for role in value)
    roles = {role: checks.texts_of(granted) for role, granted in value.items()} if is_mapping else {}
    if not is_mapping or None in roles.values():
        raise TypeError(
            f"{name} takes a mapping of roles to lists of the permissions they grant, such as"
            f" {{'projects/p/roles/creator': ['cloudtasks.tasks.create']}}, but got {safe_repr(value)}."
        )
    return {role: frozenset(granted or ()) for role, granted in roles.items()}


SERVICE_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "queue_tombstone_ttl": _duration,
    "task_tombstone_ttl": _duration,
    "max_task_size": _size,
    "app_engine_host_suffix": checks.text,
    "enforce_rpc_deadline": checked_flag,
    "enforce_lease_rate": checked_flag,
    "burst_size": _burst,
    "purge_delay": _up_to_a_minute,
    "queue_init_delay": _up_to_a_minute,
    "ghost_recreate": checked_flag,
    "legacy_errors": checked_flag,
    "iam_emulation": _member,
    "iam_roles": _roles,
    "treat_304_as_success": checked_flag,
    "honour_retry_after": checked_flag,
    "follow_redirects": checked_flag,
    "system_throttle": _throttle,
}
"""The checks of `ServiceOptions`, which has names, types, defaults and meanings, for values that users give."""


def read_service_option(line: str) -> tuple[str, Any]:
    """Return name and value from a line of an ini file, such as ``purge_delay = 30s``."""
    name, _, text = (part.strip() for part in line.partition("="))
    duration = read_duration(text)
    if duration is not None:
        return name, duration
    flag = flag_of(text)
    return name, checks.read_int(text) if flag is None or text in ("0", "1") else flag
