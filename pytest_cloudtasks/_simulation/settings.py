"""The settings of a fake: the options of the marker, the ini file and `FakeCloudTasks`, and their checks."""

# Annotations are not strings here: a NamedTuple compiles string annotations, which would slow every start of pytest.
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from .._arguments import checked_flag, flag_of, is_whole
from .._service.options import ServiceOptions, SystemThrottle
from .._text import did_you_mean, is_encodable, listed, safe_repr
from .._time.instants import duration_of, from_datetime, read_duration
from .._units import MINUTE

CALLER = "user:test@example.com"
"""The client's member if `iam_emulation` names no other."""
QueueFields = Mapping[str, Any]
"""A queue's fields, as for Google's Queue message."""


class Option:
    """One option of a fake, as users write it."""

    def __init__(self, name: str, default: Any, check_value: Callable[[str, Any], Any], takes: str, help: str) -> None:
        """Define an option.

        ``check_value`` turns a marker's or caller's value into the setting, or raises ValueError or TypeError.
        """
        self.name = name
        self.default = default
        """The default value."""
        self.takes = takes
        """The type of its values in a marker, in Markdown."""
        self.help = help
        self._check_value = check_value

    def check(self, value: Any) -> Any:
        """Return the setting for ``value``."""
        return self._check_value(self.name, value)

    @property
    def is_list(self) -> bool:
        """Whether the ini file has one value a line."""
        return isinstance(self.default, (tuple, dict))

    @property
    def ini_type(self) -> Any:
        """The type of the ini option. An option of several types takes TOML's own values in ``[tool.pytest]``."""
        if self.is_list:
            return "linelist"
        return type(self.default) | str if isinstance(self.default, int) else "string"

    def read(self, text: str) -> Any:
        """Return the value for `check` from the text of an ini file."""
        if isinstance(self.default, bool):
            flag = flag_of(text)
            return text if flag is None else flag
        return _read_int(text) if isinstance(self.default, int) else text

    @property
    def help_with_default(self) -> str:
        """The help text, with the default in parentheses if there is one."""
        if self.default is None or self.default in ("", (), {}):
            return self.help
        return f"{self.help} ({str(self.default).lower() if isinstance(self.default, bool) else self.default})"

    def __str__(self) -> str:
        """Return ``project="test-project"``, as in a signature."""
        return f"{self.name}={json.dumps(self.default) if isinstance(self.default, str) else repr(self.default)}"


def _one_of(*values: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(
                f"{name} takes {listed(map(repr, values), 'or')}, but got"
                f" {safe_repr(value)}.{did_you_mean(value, values)}"
            )
        return str(value)

    return check


def _text(name: str, value: Any) -> str:
    if not is_encodable(value) or not value:
        raise TypeError(f"{name} takes a text, but got {safe_repr(value)}.")
    return str(value)


def _strict(name: str, value: Any) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value == "drained"):
        return value
    near = did_you_mean(value, ("True", "False", "drained"))
    raise ValueError(f"{name} takes True, False or 'drained', but got {safe_repr(value)}.{near}")


def _seed(name: str, value: Any) -> int:
    if not is_whole(value):
        raise TypeError(f"{name} takes an integer, but got {safe_repr(value)}.")
    if abs(value) >= 10**100:
        raise ValueError(f"{name} takes an integer of at most 100 digits, but got {safe_repr(value)}.")
    return value


def _start(name: str, value: Any) -> int:
    value = _read_instant(value) if isinstance(value, str) else value
    if isinstance(value, str):
        raise ValueError(
            f"{name} takes an instant with its offset from UTC, such as 2030-01-01T00:00:00+00:00, but"
            f" got {safe_repr(value)}."
        )
    return from_datetime(value, what=name)


def _texts(value: Any) -> tuple[str, ...] | None:
    """Return the texts of a list or another iterable; None for a text itself, or if others are in it."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return None
    texts = []
    for one in value:  # which may be endless
        if not isinstance(one, str):
            return None
        texts.append(one)
    return tuple(texts)


def _addresses(name: str, value: Any) -> tuple[str, ...]:
    addresses = _texts(value)
    if addresses is None:
        raise TypeError(f"{name} takes a list of host:port texts, but got {safe_repr(value)}.")
    for one in addresses:
        from .._clients.http.destinations import is_address  # few tests have an address

        if not is_address(one):
            raise ValueError(
                f"{name} takes addresses as channels are given them, such as 'localhost:8123', but got"
                f" {safe_repr(one)}."
            )
    return addresses


def _server_url(name: str, value: Any) -> str:
    if value == "":
        return ""
    from .._targets.urls import server_url  # loads ipaddress and socket, which a start of pytest doesn't need

    return server_url(value, name)


_DEPTH = 5
"""The maximum depth of nested lists of queues."""


def _queues(name: str, value: Any, depth: int = 0) -> dict[str, QueueFields]:
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
        return _added_up(one for part in value for one in _queues(name, part, depth + 1).items())
    raise TypeError(f"{name} takes queue IDs, a mapping of IDs to fields, or a file, but got {safe_repr(value)}.")


def _added_up(queues: Iterable[tuple[str, QueueFields]]) -> dict[str, QueueFields]:
    """Return one queue of each name, with the fields of all of that name. Later ones win, field by field."""
    found: dict[str, QueueFields] = {}
    for name, fields in queues:
        found[name] = _added_fields(found[name], fields) if name in found else fields
    return found


def _added_fields(fields: QueueFields, later: QueueFields) -> QueueFields:
    result = dict(fields)
    for name, value in later.items():
        before = result.pop(name, None)  # of a oneof the later field counts, so it has to come last
        both = _mapping_of(before), _mapping_of(value)
        result[name] = value if both[0] is None or both[1] is None else _added_fields(both[0], both[1])
    return result


def _mapping_of(value: Any) -> QueueFields | None:
    """Return the set fields of a mapping or one of Google's messages; None for anything else."""
    if value is None or isinstance(value, Mapping):
        return value
    from .._messages.proto import fields_set_in, is_message  # settings rarely have messages in them

    return fields_set_in(value) if is_message(value) else None


def is_queue_file(text: str) -> bool:
    """Return whether ``text`` names a file of queues rather than a queue."""
    return text.endswith((".yaml", ".yml", ".json"))


def located(queues: Any, folders: Sequence[Path]) -> Any:
    """Return ``queues`` as a setting, with relative files resolved against the first of ``folders`` that has them."""
    if isinstance(queues, (str, Path)):
        if is_queue_file(str(queues)):
            return next((folder / queues for folder in folders if (folder / queues).exists()), queues)
    elif isinstance(queues, Iterable) and not isinstance(queues, Mapping):
        return [located(one, folders) for one in queues]
    return queues


def _service_options(option: str, value: Any) -> ServiceOptions:
    if isinstance(value, ServiceOptions):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{option} takes a mapping of options to values, but got {safe_repr(value)}.")
    fields = ServiceOptions._fields
    changes = {}
    for name, setting in value.items():
        if name not in fields:
            raise ValueError(
                f"{option} has no option {safe_repr(name)}.{did_you_mean(name, fields)} Its options are"
                f" {listed(sorted(fields))}."
            )
        changes[name] = SERVICE_CHECKS[name](f"service option {name}", setting)
    return ServiceOptions(**changes)


def _duration(what: str, value: Any) -> int:
    return duration_of(value, what=what)


def _up_to_a_minute(what: str, value: Any) -> int:
    duration = duration_of(value, what=what)
    if duration > MINUTE:
        raise ValueError(f"{what} takes a duration of one minute at the most, but got {safe_repr(value)}.")
    return duration


def _size(what: str, value: Any) -> int:
    if not is_whole(value) or value <= 0:
        raise ValueError(f"{what} takes a positive number of bytes, but got {safe_repr(value)}.")
    return int(value)


def _burst(what: str, value: Any) -> Any:
    if not callable(value) and not (is_whole(value) and value > 0):
        raise ValueError(
            f"{what} takes a positive number, or a callable that returns one for a rate, but got {safe_repr(value)}."
        )
    return value


def _throttle(what: str, value: Any) -> SystemThrottle:
    if isinstance(value, SystemThrottle):
        return value
    values = [one.value for one in SystemThrottle]
    if not isinstance(value, str) or value not in values:
        raise ValueError(f"{what} takes {listed(map(repr, values), 'or')}, but got {safe_repr(value)}.")
    return SystemThrottle(value)


def _member(what: str, value: Any) -> str:
    """Return the caller's member for policies; "" for off."""
    if isinstance(value, bool):
        return CALLER if value else ""
    if isinstance(value, str) and (value == "" or ":" in value):
        return value
    raise ValueError(
        f"{what} takes True, False, or the member that the client is, such as 'user:me@example.com',"
        f" but got {safe_repr(value)}."
    )


def _roles(what: str, value: Any) -> dict[str, frozenset[str]]:
    """Return custom roles from a mapping, or from the ini file's ``role: permission permission, role: permission``."""
    if isinstance(value, str):
        pairs = (one.rpartition(":") for one in value.split(",") if one.strip())
        value = {role.strip(): permissions.split() for role, _, permissions in pairs}
    is_mapping = isinstance(value, Mapping) and all(isinstance(role, str) and role for role in value)
    roles = {role: _texts(granted) for role, granted in value.items()} if is_mapping else {}
    if not is_mapping or None in roles.values():
        raise TypeError(
            f"{what} takes a mapping of roles to lists of the permissions they grant, such as"
            f" {{'projects/p/roles/creator': ['cloudtasks.tasks.create']}}, but got {safe_repr(value)}."
        )
    return {role: frozenset(granted or ()) for role, granted in roles.items()}


SERVICE_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "queue_tombstone_ttl": _duration,
    "task_tombstone_ttl": _duration,
    "max_task_size": _size,
    "app_engine_host_suffix": _text,
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

# --- the texts of an ini file ------------------------------------------------------------------------------------


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


def _read_service_option(line: str) -> tuple[str, Any]:
    name, _, text = (part.strip() for part in line.partition("="))
    duration = read_duration(text)
    if duration is not None:
        return name, duration
    flag = flag_of(text)
    return name, _read_int(text) if flag is None or text in ("0", "1") else flag


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option(
            "queues",
            (),
            _queues,
            "IDs, full names, `{ID: fields}`, a file, or a list",
            "queues that exist from the start: IDs, full names, a queue.yaml, or JSON of gcloud or Terraform",
        ),
        Option(
            "project",
            "test-project",
            _text,
            "`str`",
            "the project of queues given by their ID",
        ),
        Option(
            "location",
            "us-central1",
            _text,
            "`str`",
            "the location of queues given by their ID",
        ),
        Option(
            "start",
            None,
            _start,
            "aware `datetime`",
            "the instant at which time is held, such as 2030-01-01T00:00:00+00:00; by default the next whole second",
        ),
        Option(
            "time",
            "held",
            _one_of("held", "virtual"),
            '`"held"`, `"virtual"`',
            "held: application and queue share one time; virtual: the queue has a clock of its own",
        ),
        Option(
            "seed",
            0,
            _seed,
            "`int`",
            "the seed of every random choice: task IDs, the jitter of retries, faults at a rate, shuffled order",
        ),
        Option(
            "order",
            "fifo",
            _one_of("fifo", "shuffle"),
            '`"fifo"`, `"shuffle"`',
            "the order of tasks that are due together, and of ListTasks: fifo, as they were created; shuffle, by "
            "the seed",
        ),
        Option(
            "strict",
            False,
            _strict,
            '`bool`, `"drained"`',
            "true: a passing test fails for tasks and errors that it ignored, and for answers of routes that it "
            "did not use; drained: for every task that is left, too",
        ),
        Option(
            "auto_create_queues",
            False,
            checked_flag,
            "`bool`",
            "true: CreateTask creates a missing queue",
        ),
        Option(
            "outside",
            "real",
            _one_of("real", "refuse"),
            '`"real"`, `"refuse"`',
            "calls to Cloud Tasks outside a fake: real passes them on, refuse blocks them and fails the test",
        ),
        Option(
            "autouse",
            False,
            checked_flag,
            "`bool`",
            "true: every test gets a fake",
        ),
        Option(
            "on_exception",
            "raise",
            _one_of("raise", "500"),
            '`"raise"`, `"500"`',
            "a handler's exception: raise fails the test, 500 answers with that status, and the task is retried",
        ),
        Option(
            "redirect_endpoints",
            (),
            _addresses,
            '`"host:port"` or `"host"`, in a list',
            "addresses of emulators whose calls go to the fake; without a port every port of the host",
        ),
        Option(
            "firebase_functions",
            "",
            _server_url,
            "`str`",
            "base URL of a server of Firebase functions; tasks that Firebase's Admin SDKs create without a URL go"
            " to URL/PROJECT/LOCATION/QUEUE",
        ),
        Option(
            "google_auth",
            False,
            checked_flag,
            "`bool`",
            "true: google.auth.default() and fetch_id_token() find credentials of a service on Cloud Run",
        ),
        Option(
            "async_client_loops",
            "any",
            _one_of("any", "one"),
            '`"any"`, `"one"`',
            "any: an asyncio client works in every event loop; one: only in its own, as in production",
        ),
        Option(
            "eager",
            False,
            checked_flag,
            "`bool`",
            "true: due tasks are dispatched before the call that creates them returns",
        ),
        Option(
            "show_secrets",
            False,
            checked_flag,
            "`bool`",
            "true: reports and failures show headers that hold secrets, such as Authorization",
        ),
        Option(
            "service",
            {},
            _service_options,
            "`{name: value}`",
            "options of the modelled service, one `name = value` a line",
        ),
    )
}
"""Every option, in the order of the documentation.

The marker, the ini file, `--help`, the keyword arguments of `FakeCloudTasks`, the emulator's flags and the reference's
table are made from it, or compared with it.
"""

DEFER_CREDENTIALS = Option(
    "defer_credentials",
    True,
    checked_flag,
    "ini only",
    "true: clients of Google that are built before the tests run need no credentials before their first call outside a"
    " fake",
)
"""An option of the whole run, which only the ini file has."""


def _default(name: str) -> Any:
    option = OPTIONS[name]
    return None if option.default is None else option.check(option.default)


class Settings(NamedTuple):
    """All settings of a fake."""

    queues: Mapping[str, QueueFields] = _default("queues")
    """Queues that exist from the start: fields by ID or full name."""
    project: str = _default("project")
    location: str = _default("location")
    start: int | None = _default("start")
    time: str = _default("time")
    seed: int = _default("seed")
    order: str = _default("order")
    strict: bool | str = _default("strict")
    auto_create_queues: bool = _default("auto_create_queues")
    outside: str = _default("outside")
    autouse: bool = _default("autouse")
    on_exception: str = _default("on_exception")
    redirect_endpoints: tuple[str, ...] = _default("redirect_endpoints")
    firebase_functions: str = _default("firebase_functions")
    google_auth: bool = _default("google_auth")
    async_client_loops: str = _default("async_client_loops")
    eager: bool = _default("eager")
    show_secrets: bool = _default("show_secrets")
    service: ServiceOptions = _default("service")

    def queue_name(self, queue: str) -> str:
        """Return the full name of a queue given by its ID or its full name."""
        if not isinstance(queue, str):
            raise TypeError(
                "A queue is given by its ID, such as 'receipts', or its full name, but got an object of the class"
                f" {type(queue).__name__}. For a Queue message, pass queue.name."
            )
        if queue.startswith("locations/"):  # Terraform's form for a queue in the provider's project
            return f"projects/{self.project}/{queue}"
        if "/" in queue:
            return queue
        return f"projects/{self.project}/locations/{self.location}/queues/{queue}"


class RunDefaults:
    """The ini file's values of a pytest run, for fakes whose arguments don't set them."""

    def __init__(self) -> None:
        self.read: Callable[[], Mapping[str, Any]] = dict
        """Gives checked settings; nothing while no run is under way."""


run_defaults = RunDefaults()


def settings_from_ini(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked settings from an ini file. Empty ones are unset.

    Values are texts (a list of lines for list options). Flags and numbers may also be TOML's own values.
    """
    found = {}
    for name, value in values.items():
        option = OPTIONS[name]
        if not value:
            continue
        if name == "service":
            given: Any = dict(_read_service_option(line) for line in value)
        elif option.is_list:
            given = [option.read(line) for line in value]
        else:
            given = option.read(value) if isinstance(value, str) else value
        found[name] = option.check(given)
    return found


def checked(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Return checked settings from a marker's or a caller's arguments.

    ``where`` begins the message for an unknown one.
    """
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
    """Return one `Settings` from checked layers. Later ones win key by key; queues add up, under whichever name."""
    result: dict[str, Any] = {}
    for layer in layers:
        result.update(layer)
    settings = Settings(**result)
    given = [one for layer in layers for one in layer.get("queues", {}).items()]
    written = {settings.queue_name(queue): queue for queue, _ in given}
    queues = _added_up((settings.queue_name(queue), fields) for queue, fields in given)
    return settings._replace(queues={written[name]: fields for name, fields in queues.items()})
