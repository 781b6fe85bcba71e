"""``python -m pytest_cloudtasks``: commands that need no test."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from .._simulation.settings.queues import is_queue_file
from .._time.instants import read_duration

PROGRAM = "python -m pytest_cloudtasks"
Commands = Any
"""What argparse adds commands to; the class of it is not public."""
_DURATIONS = ("max_retry_duration", "min_backoff", "max_backoff")
_NUMBERS = ("max_attempts", "max_doublings")


def main(arguments: Sequence[str] | None = None, more: Sequence[Callable[[Commands], None]] = ()) -> int:
    """Run the command line, with ``more`` commands than ``retry-schedule``; 0 for success."""
    parser = argparse.ArgumentParser(prog=PROGRAM)
    parser.add_argument("--version", action="version", version=program_and_version())
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_retry_schedule(commands)
    for add in more:
        add(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except ValueError as error:
        options.parser.error(str(error))
    return code


def program_and_version() -> str:
    """Return ``pytest-cloudtasks 1.0.0``."""
    from importlib.metadata import version  # loads the email package, which only this needs

    return f"pytest-cloudtasks {version('pytest-cloudtasks')}"


def _add_retry_schedule(commands: Commands) -> None:
    parser = commands.add_parser(
        "retry-schedule",
        help="print the attempts of a task that keeps failing, and when it is given up",
        description="Print print the attempts of a task that keeps failing, and when it is given up.",
    )
    parser.set_defaults(run=_print_schedules, parser=parser)
    parser.add_argument(
        "file",
        nargs="?",
        help="queues to plan for: a queue.yaml, or the JSON of `gcloud tasks queues list` or `terraform show`",
    )
    for name in _NUMBERS:
        parser.add_argument(_flag(name), type=int, metavar="N", help=f"the retry config's {name}")
    for name in _DURATIONS:
        parser.add_argument(_flag(name), type=_duration, metavar="TIME", help=f"its {name}, such as 10s, 5m, 1h or 7d")
    parser.add_argument(
        "--attempt-takes",
        type=_duration,
        default=timedelta(0),
        metavar="TIME",
        help="how long the target takes to fail",
    )


def _print_schedules(options: argparse.Namespace) -> int:
    print(_schedules(options))
    return 0


def _schedules(options: argparse.Namespace) -> str:
    from .retry_schedule import retry_schedule  # loads the service, which other commands may load later

    fields = {name: getattr(options, name) for name in (*_NUMBERS, *_DURATIONS) if getattr(options, name) is not None}
    if options.file is None:
        return str(retry_schedule(fields, attempt_takes=options.attempt_takes))
    schedules = {
        name: retry_schedule({**config, **fields}, attempt_takes=options.attempt_takes)
        for name, config in _retry_configs(options.file).items()
    }
    return "\n\n".join(f"{name}\n{text}" for name, text in schedules.items())


def _retry_configs(file: str) -> Mapping[str, Mapping[str, Any]]:
    if not is_queue_file(file):
        raise ValueError(f"{file} is not a queue file: its name must end in .yaml, .yml or .json.")
    from .._simulation.settings.queue_files import queues_in_file  # reads YAML, which other commands may not need

    return {name: queue.get("retry_config", {}) for name, queue in queues_in_file(Path(file)).items()}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _duration(text: str) -> timedelta:
    duration = read_duration(text)
    if duration is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write 10s, 5m, 1h or 7d")
    return duration
