"""``python -m pytest_cloudtasks``: what there is to ask without a test."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from .queue_files import is_queue_file, queues_in_file
from .settings import read_duration

_DURATIONS = ("max_retry_duration", "min_backoff", "max_backoff")
_NUMBERS = ("max_attempts", "max_doublings")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 for success."""
    parser = argparse.ArgumentParser(prog="python -m pytest_cloudtasks")
    commands = parser.add_subparsers(required=True, metavar="command")
    plan = commands.add_parser(
        "plan",
        help="when a task that keeps failing is attempted, and when it is given up",
        description="Print when a task that keeps failing is attempted, and when it is given up.",
    )
    plan.add_argument(
        "file", nargs="?", help="a queue.yaml, or the JSON of `gcloud tasks queues list`: a plan for each of its queues"
    )
    for name in _NUMBERS:
        plan.add_argument(_flag(name), type=int, metavar="N", help=f"the retry config's {name}")
    for name in _DURATIONS:
        plan.add_argument(_flag(name), type=_duration, metavar="TIME", help=f"its {name}, such as 10s, 5m, 1h or 7d")
    plan.add_argument(
        "--attempt-takes",
        type=_duration,
        default=timedelta(0),
        metavar="TIME",
        help="how long the target takes to fail",
    )
    given = parser.parse_args(arguments)
    try:
        print(_plans(given))
    except ValueError as error:
        parser.error(str(error))
    return 0


def _plans(given: argparse.Namespace) -> str:
    from .planning import plan

    fields = {name: getattr(given, name) for name in (*_NUMBERS, *_DURATIONS) if getattr(given, name) is not None}
    if given.file is None:
        return str(plan(fields, attempt_takes=given.attempt_takes))
    plans = {
        name: plan({**config, **fields}, attempt_takes=given.attempt_takes)
        for name, config in _retry_configs(given.file).items()
    }
    return "\n\n".join(f"{name}\n{text}" for name, text in plans.items())


def _retry_configs(file: str) -> Mapping[str, Mapping[str, Any]]:
    if not is_queue_file(file):
        raise ValueError(f"{file} is no queue file: its name has to end with .yaml, .yml or .json.")
    return {name: queue.get("retry_config", {}) for name, queue in queues_in_file(Path(file)).items()}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _duration(text: str) -> timedelta:
    duration = read_duration(text)
    if duration is None:
        raise argparse.ArgumentTypeError(f"a duration is written as 10s, 5m, 1h or 7d, and {text!r} is none")
    return duration
