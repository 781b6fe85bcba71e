"""``--cloud-tasks-report``: pages to look at, written where the tests run, and their index, written once.

The page of a test is written by the process that ran it. What the index says of it travels on pytest's report, which
pytest-xdist brings to the controller; without pytest-xdist there is one process, and nothing is different.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .._report.data import report_data
from .._report.index import index
from .._report.page import Heading, page
from .._report.values import told
from .._text import described, error_text, safe_str
from .seed import test_id

if TYPE_CHECKING:
    from .._simulation.simulation import Simulation
    from .session import PluginSession

_OURS = '<meta name="generator" content="pytest-cloudtasks">'
_ENTRY = "cloud_tasks_report"
"""The attribute of a pytest report that carries an entry of the index."""
_PROBLEM = "cloud_tasks_report_problem"
"""The attribute that carries a sentence about a page that could not be written."""
_IN_WORKER = "cloud_tasks_report"


class Reporting:
    """The hooks of a run that writes pages; registered only if it does."""

    def __init__(self, config: pytest.Config, session: PluginSession) -> None:
        self._config = config
        self._session = session
        self._is_worker = hasattr(config, "workerinput")
        given = getattr(config, "workerinput", {}).get(_IN_WORKER, config.getoption("cloud_tasks_report"))
        self._folder = Path(config.invocation_params.dir, given)
        self._wanted = config.getoption("cloud_tasks_report_for")
        self._entries: dict[str, dict[str, Any]] = {}
        self._problems: list[str] = []
        self._running: dict[str, Any] | None = None
        """What is known so far of the test that runs: its page's data, and its failures."""
        if not self._is_worker and not config.option.collectonly:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                _clear(self._folder)
            except OSError as error:
                raise pytest.UsageError(
                    f"--cloud-tasks-report names {given}, which can't be a folder of pages: {error.strerror}."
                ) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist where the pages go."""
        node.workerinput[_IN_WORKER] = str(self._folder)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Look at a test once it has failed, or else when it has run; write its page when its fixtures have ended.

        Until then what files are made of may be a fixture's own, such as pyfakefs.
        """
        report = yield
        try:
            self._keep(item, report, call)
        except Exception as error:  # of a value that the page shows, or of the disk
            self._running = None
            setattr(report, _PROBLEM, f"The page of {test_id(item)} could not be written: {error_text(error)}")
        return report

    def _keep(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Keep what one phase of a test adds to its page, and write the page at the test's end."""
        if report.when == "setup":
            self._running = None
        simulation = self._session.simulation
        if simulation is not None and not simulation.history.has_begun:  # it came unasked, and was never used
            simulation = None
        if simulation is not None and (report.failed or (self._wanted == "all" and report.when == "call")):
            self._look(test_id(item), simulation, report, call)
        if report.when == "teardown" and self._running is not None:
            setattr(report, _ENTRY, self._write(self._running))
            self._running = None

    def _look(self, test: str, simulation: Simulation, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Keep what the page shows: the simulation as it was at the first failure, and the messages of all."""
        if self._running is None or self._running["outcome"] != "failed":
            self._running = {
                "test": test,
                "data": report_data(
                    simulation.history,
                    simulation.service,
                    simulation.clock,
                    simulation.choices.replay,
                    self._config.rootpath,
                ),
                "messages": [],
            }
            self._running["outcome"] = "failed" if report.failed else _outcome(report)
        if report.failed:
            self._running["messages"].append(_message(report, call))

    def _write(self, running: dict[str, Any]) -> dict[str, Any]:
        """Write the page; the entry of the index."""
        test = running["test"]
        message = told("\n\n".join(running["messages"]), self._config.rootpath)
        name = page_name(test)
        self._folder.mkdir(parents=True, exist_ok=True)
        heading = Heading(test, running["outcome"], message)
        (self._folder / name).write_text(page(running["data"], heading), "utf-8", newline="\n")
        return {
            "test": test,
            "page": name,
            "outcome": running["outcome"],
            "message": message,
            "counts": running["data"]["counts"],
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the entries, which come from the workers if there are any."""
        problem = getattr(report, _PROBLEM, None)
        if problem is not None:
            self._problems.append(problem)
        entry = getattr(report, _ENTRY, None)
        if entry is not None:
            self._entries[entry["test"]] = entry

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the index, in the one process that has all entries."""
        if self._is_worker or self._config.option.collectonly:
            return
        try:
            self._write_index()
        except Exception as error:
            self._problems.append(f"The index could not be written: {error_text(error)}")

    def _write_index(self) -> None:
        if self._running is not None:  # pytest was told to exit in the middle of the test, by a debugger maybe
            entry = self._write(self._running)
            self._entries[entry["test"]] = entry
        text = index(self._entries.values(), self._wanted)
        (self._folder / "index.html").write_text(text, "utf-8", newline="\n")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the report is."""
        if self._config.option.collectonly:
            return
        pages = f"{len(self._entries)} page{'' if len(self._entries) == 1 else 's'}"
        terminalreporter.write_line(f"Cloud Tasks report: {self._folder / 'index.html'} ({pages})")
        for problem in self._problems:
            terminalreporter.write_line(f"Cloud Tasks report: {problem}")


def page_name(test: str) -> str:
    """The file of a test's page: as much of its node ID as file names may have, and what tells it from all others."""
    path, separator, name = test.partition("::")
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", path.rpartition("/")[2] + separator + name).strip("-")[:80]
    return f"{readable}-{hashlib.sha256(test.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}.html"


def _clear(folder: Path) -> None:
    """Remove the pages of an earlier run, and nothing that is not ours."""
    for path in sorted(folder.glob("*.html")):
        with path.open(encoding="utf-8", errors="replace") as file:
            is_ours = _OURS in file.read(1_000)
        if is_ours:
            path.unlink()


def _outcome(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xpassed" if report.passed else "xfailed"
    return report.outcome


def _message(report: pytest.TestReport, call: pytest.CallInfo[None]) -> str:
    error = call.excinfo
    text = safe_str(report.longrepr) if error is None else described("the error", lambda: error.exconly(tryshort=True))
    return text if report.when == "call" else f"In {report.when}: {text}"
