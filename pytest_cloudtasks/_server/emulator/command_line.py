"""The command ``python -m pytest_cloudtasks serve``, and the checks of its options.

This module imports neither aiohttp nor grpc. So ``--help`` is quick, and an error can name a missing package.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..._api.cli import PROGRAM, Commands, program_and_version
from ..._simulation.settings.queues import is_queue_file
from ..._simulation.settings.settings import Settings, merged, settings_from_ini
from ..._targets.urls import is_loopback, server_url
from ..._time.instants import read_duration as duration_in
from ..host_names import allowed_host, host_name
from .destinations import Destinations, Forwarding
from .options import ENDINGS, GRPC_PORT, LOG_FORMATS, REST_PORT, add_options, is_on

_IDS = {
    "project": (re.compile(r"[A-Za-z0-9.:-]+"), "my-shop"),  # projects of a domain have a dot and a colon
    "location": (re.compile(r"[A-Za-z0-9-]+"), "europe-west1"),
}
"""Patterns of the IDs in a queue's name, each with an example."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""The characters of a Bearer token (RFC 6750 §2.1)."""
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

Each option can be set by the environment variable that is shown beside it. Separate several values by commas, and
switch an option on or off by 1 or 0. The command line wins; values of options that may be repeated are added up.

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
    grpc_port: int | None
    """The port of gRPC alone; None if there is only the port that accepts both."""
    rest_port: int
    """The port of REST, which accepts gRPC as well."""
    grace: float
    """Seconds that deliveries under way may still take after a signal to stop."""
    log_format: str
    allowed_hosts: Collection[str] = ()
    """Host names that REST requests may name besides loopback names."""
    token: str | None = None
    """The secret that requests of the page and to the control endpoints have to send."""
    ready_file: str | None = None
    """The path of the file that gets the addresses once the server answers."""
    end_with: str | None = None
    """``parent`` or ``stdin``: the server stops when it ends."""


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
    add_options(parser)


def _serve(given: argparse.Namespace) -> int:
    options = serve_options(given)
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"serve needs {' and '.join(missing)}, which this Python doesn't have. Run"
            " `pip install 'pytest-cloudtasks[server]'`."
        )
    from .serving import serve  # imports aiohttp and grpc, which may have been missing until here

    return serve(options)


def serve_options(options: argparse.Namespace) -> ServeOptions:
    """Return the checked options; raises ValueError with a sentence for invalid ones.

    Queues are checked only after the emulator has begun to listen, because their check loads Google's client.
    """
    grpc_port, rest_port = _ports(options)
    if not options.host:
        raise ValueError("--host takes an address to listen on, such as 127.0.0.1, but got ''.")
    allowed_hosts = {allowed_host(host, "--allow-host") for host in options.allow_host}
    _check_token(options.token)
    if not options.allow_host and options.token is None and not is_loopback(host_name(options.host) or ""):
        raise ValueError(
            f"--host {options.host} lets other machines reach the server. Name the host by which they call it, such as"
            " --allow-host tasks, or set a secret for the page and the control endpoints by --token."
        )
    if (own := host_name(options.host)) is not None:
        allowed_hosts.add(own)  # harmless for an address such as 0.0.0.0: the guard rejects requests that name it
    grace = duration_in(options.grace)
    if grace is None:
        raise ValueError(f"--grace takes a duration such as 10s or 1m, but got {options.grace!r}.")
    insecure = {allowed_host(host, "--insecure-target") for host in options.insecure_target}
    if options.log_format not in LOG_FORMATS:  # argparse checks no default, which the environment may have set
        raise ValueError(f"--log-format takes text, json or none, but got {options.log_format!r}.")
    app_engine = options.app_engine_host and server_url(options.app_engine_host, "--app-engine-host")
    functions = server_url(options.firebase_functions, "--firebase-functions") if options.firebase_functions else ""
    forwardings = [Forwarding(value) for value in options.forward]
    settings = _settings(options)
    return ServeOptions(
        settings,
        Destinations(
            forwardings, app_engine, functions, insecure=insecure, allow_remote=is_on(options, "allow_remote")
        ),
        options.host,
        grpc_port,
        rest_port,
        grace.total_seconds(),
        options.log_format,
        allowed_hosts,
        options.token,
        _ready_file(options.ready_file),
        _end_with(options.end_with),
    )


def _check_token(token: str | None) -> None:
    if token is not None and not _TOKEN.fullmatch(token):
        raise ValueError(
            "--token takes letters, digits and any of - . _ ~ + / =, but got an empty text or other characters."
        )


def _ready_file(path: str | None) -> str | None:
    if path is not None:
        file = Path(path)
        with suppress(OSError):
            file.unlink(missing_ok=True)  # a reader could take an earlier run's file for this run's
        if not file.parent.is_dir() or file.exists():
            raise ValueError(
                f"--ready-file takes the path of a file that can be written, in a directory that exists, but got"
                f" {path!r}. Create the directory, or choose another path."
            )
    return path


def _end_with(what: str | None) -> str | None:
    if what not in (None, *ENDINGS):  # argparse checks no default, which the environment may have set
        raise ValueError(f"--end-with takes parent or stdin, but got {what!r}.")
    if what == "parent" and sys.platform == "win32":
        raise ValueError(
            "--end-with parent doesn't work on Windows, which doesn't say that a parent has ended. Use --end-with"
            " stdin, and start the server with a pipe as its standard input."
        )
    return what


def _ports(options: argparse.Namespace) -> tuple[int | None, int]:
    """Return the port of gRPC alone, None if there is none, and the port that accepts both."""
    for option in ("port", "grpc_port", "rest_port"):
        port = getattr(options, option)
        if port is not None and not 0 <= port <= 65535:
            raise ValueError(f"--{option.replace('_', '-')} takes a port from 0 to 65535, but got {port}.")
    if options.port is None:
        grpc_port = GRPC_PORT if options.grpc_port is None else options.grpc_port
        return grpc_port, REST_PORT if options.rest_port is None else options.rest_port
    if options.grpc_port is not None or options.rest_port is not None:
        raise ValueError(
            "--port is one port for gRPC and REST, and --grpc-port and --rest-port are two. Pass --port alone, or the"
            " two."
        )
    return None, options.port


def _settings(options: argparse.Namespace) -> Settings:
    for file in options.queues:
        if not is_queue_file(file):
            raise ValueError(f"--queues takes a file whose name ends with .yaml, .yml or .json, but got {file!r}.")
    for option, (form, example) in _IDS.items():
        value = getattr(options, option)
        if value is not None and not form.fullmatch(value):
            raise ValueError(f"--{option} takes the ID of a {option}, such as {example}, but got {value!r}.")
    for option in options.service:
        if "=" not in option:
            raise ValueError(f"--service takes OPTION=VALUE, such as max_task_size=102400, but got {option!r}.")
    texts: dict[str, Any] = {
        "queues": [*options.queues, *options.queue],
        "project": options.project,
        "location": options.location,
        "firebase_functions": options.firebase_functions,
        "service": options.service,
        "seed": str(secrets.randbits(32)) if options.seed is None else options.seed,
        "time": "virtual",
    }
    try:
        checked = settings_from_ini(texts)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return merged(checked, {"auto_create_queues": is_on(options, "auto_create_queues")})
