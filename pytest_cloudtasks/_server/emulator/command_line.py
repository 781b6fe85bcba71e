"""``python -m pytest_cloudtasks serve``: its options, checked.

It imports neither aiohttp nor grpc, so that ``--help`` is quick and a missing package is named in a sentence.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ..._api.cli import PROGRAM, Commands, program_and_version
from ..._arguments import flag_of
from ..._simulation.settings import OPTIONS, Settings, is_queue_file, merged, settings_from_ini
from ..._simulation.simulation import Simulation
from ..._targets.urls import server_url
from ..._time.instants import read_duration as duration_in
from ..host_names import allowed_host, host_name
from .destinations import Destinations, Forwarding

GRPC_PORT = 8123
"""The port at which most emulators of Cloud Tasks listen."""
REST_PORT = 9090
GRACE = 10
ENVIRONMENT = "PYTEST_CLOUDTASKS_"
"""The prefix of the options' environment variables."""
_LOG_FORMATS = ("text", "json", "none")
_IDS = {
    "project": (re.compile(r"[A-Za-z0-9.:-]+"), "my-shop"),  # those of a domain have a dot and a colon
    "location": (re.compile(r"[A-Za-z0-9-]+"), "europe-west1"),
}
"""Patterns of the IDs in a queue's name, each with an example."""
_NEEDED = ("aiohttp", "cryptography")
_HELP = "run a local emulator: gRPC and REST, in real time, with real HTTP requests to your workers"
_DESCRIPTION = """\
Run a local emulator of Cloud Tasks: gRPC and REST, in real time, with real HTTP requests to your workers.

Tasks are kept in memory. They go out when they are due, under the limits of their queues, as real HTTP requests to
this machine; retries follow each queue's backoff. Stop it with Ctrl-C or SIGTERM.
"""
_EXAMPLES = f"""\
examples:
  One queue, and a worker that listens where the tasks' URLs say:
    {PROGRAM} serve --queue emails

  The queues of your project; production URLs lead to a local worker:
    {PROGRAM} serve --project my-shop --location europe-west1 --queues queue.yaml \\
        --forward https://worker.my-shop.com=http://127.0.0.1:8080

  Firebase's Admin SDKs, and functions that the Functions emulator runs:
    {PROGRAM} serve --project my-shop --queue resize --firebase-functions http://127.0.0.1:5001

  App Engine tasks go to the development server:
    {PROGRAM} serve --queue default --app-engine-host http://127.0.0.1:8080

  In a container that others call tasks:
    {PROGRAM} serve --host 0.0.0.0 --allow-host tasks --auto-create-queues \\
        --forward https://worker.test=http://worker:8080

  Ten minutes later, from a test in any language:
    curl -X POST 'http://127.0.0.1:{REST_PORT}/control/jump?by=10m'

Each option can be set by an environment variable: --allow-host by {ENVIRONMENT}ALLOW_HOST, and so on. Separate
several values by commas, and switch an option on or off by 1 or 0. The command line wins; values of options that may
be repeated are added up.

Point Google's client at it, in Python:
  client = tasks_v2.CloudTasksClient(
      transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel("127.0.0.1:{GRPC_PORT}")))
"""


@dataclass(frozen=True)
class ServeOptions:
    """The options of ``serve``, checked."""

    settings: Settings
    destinations: Destinations
    host: str
    grpc_port: int
    rest_port: int
    grace: float
    """Seconds in which deliveries under way may end after the emulator was told to stop."""
    log_format: str
    allowed_hosts: Collection[str] = ()
    """Host names that REST requests may name besides loopback names."""


def add_serve(commands: Commands) -> None:
    """Add the command ``serve``."""
    parser = commands.add_parser(
        "serve",
        usage=f"{PROGRAM} serve [options]",
        help=_HELP,
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_serve, parser=parser)
    parser.add_argument("--version", action="version", version=program_and_version())
    _add_addresses(parser)
    _add_queues(parser)
    _add_deliveries(parser)
    other = parser.add_argument_group("the service and the server")
    _add(
        other,
        "--service",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="an option of the modelled service, such as max_task_size=102400; may be repeated",
    )
    _add(other, "--seed", metavar="N", help="the number that task IDs follow from; another one each time if unset")
    _add(
        other,
        "--grace",
        default=f"{GRACE}s",
        metavar="TIME",
        help="how long deliveries under way may take to end when the server is stopped (%(default)s)",
    )
    _add(other, "--log-format", default="text", choices=_LOG_FORMATS, help="how the log is written (%(default)s)")


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where it listens")
    _add(group, "--host", default="127.0.0.1", help="the address (%(default)s); 0.0.0.0 in a container")
    _add(
        group,
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="answer REST requests for this host name, too, such as the name of the container; may be repeated. Other"
        " names than localhost, loopback addresses and --host are rejected, because a web page could use them to reach"
        " the server",
    )
    for name, port in (("grpc", GRPC_PORT), ("rest", REST_PORT)):
        _add(
            group, f"--{name}-port", type=int, default=port, metavar="PORT", help="%(default)s; 0 for one that is free"
        )


def _add_queues(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("queues")
    _add(
        group,
        "--queue",
        action="append",
        default=[],
        metavar="QUEUE",
        help="a queue that is there from the start: an ID or a full name; may be repeated",
    )
    _add(
        group,
        "--queues",
        action="append",
        default=[],
        metavar="FILE",
        help="a queue.yaml, or the JSON of `gcloud tasks queues list --format=json` or `terraform show -json`",
    )
    for name in ("project", "location"):
        _add(group, f"--{name}", help=OPTIONS[name].help)
    _add(group, "--auto-create-queues", action="store_true", help="create missing queues by CreateTask")


def _add_deliveries(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("deliveries")
    _add(
        group,
        "--forward",
        action="append",
        default=[],
        metavar="BASE=TO",
        help="send what goes to URLs under BASE to the server TO, which may be anywhere; may be repeated",
    )
    _add(group, "--app-engine-host", metavar="URL", help="the server that App Engine tasks go to")
    _add(
        group,
        "--firebase-functions",
        metavar="URL",
        help="the server of Firebase functions: tasks that its Admin SDKs create without a URL go to"
        " URL/PROJECT/LOCATION/QUEUE",
    )
    _add(
        group,
        "--allow-remote",
        action="store_true",
        help="send to any address that a task names; without it, only to this machine",
    )


def _add(group: Any, flag: str, **options: Any) -> None:
    """Add an option, whose default an environment variable may set."""
    value = os.environ.get(ENVIRONMENT + flag.removeprefix("--").replace("-", "_").upper())
    if value:
        is_list = options.get("action") == "append"
        options["default"] = [one.strip() for one in value.split(",")] if is_list else value
    group.add_argument(flag, **options)


def _switch(given: argparse.Namespace, option: str) -> bool:
    """Whether ``option`` is on: a switch of the command line, or the text of an environment variable."""
    value: bool | str = getattr(given, option)
    on = value if isinstance(value, bool) else flag_of(value)
    if on is None:
        raise ValueError(f"{ENVIRONMENT}{option.upper()} takes 1 or 0, and got {value!r}.")
    return on


def _serve(given: argparse.Namespace) -> int:
    options = serve_options(given)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"serve needs {' and '.join(missing)}, which this Python doesn't have. Run"
            " `pip install 'pytest-cloudtasks[server]'`."
        )
    from .serving import serve  # imports aiohttp and grpc, which may be missing until here

    return serve(options)


def serve_options(given: argparse.Namespace) -> ServeOptions:
    """Return the checked options; raises ValueError with a sentence for what can't be."""
    for option in ("grpc_port", "rest_port"):
        if not 0 <= (port := getattr(given, option)) <= 65535:
            raise ValueError(f"--{option.replace('_', '-')} takes a port from 0 to 65535, and got {port}.")
    if not given.host:
        raise ValueError("--host takes an address to listen at, such as 127.0.0.1, and got ''.")
    allowed_hosts = {allowed_host(one, "--allow-host") for one in given.allow_host}
    if (own := host_name(given.host)) is not None:
        allowed_hosts.add(own)  # no harm if it stands for all addresses: no request may name such a host
    grace = duration_in(given.grace)
    if grace is None:
        raise ValueError(f"--grace takes a duration such as 10s or 1m, and got {given.grace!r}.")
    if given.log_format not in _LOG_FORMATS:  # argparse checks no default, which the environment may have set
        raise ValueError(f"--log-format takes text, json or none, and got {given.log_format!r}.")
    app_engine = given.app_engine_host and server_url(given.app_engine_host, "--app-engine-host")
    functions = server_url(given.firebase_functions, "--firebase-functions") if given.firebase_functions else ""
    forwardings = [Forwarding(one) for one in given.forward]
    settings = _settings(given)
    Simulation(settings).check_queues()
    return ServeOptions(
        settings,
        Destinations(forwardings, app_engine, functions, allow_remote=_switch(given, "allow_remote")),
        given.host,
        given.grpc_port,
        given.rest_port,
        grace.total_seconds(),
        given.log_format,
        allowed_hosts,
    )


def _settings(given: argparse.Namespace) -> Settings:
    for file in given.queues:
        if not is_queue_file(file):
            raise ValueError(f"--queues takes a file whose name ends with .yaml, .yml or .json, and got {file!r}.")
    for option, (form, example) in _IDS.items():
        value = getattr(given, option)
        if value is not None and not form.fullmatch(value):
            raise ValueError(f"--{option} takes the ID of a {option}, such as {example}, and got {value!r}.")
    for option in given.service:
        if "=" not in option:
            raise ValueError(f"--service takes OPTION=VALUE, such as max_task_size=102400, and got {option!r}.")
    texts: dict[str, Any] = {
        "queues": [*given.queues, *given.queue],
        "project": given.project,
        "location": given.location,
        "firebase_functions": given.firebase_functions,
        "service": given.service,
        "seed": str(secrets.randbits(32)) if given.seed is None else given.seed,
        "time": "virtual",
    }
    try:
        checked = settings_from_ini(texts)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return merged(checked, {"auto_create_queues": _switch(given, "auto_create_queues")})
