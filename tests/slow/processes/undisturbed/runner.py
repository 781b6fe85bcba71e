"""A script: runs test projects one after the other in this process, and writes what came of each test as JSON.

Its first argument is where to write, its second a JSON list of ``[folder, arguments]``. One process for many projects
is for speed: between two of them, a project's own modules and its stubs are forgotten.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


class Recorder:
    """Keeps the outcome of every phase of every test, the line that says why, and every warning."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def _keep(self, what: str, outcome: str, told: object) -> None:
        text = str(told).strip().rpartition("\n\n")[2] if told else ""
        self.seen[what] = f"{outcome} {re.sub(r'0x[0-9a-f]+|[0-9.]+s', '...', text)}".strip()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        crash = getattr(report.longrepr, "reprcrash", None)
        told = getattr(crash, "message", "") or (report.longrepr if report.failed else "")
        kind = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
        self._keep(f"{report.nodeid} {report.when}", kind, told)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._keep(f"{report.nodeid} collect", report.outcome, str(report.longrepr).splitlines()[-1])

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str) -> None:
        self._keep(f"{nodeid} warned {warning_message.category.__name__}", when, warning_message.message)


def is_of_the_project(name: str, folder: str) -> bool:
    """Whether a module is the project's own, or stands for one that is not imported."""
    module = sys.modules[name]
    return not isinstance(module, ModuleType) or str(getattr(module, "__file__", None) or "").startswith(folder)


def run(folder: str, arguments: list[str]) -> dict[str, str]:
    """One project, as by a command line in its folder."""
    modules, path, environment = dict(sys.modules), list(sys.path), dict(os.environ)
    os.chdir(folder)
    recorder = Recorder()
    try:
        code = pytest.main([*arguments, f"--rootdir={folder}"], plugins=[recorder])
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if is_of_the_project(name, folder)]:
            del sys.modules[name]
        sys.modules.update(modules)
        os.environ.clear()
        os.environ.update(environment)
    return {**recorder.seen, "exit": str(int(code))}


if __name__ == "__main__":
    found = {Path(folder).name: run(folder, arguments) for folder, arguments in json.loads(sys.argv[2])}
    Path(sys.argv[1]).write_text(json.dumps(found))
