"""The pytest plugin: options, fixtures, and the life of a fake during a test.

It imports pytest and nothing heavy. Everything else is loaded when the first test needs a fake.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from ._pytest.asked_fixture import tell_when_asked
from ._pytest.import_finder import OwnModules
from ._pytest.seed import pass_seed_to_worker, seed_of_text, settle_seed
from ._simulation.settings.options import DEFER_CREDENTIALS, OPTIONS

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

    from ._api.fake import FakeCloudTasks
    from ._clients.legacy.client import LegacyCloudTasksClient
    from ._pytest.session import PluginSession
    from ._server.loopback import CloudTasksServer

_MARKER = (
    f"cloud_tasks(*, {', '.join(map(str, OPTIONS.values()))}): give this test a fake"
    " Cloud Tasks with these options; the nearest marker wins, key by key, and queues add up. Each is also an"
    " ini option, cloud_tasks_queues and so on: `pytest --help` describes them."
)
_SESSION: pytest.StashKey[PluginSession] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    for option in (*OPTIONS.values(), DEFER_CREDENTIALS):
        _add_ini(parser, f"cloud_tasks_{option.name}", option.help_with_default, option.ini_type)
    parser.getgroup("cloud tasks").addoption(
        "--cloud-tasks-seed",
        type=seed_of_text,
        metavar="N|random",
        help="the seed of every random choice in this run; overrides markers and the ini file. random picks one",
    )
    parser.getgroup("cloud tasks").addoption(
        "--cloud-tasks-report",
        metavar="DIR",
        help="write an HTML report for each failed test that used a fake, with an index.html, to DIR",
    )
    parser.getgroup("cloud tasks").addoption(
        "--cloud-tasks-report-for",
        choices=("failed", "all"),
        default="failed",
        help="which tests get a report page: failed (the default) or all",
    )
    parser.getgroup("cloud tasks").addoption(
        "--cloud-tasks-show-secrets",
        action="store_true",
        help="show the values of headers that hold secrets, such as Authorization, in reports and failures",
    )


def _add_ini(parser: pytest.Parser, name: str, help: str, kind: Any) -> None:
    """Declare an ini option.

    Since pytest 9.2, an option of several types takes TOML's own values in ``[tool.pytest]``.
    """
    if not isinstance(kind, str) and pytest.version_tuple < (9, 2):  # pytest rejects them by assert, which -O removes
        kind = "string"
    parser.addini(name, help, type=kind, default=[] if kind == "linelist" else "")


def _begin(config: pytest.Config) -> PluginSession:
    """Return the plugin's state of this run, created by the first call and removed at the end, however the run ends."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        return session
    ini = _ini_values(config)
    own_modules = OwnModules()
    own_modules.begin()
    config.add_cleanup(own_modules.end)
    from ._pytest.session import PluginSession  # by our finder, before pytest's search

    session = config.stash[_SESSION] = PluginSession(ini, config)
    config.add_cleanup(session.close)
    return session


def _ini_values(config: pytest.Config) -> dict[str, Any]:
    """Return the ini file's values. A value of a wrong type is a usage error, as in pytest 9.2."""
    try:
        return {name: config.getini(f"cloud_tasks_{name}") for name in (*OPTIONS, DEFER_CREDENTIALS.name)}
    except TypeError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Intercept clients from here on, because the first conftest.py and collection may import application code."""
    with suppress(pytest.UsageError):  # pytest takes it from pytest_configure
        _begin(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker. A plugin that a conftest.py names begins only now."""
    config.addinivalue_line("markers", _MARKER)
    session = _begin(config)
    session.settings.seed = settle_seed(config)
    session.settings.show_secrets = config.getoption("cloud_tasks_show_secrets")
    if config.getoption("cloud_tasks_report"):
        from ._pytest.report_hooks import Reporting  # imports the model, which only a run that writes pages needs

        config.pluginmanager.register(Reporting(config, session), "cloudtasks-report")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Reject wrong ini values before the first test is collected, which may import clients."""
    plugin_session = session.config.stash[_SESSION]
    plugin_session.settings.check()
    plugin_session.look_again()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the seed of the command line."""
    seed = config.getoption("cloud_tasks_seed")
    return None if seed is None else f"cloud tasks: --cloud-tasks-seed={seed}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give workers of pytest-xdist the same seed."""
    pass_seed_to_worker(node)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Release time first if Ctrl-C or pytest.exit ends the run, because no teardown of the test follows."""
    try:
        return (yield)
    except BaseException:
        item.config.stash[_SESSION].release_time()
        raise


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a fake for a test that asks for one, before its fixtures."""
    item.config.stash[_SESSION].set_up(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: Any) -> Generator[None, object, object]:
    """Hold time from the test's first own fixture on. Fixtures of a wider scope run in real time."""
    session = request.config.stash[_SESSION]
    with session.setting_up(fixturedef):
        result = yield
    if fixturedef.argname == "cloud_tasks" and fixturedef.func.__module__ == __name__:
        tell_when_asked(fixturedef, session.ask)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hold time for a test without own fixtures. Give every Hypothesis example its own fake."""
    with item.config.stash[_SESSION].calling(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """End the fake after all fixtures, whatever happened.

    An exception that is already raised stays the test's failure.
    """
    session = item.config.stash[_SESSION]
    try:
        result = yield
    except BaseException:
        session.tear_down(item, is_failing=True)
        raise
    session.tear_down(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the timeline to a failed test."""
    session = item.config.stash[_SESSION]
    try:
        report = yield
    finally:
        session.restore_cause()
    session.explain(report, call)
    return report


def pytest_exception_interact(node: object, call: pytest.CallInfo[Any], report: pytest.CollectReport) -> None:
    """Add a hint to a module that could not be collected because credentials were missing."""
    if isinstance(node, pytest.Collector) and call.excinfo is not None:
        node.config.stash[_SESSION].explain_collection(report, call.excinfo.value)


@pytest.hookimpl(specname="pytest_runtest_makereport")
def pytest_shorten_traceback(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """End a traceback at the test author's line. This runs after pytest has put a TestCase's error into ``call``."""
    if call.excinfo is not None:
        item.config.stash[_SESSION].shorten_traceback(call.excinfo.value, item.config)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Generator[None, None, None]:
    """Print timelines in colour if pytest prints in colour, and a failed test's lints only with its failure."""
    stats = terminalreporter.stats
    failed_tests = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, ())}
    if "warnings" in stats:
        stats["warnings"] = [
            warning
            for warning in stats["warnings"]
            if warning.nodeid not in failed_tests or "CloudTasksLintWarning: " not in warning.message
        ]
    writer = config.get_terminal_writer()
    if not writer.hasmarkup:
        return (yield)
    from ._pytest.section_colours import coloured_sections  # compiles patterns, which other runs don't need

    failed = [report for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, ())]
    with coloured_sections(failed, writer):
        return (yield)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show where two of Google's messages differ, field by field."""
    from ._pytest.assertrepr import explanation  # only a failing comparison needs it

    return explanation(left, right) if op == "==" else None


@pytest.fixture(scope="session")
def cloud_tasks(pytestconfig: pytest.Config) -> FakeCloudTasks:
    """A fake Cloud Tasks service, fresh for every test and every Hypothesis example.

    While the test runs, every CloudTasksClient calls it, and the test controls time. Create queues (create_queue), say
    what answers (route, mount), let the application enqueue, drive (step, dispatch_due, advance, drain, dispatch), and
    assert (assert_enqueued, assert_attempts and others).
    """
    return pytestconfig.stash[_SESSION].fake


@pytest.fixture(scope="session")
def cloud_tasks_client(cloud_tasks: FakeCloudTasks) -> CloudTasksClient:
    """The real google.cloud.tasks_v2.CloudTasksClient, bound to this test's fake."""
    return cloud_tasks.client()


@pytest.fixture(scope="session")
def cloud_tasks_async_client(cloud_tasks: FakeCloudTasks) -> CloudTasksAsyncClient:
    """The real google.cloud.tasks_v2.CloudTasksAsyncClient, bound to this test's fake, for any event loop.

    In an async test drive the queue with the methods of cloud_tasks.aio.
    """
    return cloud_tasks.async_client()


@pytest.fixture(scope="session")
def cloud_tasks_legacy_client(cloud_tasks: FakeCloudTasks) -> LegacyCloudTasksClient:
    """A client with the methods of google-cloud-tasks 1.x, bound to this test's fake.

    It works with any installed release. If 1.x is installed, it is that release's own client.
    """
    return cloud_tasks.legacy_client()


@pytest.fixture(scope="session")
def cloud_tasks_server(cloud_tasks: FakeCloudTasks, pytestconfig: pytest.Config) -> Iterator[CloudTasksServer]:
    """This test's fake on loopback, over gRPC (grpc_target) and REST (rest_url), for other processes and languages.

    While the test runs, the environment has its addresses: CLOUD_TASKS_EMULATOR_HOST for gRPC and REST,
    TASKS_EMULATOR_HOST, TASKS_EMULATOR, GC_TASK_URL and GC_TASK_PORT for gRPC, CLOUDTASKS_EMULATOR_HOST for REST.
    It needs the extra server: pip install 'pytest-cloudtasks[server]'.
    """
    session = pytestconfig.stash[_SESSION]
    yield session.serve()
    session.stop_serving()
