"""``--cloud-tasks-report``: pages, written where the tests run, and their index, written once.

The page of a test is written by the process that ran it. Its entry of the index is part of pytest's report, which
pytest-xdist brings to the controller. Without pytest-xdist there is only one process.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .._diagnostics.values import portable_text
from .._report.data import report_data
from .._report.index import index
from .._report.page import Heading, page
from .._text import counted, described, error_text, safe_str
from .seed import test_id

if TYPE_CHECKING:
    from .._simulation.simulation import Simulation
    from .session import PluginSession

_OURS = '<meta name="generator" content="pytest-cloudtasks">'
_ENTRY = "cloud_tasks_report"
"""The attribute of a pytest report with an entry of the index."""
_PROBLEM = "cloud_tasks_report_problem"
"""The attribute with a sentence about a page that could not be written."""
_IN_WORKER = "cloud_tasks_report"


class Reporting:
    """The hooks of a run that writes pages; registered only then."""

    def __init__(self, config: pytest.Config, session: PluginSession) -> None:
        self._config = config
        self._session = session
        self._is_worker = hasattr(config, "workerinput")
        folder = getattr(config, "workerinput", {}).get(_IN_WORKER, config.getoption("cloud_tasks_report"))
        self._folder = Path(config.invocation_params.dir, folder)
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
                raise pytest.UsageError(f"--cloud-tasks-report can't write to {folder}: {error.strerror}.") from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Send the folder of pages to a worker of pytest-xdist."""
        node.workerinput[_IN_WORKER] = str(self._folder)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Collect a test's page when it has failed, or else when it has run; write it when its fixtures have ended.

        Before that, a fixture such as pyfakefs may replace files.
        """
        report = yield
        try:
            self._keep(item, report, call)
        except Exception as error:  # from a value that the page shows, or from the disk
            self._running = None
            setattr(report, _PROBLEM, f"The page of {test_id(item)} could not be written: {error_text(error)}")
        return report

    def _keep(self, item: pytest.Item, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        """Collect one phase of a test for its page, and write the page at the test's end."""
        if report.when == "setup":
            self._running = None
        # a fake that was not requested and never used is not shown
        simulations = [simulation for simulation in self._session.simulations if simulation.history.has_begun]
        if simulations and (report.failed or (self._wanted == "all" and report.when == "call")):
            self._look(test_id(item), simulations, report, call)
        if report.when == "teardown" and self._running is not None:
            setattr(report, _ENTRY, self._write(self._running))
            self._running = None

    def _look(
        self, test: str, simulations: Sequence[Simulation], report: pytest.TestReport, call: pytest.CallInfo[None]
    ) -> None:
        """Collect what the page shows: the simulations as they were at the first failure, and the messages of all
        phases.
        """
        if self._running is None or self._running["outcome"] != "failed":
            self._running = {
                "test": test,
                "fakes": [self._data_of(simulation) for simulation in simulations],
                "messages": [],
                "hints": [],
            }
            self._running["outcome"] = "failed" if report.failed else _outcome(report)
        if report.failed:
            self._running["messages"].append(_message(report, call))
            self._running["hints"] += self._hints(simulations, report, call)

    def _data_of(self, simulation: Simulation) -> dict[str, Any]:
        replay = simulation.randomness.choices.replay
        return report_data(simulation.history, simulation.service, simulation.clock, replay, self._config.rootpath)

    def _hints(
        self, simulations: Sequence[Simulation], report: pytest.TestReport, call: pytest.CallInfo[None]
    ) -> list[str]:
        error = call.excinfo
        if error is None or self._running is None:
            return []
        found = [hint for simulation in simulations for hint in self._session.hints_for(simulation, error.value)]
        return [hint for hint in dict.fromkeys(found) if hint not in self._running["hints"]]

    def _write(self, running: dict[str, Any]) -> dict[str, Any]:
        """Write the test's pages, one for each of its fakes. Return the entry of the index."""
        test, fakes = running["test"], running["fakes"]
        message = portable_text("\n\n".join(running["messages"]), self._config.rootpath)
        pages = [page_name(test, number) for number in range(1, len(fakes) + 1)]
        self._folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(fakes):
            heading = Heading(test, running["outcome"], message, running["hints"], pages, number)
            (self._folder / pages[number]).write_text(page(data, heading), "utf-8", newline="\n")
        return {
            "test": test,
            "pages": pages,
            "outcome": running["outcome"],
            "message": message,
            "counts": [data["counts"] for data in fakes],
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the entries, from the workers if there are any."""
        problem = getattr(report, _PROBLEM, None)
        if problem is not None:
            self._problems.append(problem)
        entry = getattr(report, _ENTRY, None)
        if entry is not None:
            self._entries[entry["test"]] = entry

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write the index, in the only process that has all entries."""
        if self._is_worker or self._config.option.collectonly:
            return
        try:
            self._write_index()
        except Exception as error:
            self._problems.append(f"The index could not be written: {error_text(error)}")

    def _write_index(self) -> None:
        if self._running is not None:  # pytest was told to exit within the test, maybe by a debugger
            entry = self._write(self._running)
            self._entries[entry["test"]] = entry
        text = index(self._entries.values(), self._wanted)
        (self._folder / "index.html").write_text(text, "utf-8", newline="\n")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print where the report is."""
        if self._config.option.collectonly:
            return
        pages = counted(sum(len(entry["pages"]) for entry in self._entries.values()), "page")
        terminalreporter.write_line(f"Cloud Tasks report: {self._folder / 'index.html'} ({pages})")
        for problem in self._problems:
            terminalreporter.write_line(f"Cloud Tasks report: {problem}")


def page_name(test: str, fake: int = 1) -> str:
    """Return the file name of a test's page: the valid part of its node ID, and a unique suffix.

    Each ``fake`` of a test, counted from 1, has its own page.
    """
    path, separator, name = test.partition("::")
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", path.rpartition("/")[2] + separator + name).strip("-")[:80]
    digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{readable}-{digest}{f'-{fake}' if fake > 1 else ''}.html"


def _clear(folder: Path) -> None:
    """Remove the pages of an earlier run, but no other files."""
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
