"""Sequences of calls and driving methods, played to the real client over the fake and to the naive service at once.

A difference is an error that carries a reproduction: a Python script that makes the same calls and ends in an
assertion of what should have been told.
"""

from __future__ import annotations

import inspect
import textwrap
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pprint import pformat
from typing import Any

from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks, Route

from ..service.reference_parts import HOUR, SECOND, Answer, Laws
from . import naive_permissions, plain_values
from .naive_fields import duration_in
from .naive_service import NaiveService

PROJECT = "projects/test-project"
PARENTS = [f"{PROJECT}/locations/us-central1", f"{PROJECT}/locations/europe-west1"]
START = datetime(2030, 1, 1, tzinfo=timezone.utc)
CALLER = "user:me@example.com"


class Difference(AssertionError):
    """The fake and the naive service differ."""

    def __init__(self, what: str, script: str) -> None:
        super().__init__(f"{what}\nThis reproduces it:\n\n{script}")
        self.script = script


@dataclass(frozen=True)
class Script:
    """What a route of the test answers: statuses, None for no response, "late" for none in time, or a URL to go to."""

    steps: tuple[int | str | None, ...]
    takes: int = 0
    """Seconds."""
    retry_after: int | None = None

    @property
    def answers(self) -> list[Answer]:
        """As the naive service takes them."""
        return [self._answer(step) for step in self.steps]

    def _answer(self, step: int | str | None) -> Answer:
        after = None if self.retry_after is None else self.retry_after * SECOND
        if step == "late":
            return Answer(200, 48 * HOUR)
        if isinstance(step, str):
            return Answer(302, self.takes * SECOND, after, step)
        return Answer(step, self.takes * SECOND, after)

    def code(self, url: str) -> str:
        """The call that makes the route."""
        if self.retry_after is not None:
            header = {"Retry-After": str(self.retry_after)}
            answers = [(status, header) for status in self.steps]
            return f"cloud_tasks.route({url!r}, handler=answering({answers!r}, {self.takes}))"
        parts = [f"cloud_tasks.route({url!r})"]
        for step in self.steps:
            if isinstance(step, int):
                parts.append(f"returns({step})")
            elif step is None or step == "late":
                parts.append("raises(TimeoutError)" if step else "raises(ConnectionError)")
            else:
                parts.append(f"returns((302, {{'Location': {step!r}}}))")
        if self.takes:
            parts.append(f"takes(timedelta(seconds={self.takes}))")
        return ".".join(parts)


@dataclass(frozen=True)
class Setting:
    """What an example begins with."""

    options: dict[str, Any]
    scripts: dict[str, Script]
    transport: str = "grpc"

    @property
    def laws(self) -> Laws:
        """The service options as the reference has them."""
        options = self.options
        durations = {
            name: duration_in(options[name])
            for name in ("queue_tombstone_ttl", "task_tombstone_ttl", "purge_delay", "queue_init_delay")
            if name in options
        }
        return Laws(
            **durations,
            ghosts=options.get("ghost_recreate", False),
            old_errors=options.get("legacy_errors", False),
            throttles=options.get("system_throttle") == "simple",
            honours_retry_after=options.get("honour_retry_after", False),
            takes_304=options.get("treat_304_as_success", False),
        )

    def naive(self) -> NaiveService:
        """The naive service in this setting."""
        return NaiveService(
            int(START.timestamp()) * SECOND,
            self.laws,
            [naive_permissions.Route(url, script.answers) for url, script in self.scripts.items()],
            transport=self.transport,
            caller=self.options.get("iam_emulation", ""),
            burst=self.options.get("burst_size"),
            largest_task=self.options.get("max_task_size", 2**20),
            location="us-central1",
        )


@dataclass(frozen=True)
class Call:
    """An RPC; ``every`` for a listing from its first page to its last."""

    rpc: str
    request: dict[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    every: bool = False

    @property
    def code(self) -> str:
        """The call, as the reproduction makes it."""
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{'all_of' if self.every else 'answer_to'}(client.{self.rpc}, {self.request!r}{options})"


@dataclass(frozen=True)
class Drive:
    """A driving method; durations in seconds."""

    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The call, as the reproduction makes it."""
        given = dict(self.arguments)
        if "until" in given:
            given["until"] = timedelta(seconds=given["until"])
        arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
        return f"moved(cloud_tasks.{self.verb}({arguments}))".replace("datetime.timedelta", "timedelta")


STATE = f"state_of(cloud_tasks, client, routes, {PARENTS!r})"


class Play:
    """A setting, and what is done in it on both sides."""

    def __init__(self, setting: Setting, tally: Counter[str] | None = None) -> None:
        self.setting = setting
        self.tally = Counter() if tally is None else tally
        """Counts calls by RPC, and errors by class and by text."""
        self.done: list[Call | Drive] = []
        self.naive = setting.naive()
        self._exit = ExitStack()
        self._names = {**FUNCTIONS, "timedelta": timedelta}
        self.cloud_tasks = self._exit.enter_context(FakeCloudTasks(start=START, service=setting.options))
        self.client = CloudTasksClient(transport=setting.transport)
        self.routes: list[Route] = []
        self._names.update(cloud_tasks=self.cloud_tasks, client=self.client)
        for url, script in setting.scripts.items():
            self.routes.append(self._evaluated(script.code(url)))
        self._names["routes"] = self.routes

    def close(self) -> None:
        """End the fake."""
        self._exit.close()

    def do(self, command: Call | Drive) -> Any:
        """Do it on both sides; return both results."""
        self.done.append(command)
        observed = self._observed(command)
        expected = self._expected(command, observed)
        if isinstance(command, Drive):
            self.tally[command.verb] += 1
        elif not command.every:
            self._count(command.rpc, observed)
        self._compare(f"The answer to {command.code}", command.code, observed, expected)
        self._compare(f"The state after {command.code}", STATE, self._evaluated(STATE), self.naive.state(PARENTS))
        return observed

    def _observed(self, command: Call | Drive) -> Any:
        try:
            return self._evaluated(command.code)
        except Exception as error:
            what = f"{command.code} raised {type(error).__name__}, which is no GoogleAPICallError"
            raise Difference(what, self._script(command.code, self._expected(command, None))) from error

    def _expected(self, command: Call | Drive, observed: Any) -> Any:
        if isinstance(command, Drive):
            return self.naive.drive(command.verb, command.arguments)
        if command.every:
            return self.naive.every(command.rpc, command.request)
        return self.naive.rpc(command.rpc, command.request, command.options, observed)

    def _evaluated(self, code: str) -> Any:
        return eval(code, self._names)

    def _count(self, rpc: str, observed: Any) -> None:
        self.tally[rpc] += 1
        told = observed or {}
        refused = told if "text" in told else told.get("result", {})
        error = refused.get("error")
        if "text" in refused:
            self.tally[f"text: {refused['text'][:40]}"] += 1
        self.tally[error or f"{rpc} succeeded"] += 1

    def _compare(self, what: str, code: str, observed: Any, expected: Any) -> None:
        if expected != observed:
            raise Difference(f"{what}:\n  expected {expected!r}\n  observed {observed!r}", self._script(code, expected))

    def _script(self, code: str, expected: Any) -> str:
        """The reproduction, whose last question is ``code``."""
        before = self.done if code == STATE else self.done[:-1]
        routes = ", ".join(script.code(url) for url, script in self.setting.scripts.items())
        lines = [
            f"client = CloudTasksClient(transport={self.setting.transport!r})",
            f"routes = [{routes}]",
            *(command.code for command in before),
            f"observed = {code}",
            f"expected = {pformat(expected, width=110)}".replace("<ANY>", "ANY"),
            "assert expected == observed, observed",
        ]
        opening = f"with FakeCloudTasks(start={START!r}, service={self.setting.options!r}) as cloud_tasks:"
        body = textwrap.indent("\n".join(lines), "    ")
        return f"{HEAD}\n\n{opening.replace('datetime.', '')}\n{body}\n"


def answering(answers: Sequence[Any], takes: float) -> Any:
    """A handler that gives these answers in turn, the last again and again, each so many seconds later."""
    left = list(answers)

    def handler(request: Any) -> Any:
        request.takes(timedelta(seconds=takes))
        return left.pop(0) if len(left) > 1 else left[0]

    return handler


FUNCTIONS = {
    name: one for name, one in vars(plain_values).items() if getattr(one, "__module__", "") == plain_values.__name__
} | {"answering": answering}
HEAD = "\n\n\n".join(
    [
        "from __future__ import annotations\n\n"
        "import re\n"
        "from collections.abc import Sequence\n"
        "from datetime import datetime, timedelta, timezone\n"
        "from typing import Any\n"
        "from unittest.mock import ANY\n\n"
        "from google.api_core.exceptions import GoogleAPICallError\n"
        "from google.cloud.tasks_v2 import CloudTasksClient\n"
        "from google.protobuf.json_format import MessageToDict\n\n"
        "from pytest_cloudtasks import FakeCloudTasks",
        *(inspect.getsource(one).rstrip() for one in FUNCTIONS.values()),
    ]
)
"""What every reproduction begins with."""
