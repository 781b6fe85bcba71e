"""The table of options of a fake: name, default, check and help of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..._arguments import checked_flag, flag_of
from . import checks
from .queues import checked_queues
from .service_options import checked_service_options


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
        return checks.read_int(text) if isinstance(self.default, int) else text

    @property
    def help_with_default(self) -> str:
        """The help text, with the default in parentheses if there is one."""
        if self.default is None or self.default in ("", (), {}):
            return self.help
        return f"{self.help} ({str(self.default).lower() if isinstance(self.default, bool) else self.default})"

    def __str__(self) -> str:
        """Return ``project="test-project"``, as in a signature."""
        return f"{self.name}={json.dumps(self.default) if isinstance(self.default, str) else repr(self.default)}"


OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        Option(
            "queues",
            (),
            checked_queues,
            "IDs, full names, `{ID: fields}`, a file, or a list",
            "queues that exist from the start: IDs, full names, a queue.yaml, or JSON of gcloud or Terraform",
        ),
        Option(
            "project",
            "test-project",
            checks.text,
            "`str`",
            "the project of queues given by their ID",
        ),
        Option(
            "location",
            "us-central1",
            checks.text,
            "`str`",
            "the location of queues given by their ID",
        ),
        Option(
            "start",
            None,
            checks.start,
            "aware `datetime`",
            "the instant at which time is held, such as 2030-01-01T00:00:00+00:00; by default the next whole second",
        ),
        Option(
            "time",
            "held",
            checks.one_of("held", "virtual"),
            '`"held"`, `"virtual"`',
            "held: application and queue share one time; virtual: the queue has a clock of its own",
        ),
        Option(
            "seed",
            0,
            checks.seed,
            "`int`",
            "the seed of every random choice: task IDs, the jitter of retries, faults at a rate, shuffled order",
        ),
        Option(
            "order",
            "fifo",
            checks.one_of("fifo", "shuffle"),
            '`"fifo"`, `"shuffle"`',
            "the order of tasks that are due together, and of ListTasks: fifo, as they were created; shuffle, by "
            "the seed",
        ),
        Option(
            "strict",
            False,
            checks.strict,
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
            checks.one_of("real", "refuse"),
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
            checks.one_of("raise", "500"),
            '`"raise"`, `"500"`',
            "a handler's exception: raise fails the test, 500 answers with that status, and the task is retried",
        ),
        Option(
            "redirect_endpoints",
            (),
            checks.addresses,
            '`"host:port"` or `"host"`, in a list',
            "addresses of emulators whose calls go to the fake; without a port every port of the host",
        ),
        Option(
            "firebase_functions",
            "",
            checks.server,
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
            checks.one_of("any", "one"),
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
            checked_service_options,
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
