"""The settings of a fake: what the marker, the ini file and `FakeCloudTasks` take, and how it is checked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from .._service.options import Knobs
from .._text import did_you_mean, is_encodable, listed, safe_repr
from .._time.instants import duration_of, from_datetime, read_duration
from .._units import MINUTE
from .queue_files import is_queue_file, queues_in_file

CALLER = "user:test@example.com"
"""The member that a client is where `iam_emulation` names no other."""
QueueFields = Mapping[str, Any]
"""A queue's fields as Google's Queue message takes them."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set about a fake."""

    queues: Mapping[str, QueueFields] = field(default_factory=dict)
    """Queues that exist from the start: ID or full name to fields."""
    project: str = "test-project"
    location: str = "us-central1"
    start: int | None = None
    time: str = "held"
    seed: int = 0
    order: str = "fifo"
    strict: bool | str = False
    auto_create_queues: bool = False
    outside: str = "real"
    autouse: bool = False
    on_exception: str = "raise"
    redirect_endpoints: tuple[str, ...] = ()
    google_auth: bool = False
    eager: bool = False
    service: Knobs = field(default_factory=Knobs)

    def queue_name(self, queue: str) -> str:
        """The full name of a queue given by its ID or its full name."""
        if not isinstance(queue, str):
            raise TypeError(
                "A queue is named by its ID, such as 'receipts', or its full name, and this is an object of the class"
                f" {type(queue).__name__}. Of one of Google's messages pass the name."
            )
        if "/" in queue:
            return queue
        return f"projects/{self.project}/locations/{self.location}/queues/{queue}"


class Option(NamedTuple):
    """One setting as users write it."""

    name: str
    check: Callable[[Any], Any]
    """Turns what a marker or a caller gives into the setting; raises ValueError or TypeError with a sentence."""
    read: Callable[[str], Any]
    """Turns the text of an ini file into what `check` takes."""
    help: str
    is_list: bool = False
    """Whether the ini file has one value a line."""


def _one_of(name: str, *values: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in values:
            raise ValueError(
                f"{name} takes {listed(map(repr, values), 'or')}, and got"
                f" {safe_repr(value)}.{did_you_mean(value, values)}"
            )
        return str(value)

    return check


def _flag(name: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError(f"{name} takes True or False, and got {safe_repr(value)}.")
        return value

    return check


def _text(name: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not is_encodable(value) or not value:
            raise TypeError(f"{name} takes a text, and got {safe_repr(value)}.")
        return str(value)

    return check


def _strict(value: Any) -> bool | str:
    if isinstance(value, bool) or value == "drained":
        return value  # type: ignore[no-any-return]
    near = did_you_mean(value, ("True", "False", "drained"))
    raise ValueError(f"strict takes True, False or 'drained', and got {safe_repr(value)}.{near}")


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"seed takes an integer, and got {safe_repr(value)}.")
    if abs(value) >= 10**100:
        raise ValueError(f"seed takes an integer of at most 100 digits, and got {safe_repr(value)}.")
    return value


def _start(value: Any) -> int:
    value = _read_instant(value) if isinstance(value, str) else value
    if isinstance(value, str):
        raise ValueError(
            f"start takes an instant with its offset from UTC, such as 2030-01-01T00:00:00+00:00, and"
            f" got {safe_repr(value)}."
        )
    return from_datetime(value, what="start")


def _addresses(value: Any) -> tuple[str, ...]:
    addresses = None if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if addresses is None or not all(isinstance(one, str) for one in addresses):
        raise TypeError(f"redirect_endpoints takes a list of host:port texts, and got {safe_repr(value)}.")
    for one in addresses:
        if not re.search(r"(?<!/)[^/]:\d+$", one) or one.startswith(("http:", "https:")):
            raise ValueError(
                "redirect_endpoints takes addresses as channels are given them, such as 'localhost:8123', and got"
                f" {safe_repr(one)}."
            )
    return addresses


_DEPTH = 5
"""How deep lists of queues may be nested."""


def _queues(value: Any, depth: int = 0) -> dict[str, QueueFields]:
    """Queues as IDs, names, files, or mappings of ID to fields, alone or in a list."""
    if isinstance(value, Mapping):
        for name, fields in value.items():
            if not isinstance(fields, Mapping):
                raise TypeError(
                    f"queues maps a queue's ID to its fields, such as {{'{name}': {{'retry_config': …}}}}, and got"
                    f" {safe_repr(fields)}."
                )
        return dict(value)
    if isinstance(value, (str, Path)):
        text = str(value)
        return dict(queues_in_file(Path(value))) if is_queue_file(text) else {text: {}}
    if isinstance(value, Iterable) and depth < _DEPTH:
        found: dict[str, QueueFields] = {}
        for one in value:
            found.update(_queues(one, depth + 1))
        return found
    raise TypeError(f"queues takes queue IDs, a mapping of IDs to fields, or a file, and got {safe_repr(value)}.")


def _knobs(value: Any) -> Knobs:
    if isinstance(value, Knobs):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"service takes a mapping of knobs to values, and got {safe_repr(value)}.")
    fields = {one.name: one for one in dataclasses.fields(Knobs)}
    changes = {}
    for name, setting in value.items():
        if name not in fields:
            raise ValueError(
                f"service has no knob {safe_repr(name)}.{did_you_mean(name, fields)} Its knobs are"
                f" {listed(sorted(fields))}."
            )
        changes[name] = _knob(name, setting, getattr(Knobs(), name))
    return dataclasses.replace(Knobs(), **changes)


def _knob(name: str, value: Any, default: Any) -> Any:
    what = f"service knob {name}"
    if name == "iam_emulation":
        return _member(what, value)
    if name == "iam_roles":
        return _roles(what, value)
    if isinstance(default, Enum):
        kind = type(default)
        choice = str(value.value if isinstance(value, kind) else value)  # an ini file's 2026 is read as a number
        if choice not in (values := [one.value for one in kind]):
            raise ValueError(f"{what} takes {listed(map(repr, values), 'or')}, and got {safe_repr(value)}.")
        return kind(choice)
    if isinstance(default, bool):
        return _flag(what)(value)
    if isinstance(default, str):
        return _text(what)(value)
    if name == "max_task_size":
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise ValueError(f"{what} takes a positive number of bytes, and got {safe_repr(value)}.")
    if name == "burst_size":
        if callable(value) or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value
        raise ValueError(
            f"{what} takes a positive number, or a callable that makes one of the rate; got {safe_repr(value)}."
        )
    duration = duration_of(value, what=what)
    if name in ("purge_delay", "queue_init_delay") and duration > MINUTE:
        raise ValueError(f"{what} takes a duration of one minute at the most, and got {safe_repr(value)}.")
    return duration


def _member(what: str, value: Any) -> str:
    """The member that the caller is, for policies; "" for off."""
    if isinstance(value, bool):
        return CALLER if value else ""
    if isinstance(value, str) and (value == "" or ":" in value):
        return value
    raise ValueError(
        f"{what} takes True, False, or the member that the client is, such as 'user:me@example.com',"
        f" and got {safe_repr(value)}."
    )


def _roles(what: str, value: Any) -> dict[str, frozenset[str]]:
    """Custom roles: a mapping, or the ini file's ``role: permission permission, role: permission``."""
    if isinstance(value, str):
        pairs = (one.rpartition(":") for one in value.split(",") if one.strip())
        value = {role.strip(): permissions.split() for role, _, permissions in pairs}
    is_mapping = isinstance(value, Mapping) and all(isinstance(role, str) and role for role in value)
    if not is_mapping or any(isinstance(granted, str) for granted in value.values()):
        raise TypeError(
            f"{what} takes a mapping of roles to lists of the permissions they grant, such as"
            f" {{'projects/p/roles/creator': ['cloudtasks.tasks.create']}}, and got {safe_repr(value)}."
        )
    return {role: frozenset(granted) for role, granted in value.items()}


# --- the texts of an ini file ------------------------------------------------------------------------------------


_FLAGS = {**dict.fromkeys(("true", "1", "yes", "on"), True), **dict.fromkeys(("false", "0", "no", "off"), False)}


def _read_flag(text: str) -> Any:
    return _FLAGS.get(text.strip().lower(), text)


def _read_int(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def _read_instant(text: str) -> Any:
    try:
        instant = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return text
    return text if instant.tzinfo is None else instant


def _read_knob(line: str) -> tuple[str, Any]:
    name, _, text = (part.strip() for part in line.partition("="))
    duration = read_duration(text)
    if duration is not None:
        return name, duration
    flag = _read_flag(text)
    return name, flag if isinstance(flag, bool) and text not in ("0", "1") else _read_int(text)


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option("queues", _queues, str, "queues that exist from the start: IDs, full names, or files", is_list=True),
        Option("project", _text("project"), str, "the project of queues given by their ID"),
        Option("location", _text("location"), str, "the location of queues given by their ID"),
        Option("start", _start, _read_instant, "the instant at which time is held, with its offset from UTC"),
        Option("time", _one_of("time", "held", "virtual"), str, "held: one time for queue and test; virtual: two"),
        Option("seed", _seed, _read_int, "the number that every random choice follows from"),
        Option("order", _one_of("order", "fifo", "shuffle"), str, "fifo: as they come; shuffle: as the seed has it"),
        Option("strict", _strict, _read_flag, "fail for tasks and errors that nobody has looked at, or that are left"),
        Option("auto_create_queues", _flag("auto_create_queues"), _read_flag, "create missing queues by CreateTask"),
        Option("outside", _one_of("outside", "real", "refuse"), str, "calls outside a fake: let them, or refuse them"),
        Option("autouse", _flag("autouse"), _read_flag, "give every test a fake"),
        Option("on_exception", _one_of("on_exception", "raise", "500"), str, "what a handler's exception does"),
        Option("redirect_endpoints", _addresses, str, "host:port of channels to take over nevertheless", is_list=True),
        Option("google_auth", _flag("google_auth"), _read_flag, "let google.auth.default() succeed in a fake"),
        Option("eager", _flag("eager"), _read_flag, "dispatch what is due before the creating call returns"),
        Option("service", _knobs, str, "knobs of the modelled service, name = value", is_list=True),
    )
}


def settings_from_ini(values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked settings from an ini file; empty ones are unset.

    Values are texts (a list of lines for list options), and for flags and numbers also such: TOML has them.
    """
    found = {}
    for name, value in values.items():
        option = OPTIONS[name]
        if not value:
            continue
        if name == "service":
            given: Any = dict(_read_knob(line) for line in value)
        elif option.is_list:
            given = [option.read(line) for line in value]
        else:
            given = option.read(value) if isinstance(value, str) else value
        found[name] = option.check(given)
    return found


def checked(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Checked settings from a marker's or a caller's arguments; ``where`` begins the message of a misspelt one."""
    found = {}
    for name, value in values.items():
        if name not in OPTIONS:
            raise ValueError(
                f"{where} has no option {safe_repr(name)}.{did_you_mean(name, OPTIONS)} Its options are"
                f" {listed(OPTIONS)}."
            )
        found[name] = OPTIONS[name].check(value)
    return found


def merged(*layers: Mapping[str, Any]) -> Settings:
    """One `Settings` from checked layers, the later winning key by key; queues add up, whichever name they go by."""
    result: dict[str, Any] = {}
    for layer in layers:
        result.update(layer)
    settings = Settings(**result)
    given = [one for layer in layers for one in layer.get("queues", {}).items()]
    queues = {settings.queue_name(queue): (queue, fields) for queue, fields in given}
    return replace(settings, queues=dict(queues.values()))
