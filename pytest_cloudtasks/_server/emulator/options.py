"""The table of the options of ``serve``, the source of the command line, environment variables and ``--help``."""

from __future__ import annotations

import argparse
import os
from enum import Enum
from typing import Any, NamedTuple

from ..._arguments import flag_of
from ..._simulation.settings.options import OPTIONS

GRPC_PORT = 8123
"""The port on which most emulators of Cloud Tasks listen."""
REST_PORT = 9090
ENVIRONMENT = "PYTEST_CLOUDTASKS_"
"""The prefix of the options' environment variables."""
LOG_FORMATS = ("text", "json", "none")
ENDINGS = ("parent", "stdin")


class Kind(Enum):
    """The kinds of values that options take."""

    TEXT = "text"
    PORT = "port"
    LIST = "list"
    """A text; the option may be repeated. In a variable, commas separate the texts."""
    SWITCH = "switch"
    """No value. In a variable, 1 or 0."""


class ServeOption(NamedTuple):
    """An option of ``serve``."""

    flag: str
    help: str
    kind: Kind = Kind.TEXT
    metavar: str | None = None
    default: str | None = None
    choices: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The option's name in Python: ``allow_host`` for ``--allow-host``."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT + self.name.upper()


GROUPS = {
    "where it listens": (
        ServeOption(
            "--host",
            "the address (127.0.0.1). One that other machines reach, such as 0.0.0.0, needs --allow-host or --token",
            default="127.0.0.1",
        ),
        ServeOption(
            "--allow-host",
            "answer REST requests for this host name, too, such as the name of the container; may be repeated. By"
            " default only localhost and loopback addresses are answered, because a web page could use any other name"
            " to reach the server",
            Kind.LIST,
            "HOST",
        ),
        ServeOption(
            "--token",
            "the page and the control endpoints require the header `Authorization: Bearer SECRET`. Prefer the variable:"
            " command lines are visible to other users",
            metavar="SECRET",
        ),
        ServeOption("--port", "one port for both gRPC and REST; 0 for a free one", Kind.PORT, "PORT"),
        ServeOption("--grpc-port", f"{GRPC_PORT}; 0 for a free one", Kind.PORT, "PORT"),
        ServeOption("--rest-port", f"{REST_PORT}, which takes gRPC, too; 0 for a free one", Kind.PORT, "PORT"),
    ),
    "queues": (
        ServeOption(
            "--queue",
            "a queue that exists from the start: an ID or a full name; may be repeated",
            Kind.LIST,
            "QUEUE",
        ),
        ServeOption(
            "--queues",
            "a queue.yaml, or the JSON of `gcloud tasks queues list --format=json` or `terraform show -json`",
            Kind.LIST,
            "FILE",
        ),
        ServeOption("--project", OPTIONS["project"].help_with_default),
        ServeOption("--location", OPTIONS["location"].help_with_default),
        ServeOption("--auto-create-queues", "create missing queues by CreateTask", Kind.SWITCH),
    ),
    "deliveries": (
        ServeOption(
            "--forward",
            "send requests to URLs under BASE to the server TO, which may be anywhere; may be repeated",
            Kind.LIST,
            "BASE=TO",
        ),
        ServeOption("--app-engine-host", "the server that App Engine tasks go to", metavar="URL"),
        ServeOption(
            "--firebase-functions",
            "the server of Firebase functions: tasks that its Admin SDKs create without a URL go to"
            " URL/PROJECT/LOCATION/QUEUE",
            metavar="URL",
        ),
        ServeOption(
            "--insecure-target",
            "don't verify the certificate of an https server with this host name, such as localhost; may be repeated",
            Kind.LIST,
            "HOST",
        ),
        ServeOption(
            "--allow-remote", "send to any address that a task names; without it, only to this machine", Kind.SWITCH
        ),
    ),
    "the service and the server": (
        ServeOption(
            "--service",
            "an option of the modelled service, such as max_task_size=102400; may be repeated",
            Kind.LIST,
            "OPTION=VALUE",
        ),
        ServeOption("--seed", "the seed of task IDs; random if unset", metavar="N"),
        ServeOption(
            "--grace",
            "how long deliveries under way may take to end when the server is stopped (10s)",
            metavar="TIME",
            default="10s",
        ),
        ServeOption(
            "--ready-file",
            "write a JSON file with the addresses once the server answers; it is removed at the end",
            metavar="PATH",
        ),
        ServeOption(
            "--end-with",
            "stop when the parent process ends, or the standard input",
            choices=ENDINGS,
        ),
        ServeOption("--log-format", "the form of the log (text)", default="text", choices=LOG_FORMATS),
    ),
}
"""The options, by their heading in ``--help``."""
SERVE_OPTIONS = {option.name: option for group in GROUPS.values() for option in group}
"""The options by their names in Python."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to ``parser``; each option's environment variable sets its default."""
    for heading, options in GROUPS.items():
        group = parser.add_argument_group(heading)
        for option in options:
            help_text = f"{option.help.replace('%', '%%')} [{option.variable}]"
            default = _default(option)
            if option.kind is Kind.SWITCH:
                group.add_argument(option.flag, help=help_text, default=default, action="store_true")
            elif option.kind is Kind.LIST:
                group.add_argument(
                    option.flag, help=help_text, default=default, metavar=option.metavar, action="append"
                )
            else:
                group.add_argument(
                    option.flag,
                    help=help_text,
                    default=default,
                    metavar=option.metavar,
                    type=int if option.kind is Kind.PORT else str,
                    choices=option.choices,
                )


def _default(option: ServeOption) -> Any:
    value = os.environ.get(option.variable)
    if option.kind is Kind.LIST:
        return [part.strip() for part in value.split(",")] if value else []
    if option.kind is Kind.SWITCH:
        return value or False
    return value or option.default


def is_on(options: argparse.Namespace, name: str) -> bool:
    """Return whether a switch is on, by the command line or by the text of its environment variable."""
    value: bool | str = getattr(options, name)
    on = value if isinstance(value, bool) else flag_of(value)
    if on is None:
        raise ValueError(f"{SERVE_OPTIONS[name].variable} takes 1 or 0, but got {value!r}.")
    return on
