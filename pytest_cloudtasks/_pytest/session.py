"""The fakes of a pytest session: one `FakeCloudTasks`, a fresh simulation for each test that wants one.

Theory of operation, the life of a test. `plugin` calls the session at each of these moments:

1. `set_up`, before all fixtures: the settings of ini file and markers are merged and checked. A test that asks for a
   fake gets a `Simulation`, which enters the router.
2. `setting_up`, fixture by fixture: those of wider scope come first, in real time. Before the first of the test's own,
   or else before the test function, the clock takes its instant, time is held, and the queues of the settings are
   created. A fake that came unasked, by the marker or by ``autouse``, does so when it is first used.
3. `calling`: the test runs. Under Hypothesis each example runs in a copy of the simulation as the fixtures left it.
4. `explain`: a failed test gets its timeline as a section of the report.
5. `release_time`: after the test's own fixtures time runs again, by a finalizer of the test's item. Where Ctrl-C or
   ``pytest.exit`` ends the run, it is released before anybody else is told.
6. `tear_down`, after all fixtures: the simulation leaves the router. What application code has swallowed fails the
   test now, and so does, under ``strict``, what a test that passed has neither driven nor inspected.

A run without a fake loads this module, and neither `fakes` nor `server`: two properties import these when they are
first needed.

Fixtures of a wider scope may keep the fake, because it is one object for the session; only the simulation behind it
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .._clients.interception import interception
from .._clients.router import router
from .._simulation.exceptions import failure, set_up_failure
from .._simulation.settings.settings import run_defaults
from .._text import described, each_once, safe_str
from .blocks import Blocks
from .run_settings import MARKER, RunSettings, goes_to_the_service, naming
from .seed import test_id
from .wide_fixtures import WideFixtures

if TYPE_CHECKING:
    from .._api.fake import FakeCloudTasks
    from .._server.loopback import CloudTasksServer
    from .._simulation.simulation import Simulation
    from .fakes import Fakes
    from .server import ServerOfSession

SERVER = "cloud_tasks_server"
_OF_THE_ROUTER = ("refuse_outside", "defers_credentials", "application_default", "redirected_always", "on_enter")
"""The attributes of the router that a session sets and restores."""


class PluginSession:
    """The plugin's state between its hooks."""

    def __init__(self, ini: Mapping[str, Any], config: pytest.Config) -> None:
        self.settings = RunSettings(ini, config)
        self._loaded_fakes: Fakes | None = None
        self._loaded_server: ServerOfSession | None = None
        self._item: pytest.Item | None = None
        self._wide_fixtures = WideFixtures()
        self._is_asked_for = False
        """Whether the test, or one of its fixtures, asks for the fake by name."""
        self._is_own_time = False
        """Whether the test's own set-up has begun, and its own teardown has not ended."""
        self._outer = frozenset(router.backends)
        """The fakes of a test that this session runs within."""
        self._stack = ExitStack()
        self._simulation: Simulation | None = None
        self._first_simulation: Simulation | None = None
        """The one of the test itself, where `_simulation` is that of an example."""
        self._failures: list[str] = []
        self._has_failed = self._has_passed = False
        self.restore_cause: Callable[[], None] = lambda: None
        """Gives an error its cause back, which `shorten_traceback` has taken away."""
        self._blocks = Blocks(lambda backend: backend is self._simulation or backend in self._outer)
        self._before = {name: getattr(router, name) for name in _OF_THE_ROUTER}
        self._before_defaults = run_defaults.read
        run_defaults.read = self.settings.of_blocks
        router.on_enter = self._blocks.entered
        interception.install()
        if self.settings.defers_credentials:
            router.defers_credentials = lambda: self._item is None or bool(self._wide_fixtures)
        router.redirected_always = self.settings.redirect_endpoints
        router.application_default = lambda: self.settings.identity() if self._has_google_auth else None
        self._has_google_auth = True
        """Whether the option of the ini file applies: a test may ask for the machine's own credentials."""
        self._decide_outside(self.settings.outside)

    def close(self) -> None:
        """End the session and restore everything, because a session may run within another one's test."""
        self._stack.close()
        self.stop_serving()
        for name, value in self._before.items():
            setattr(router, name, value)
        run_defaults.read = self._before_defaults
        interception.uninstall()

    def look_again(self) -> None:
        """Intercept clients, even if a plugin that was configured later has inserted its finder of modules first."""
        interception.look_again()

    # --- life cycle of a test ------------------------------------------------------------------------------------

    def set_up(self, item: pytest.Item) -> None:
        """Begin a test, with a simulation if it asks for a fake."""
        self.look_again()
        self._item = item
        self._simulation = self._first_simulation = None
        self._blocks.begin(item)
        self._failures = []
        self._has_failed = self._has_passed = False
        self._is_own_time = False
        settings = self.settings.of_test(item)
        self._decide_outside(self.settings.outside if settings is None else settings.outside)
        self._has_google_auth = settings is None or (settings.google_auth and not goes_to_the_service(item))
        self._is_asked_for = MARKER in getattr(item, "fixturenames", ())
        if self._is_asked_for or (settings is not None and settings.autouse):
            self._begin(item)
        if SERVER in getattr(item, "fixturenames", ()):
            self.serve()

    def begin_own_time(self) -> None:
        """Hold time from here on: the fixtures of wider scopes are set up, and the test's own follow."""
        if self._item is None or self._is_own_time:
            return
        self._is_own_time = True
        # As the first finalizer, it runs after the test's own fixtures.
        self._item.addfinalizer(self._end_own_time)
        self._hold_time()

    def ask(self) -> None:
        """Hold time for the current test or one of its fixtures, which asks for the fake by name."""
        if self._item is None:
            return
        self._is_asked_for = True
        if self._simulation is None:
            self._begin(self._item)
        elif self._is_own_time and not self._wide_fixtures:
            self._hold_time()

    def release_time(self) -> None:
        """Release time before anything else, when the test and the run are ended."""
        self._is_own_time = False
        for simulation in router.backends:
            if simulation not in self._outer:
                simulation.let_time_go()

    def tear_down(self, item: pytest.Item, *, is_failing: bool = False) -> None:
        """End a test after its fixtures: release everything, then fail for errors that application code has swallowed.

        If a fixture's end ``is_failing``, that error fails the test.
        """
        self._has_failed |= is_failing
        if self._loaded_server is not None:
            self._loaded_server.end_test()
        self._stack.close()
        self._item = None
        self._has_google_auth = True
        self._decide_outside(self.settings.outside)
        failures = self._swallowed
        if failures and not self._has_failed:
            pytest.fail("\n\n".join(each_once(failures)), pytrace=False)
        self._check_strictness()
        if not self._has_failed and self._first_simulation is not None:
            self._fakes.warn_of_unused(item, self._first_simulation)

    def _check_strictness(self) -> None:
        """Fail a passing test that leaves something behind. Each Hypothesis example is checked on its own."""
        if (
            not self._has_passed
            or self._has_failed
            or self._simulation is None
            or self._simulation is not self._first_simulation
        ):
            return
        message = self._fakes.passed_over_in(self._simulation)
        if message:
            pytest.fail(message, pytrace=False)

    def serve(self) -> CloudTasksServer:
        """Return the running server of this session. Its addresses are in the environment until the test ends."""
        if self._loaded_server is None:
            from .server import ServerOfSession  # imports asyncio and the server, which most runs don't need

            self._loaded_server = ServerOfSession(self.fake, on_use=self._use_server)
        server = self._loaded_server.started()
        self._use_server()
        return server

    def _use_server(self) -> None:
        """Mark the server as used by a test, maybe without its name: request.getfixturevalue() does that."""
        if self._item is None or self._loaded_server is None:
            return
        if self._simulation is None:
            self._begin(self._item)
        self._loaded_server.begin_test()

    def stop_serving(self) -> None:
        """Close the server, if it was used."""
        if self._loaded_server is not None:
            self._loaded_server.stop()

    @contextmanager
    def setting_up(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """Set up a fixture within this block.

        A fixture of a wider scope has real time, may defer credentials, and must not change the test's fake.
        """
        if fixturedef.scope == "function":
            self.begin_own_time()
            yield
            return
        simulation = None if self._wide_fixtures else self._simulation
        if simulation is not None:
            simulation.clock.pause()
        try:
            with self._wide_fixtures.setting_up(fixturedef):
                yield
        finally:
            if simulation is not None:
                simulation.clock.resume()
            if self._simulation is not None:
                # a fake that it has opened is the outer one of the following tests
                router.put_innermost(self._simulation)
                if not self._wide_fixtures:
                    self._hold_time()

    @contextmanager
    def calling(self, item: pytest.Item) -> Iterator[None]:
        """Run the test function within this block. With Hypothesis every example gets its own simulation."""
        self.begin_own_time()
        test = getattr(getattr(item, "obj", None), "hypothesis", None)
        with ExitStack() as stack:
            stack.callback(self._end_run)
            if self._simulation is not None and test is not None:
                stack.enter_context(self._fakes.fresh_examples(test, self._simulation, self._show))
            if self._simulation is not None and hasattr(item, "addFailure"):  # a TestCase
                stack.enter_context(self._fakes.counting_callbacks(item))
            yield

    def _end_run(self) -> None:
        """End the run for a handler's pytest.exit(), which the application may have swallowed."""
        if self._simulation is not None and self._simulation.failures.ending is not None:
            raise self._simulation.failures.ending

    def shorten_traceback(self, error: BaseException, config: pytest.Config) -> None:
        """Shorten a traceback to the test author's line. `restore_cause` is called when the report has been made."""
        from .tracebacks import shorten  # loads the code that classifies frames, which only a failure needs

        self.restore_cause = shorten(error, config, bool(self.simulations or router.backends))

    def explain(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Attach the timeline to the report of a failed test."""
        self._has_passed |= report.when == "call" and report.passed
        if not report.failed:
            return
        self._has_failed = True
        if call.excinfo is None:
            return
        error = call.excinfo.value
        for title, describe in self._sections_of(error):
            text = described("this failure", describe)
            if text:
                report.sections.append((title, text))

    def _swallowed_text(self, error: BaseException) -> str:
        """Return the failures before ``error`` that application code has swallowed."""
        blocks = [failure for simulation in self._blocks.simulations for failure in simulation.failures.messages]
        failures = [*self._swallowed, *blocks]
        text = safe_str(error) if failures else ""
        return "\n\n".join(each_once(failure for failure in failures if failure not in text))

    @property
    def _swallowed(self) -> list[str]:
        """Return the failures that application code may have swallowed, outside a fake and in the test's simulation."""
        return [*self._failures, *(self._simulation.failures.messages if self._simulation is not None else ())]

    def _sections_of(self, error: BaseException) -> Iterator[tuple[str, Callable[[], str]]]:
        """Return the titles and texts of a failed test's fake for the report."""
        from .._diagnostics import missing_fixture  # only a failure needs it

        yield "Cloud Tasks failures before", lambda: self._swallowed_text(error)
        yield "Cloud Tasks: fixtures", lambda: missing_fixture.advice(error)
        if self.simulations:
            yield from self._fakes.sections_of(self.simulations, error)
        else:
            yield self.hint_on_credentials(error)

    def explain_collection(self, report: pytest.CollectReport, error: BaseException) -> None:
        """Attach a hint to the report of a module that could not be imported."""
        title, describe = self.hint_on_credentials(error)
        text = described("this failure", describe)
        if text:
            report.sections.append((title, text))

    def hint_on_credentials(self, error: BaseException) -> tuple[str, Callable[[], str]]:
        """Return the title and text of a section about credentials that code outside a fake didn't get."""
        from .._diagnostics.missing_credentials import advice_outside  # only a failure needs it

        return "Cloud Tasks hints", lambda: advice_outside(error, in_test=self._item is not None)

    @property
    def fake(self) -> FakeCloudTasks:
        """The only `FakeCloudTasks` of this session."""
        return self._fakes.fake

    @property
    def simulations(self) -> list[Simulation]:
        """The simulations of the current or last test; with Hypothesis those of its last example."""
        own, blocks = self._simulation, self._blocks.simulations
        return blocks if own is None or (blocks and own.history.is_empty) else [own, *blocks]

    def hints_for(self, simulation: Simulation, error: BaseException) -> list[str]:
        """Return the hints on ``error`` for the report of a failed test, besides its text and the timeline.

        These are failures that application code has swallowed, and the most likely causes.
        """
        text = safe_str(error)
        swallowed = [failure for failure in simulation.failures.messages if failure not in text]
        return [*each_once(swallowed), *self._fakes.hints_for(simulation, error)]

    # --- helpers -------------------------------------------------------------------------------------------------

    @property
    def _fakes(self) -> Fakes:
        if self._loaded_fakes is None:
            from .fakes import Fakes  # imports the model and the API, which a run without a fake doesn't need

            self._loaded_fakes = Fakes(self._begin_on_demand)
        return self._loaded_fakes

    def _begin(self, item: pytest.Item) -> None:
        fakes = self._fakes
        with naming(item):
            settings = self.settings.of_test(item, wanted=True)
            assert settings is not None
            simulation = fakes.simulation(settings, test_id(item))
        simulation.check_change = lambda change: self._check_change(simulation, change)
        self._simulation = self._first_simulation = simulation
        self._stack = fakes.run_in(simulation)
        if not self._wide_fixtures:
            self._hold_time()

    def _check_change(self, simulation: Simulation, change: str) -> None:
        """Fail if a fixture of wider scope changes something that only the first test would have."""
        __tracebackhide__ = True
        misuse = self._wide_fixtures.misuse(change)
        if misuse:
            simulation.failures.keep(misuse)
            raise set_up_failure(misuse)

    def _hold_time(self) -> None:
        """Hold time for the test, or with the first use of a fake that was not requested by name."""
        if self._simulation is None or not self._is_own_time:
            return
        if self._is_asked_for:
            self._simulation.hold_time()
        else:
            self._simulation.clock.hold_when_used()

    def _end_own_time(self) -> None:
        """Release time: the test's own fixtures are torn down, and those of wider scopes follow."""
        self._is_own_time = False
        if self._first_simulation is not None:
            self._first_simulation.let_time_go()

    def _begin_on_demand(self) -> None:
        """Begin a fake for a test whose fixtures did not name it: request.getfixturevalue() does that."""
        if self._item is not None:
            self._begin(self._item)

    def _show(self, simulation: Simulation) -> None:
        """Show the timeline of ``simulation``, in which Hypothesis runs an example, if it fails."""
        self._simulation = simulation
        self._blocks.forget_ended(router.backends)

    def _decide_outside(self, outside: str) -> None:
        router.refuse_outside = self._refuse if outside == "refuse" else None

    def _refuse(self, call: str) -> None:
        message = self._fakes.outside_text(call, in_test=self._item is not None)
        self._failures.append(message)
        raise set_up_failure(message) if self._wide_fixtures else failure(message)
