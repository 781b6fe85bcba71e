"""The settings of a run and of its tests, merged from the ini file, the markers and the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .._arguments import flag_of
from .._simulation.settings.queues import with_paths_resolved
from .._simulation.settings.settings import checked, merged, settings_from_ini

if TYPE_CHECKING:
    from .._clients.identity.account import Identity
    from .._simulation.settings.settings import Settings

MARKER = "cloud_tasks"
_OF_BLOCKS = ("queues", "project", "location", "show_secrets")
"""The options that a `FakeCloudTasks` made by a test takes from the ini file or the command line.

Their arguments have the default None, because any other value would count as given.
"""
_OF_TESTS_WITHOUT_A_FAKE = {"outside"}
"""A marker with only these options gives its test no fake."""


class RunSettings:
    """The settings that a run has from its ini file and its command line, and those of its tests with their markers."""

    def __init__(self, ini: Mapping[str, Any], config: pytest.Config) -> None:
        """Take the values of the ini file, which are checked when they are first needed."""
        self.seed: int | None = None
        self.show_secrets = False
        """Whether the command line says so, which wins over all others."""
        self._ini = {name: value for name, value in ini.items() if name != "defer_credentials"}
        self._config = config
        self._checked_ini: dict[str, Any] | None = None
        self._defer_credentials = str(ini["defer_credentials"]).strip().lower() or "true"
        """As in the ini file, where it may be anything."""

    @property
    def defers_credentials(self) -> bool:
        """Whether clients that are built outside of tests may wait with their credentials."""
        return flag_of(self._defer_credentials) is not False

    @property
    def outside(self) -> str:
        """What happens to calls outside of a fake."""
        return str(self._ini["outside"])

    @property
    def redirect_endpoints(self) -> tuple[str, ...]:
        """The addresses whose calls are redirected whichever fake is active."""
        return tuple(self._ini["redirect_endpoints"])

    def check(self) -> None:
        """Raise UsageError for a wrong value in the ini file, which ends the run."""
        if flag_of(self._defer_credentials) is None:
            raise pytest.UsageError(
                "In the ini file, cloud_tasks_defer_credentials takes true or false, but got"
                f" {self._defer_credentials!r}."
            )
        if any(self._ini.values()):
            self._of_ini()

    def of_blocks(self) -> dict[str, Any]:
        """Return the options of fakes that tests make themselves, unless their arguments set them."""
        run = {**self._of_ini(), **self._of_command_line()}
        return {name: value for name, value in run.items() if name in _OF_BLOCKS}

    def identity(self) -> Identity | None:
        """Return the identity of code outside a fake, if the ini file has ``google_auth``."""
        if flag_of(str(self._ini["google_auth"])) is not True:
            return None
        from .._clients.identity.account import Identity  # only a run with the option needs it

        settings = merged(self._of_ini())
        return Identity(settings.project, settings.location)

    def of_test(self, item: pytest.Item, wanted: bool = False) -> Settings | None:
        """Return the settings of a test; None if marker and ini file have none and no fake is ``wanted``."""
        markers = list(item.iter_markers(MARKER))
        if not markers and not wanted and not any(self._ini.values()):
            return None
        layers = [self._of_ini()]
        with naming(item):
            layers += [_of_marker(marker, item) for marker in reversed(markers)]
        if self.seed is not None:
            layers.append({"seed": self.seed})
        return merged(*layers, self._of_command_line())

    def _of_command_line(self) -> dict[str, Any]:
        return {"show_secrets": True} if self.show_secrets else {}

    def _of_ini(self) -> dict[str, Any]:
        if self._checked_ini is None:
            try:
                folder = (self._config.inipath or self._config.rootpath / "pytest.ini").parent
                queues = with_paths_resolved(self._ini["queues"], [folder])
                self._checked_ini = settings_from_ini({**self._ini, "queues": queues})
            except (ValueError, TypeError) as error:
                raise pytest.UsageError(f"In the ini file, cloud_tasks_{error}") from None
        return self._checked_ini


def _of_marker(marker: pytest.Mark, item: pytest.Item) -> dict[str, Any]:
    if marker.args:
        raise TypeError(
            f"@pytest.mark.cloud_tasks takes keyword arguments only, such as cloud_tasks(queues={marker.args[0]!r})."
        )
    options = dict(marker.kwargs)
    if "queues" in options:
        options["queues"] = with_paths_resolved(options["queues"], [item.path.parent, item.config.rootpath])
    begins = {} if options and set(options) <= _OF_TESTS_WITHOUT_A_FAKE else {"autouse": True}
    return {**begins, **checked(options, where="@pytest.mark.cloud_tasks")}


def goes_to_the_service(item: pytest.Item) -> bool:
    """Return whether a marker of the test allows real calls, so that it needs the machine's own credentials."""
    values = (marker.kwargs.get("outside") for marker in item.iter_markers(MARKER))
    return next((outside for outside in values if outside is not None), None) == "real"


@contextmanager
def naming(item: pytest.Item) -> Iterator[None]:
    """Raise the error of a wrong option as the test's error, with the test's place."""
    try:
        yield
    except (ValueError, TypeError) as error:
        path, line, name = item.location
        message = f"{path}:{(line or 0) + 1}: {name}: {error}"
        raise pytest.fail.Exception(message, pytrace=False) from None
