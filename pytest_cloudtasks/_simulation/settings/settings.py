"""The settings of a fake, merged from the ini file, the marker and the arguments of `FakeCloudTasks`."""

# Annotations are not strings here: a NamedTuple compiles string annotations, which would slow every start of pytest.
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..._service.options import ServiceOptions
from . import checks
from .options import OPTIONS
from .queues import QueueFields, merged_queues
from .service_options import read_service_option


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
    """The options of a pytest run, for fakes whose arguments don't set them."""

    def __init__(self) -> None:
        self.read: Callable[[], Mapping[str, Any]] = dict
        """Returns checked settings from the ini file and the command line; {} outside a run."""


run_defaults = RunDefaults()


def settings_from_ini(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked settings from an ini file. Empty ones are unset.

    Values are texts (a list of lines for list options). Flags and numbers may also be TOML's own values.
    """
    settings = {}
    for name, value in values.items():
        option = OPTIONS[name]
        if not value:
            continue
        if name == "service":
            written: Any = dict(read_service_option(line) for line in value)
        elif option.is_list:
            written = [option.read(line) for line in value]
        else:
            written = option.read(value) if isinstance(value, str) else value
        settings[name] = option.check(written)
    return settings


def checked(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """Return checked settings from a marker's or a caller's arguments.

    ``where`` begins the message for an unknown one.
    """
    settings = {}
    for name, value in values.items():
        checks.check_known(where, name, OPTIONS)
        settings[name] = OPTIONS[name].check(value)
    return settings


def merged(*layers: Mapping[str, Any]) -> Settings:
    """Return one `Settings` from checked layers. Later ones win key by key; queues add up, under whichever name."""
    result: dict[str, Any] = {}
    for layer in layers:
        result.update(layer)
    settings = Settings(**result)
    all_queues = [queue for layer in layers for queue in layer.get("queues", {}).items()]
    written = {settings.queue_name(queue): queue for queue, _ in all_queues}
    queues = merged_queues((settings.queue_name(queue), fields) for queue, fields in all_queues)
    return settings._replace(queues={written[name]: fields for name, fields in queues.items()})
