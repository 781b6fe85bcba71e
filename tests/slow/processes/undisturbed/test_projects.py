"""Suites that do without the plugin behave with it installed as without it.

The projects are the ways in which public code on GitHub builds clients and tests what it does with them, as a survey of
149 code bases found them: mocks on the class, stubs of modules, fakes by hand, switches, fallbacks.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.installed import CAPABILITIES

PROJECTS = Path(__file__).parent / "projects"
QUIET = ("randomly", "cacheprovider", "asyncio", "anyio", "django")
"""Plugins that a project has to ask for."""

Outcomes = dict[str, dict[str, str]]


class Project(NamedTuple):
    """The command line of a folder of `projects`."""

    arguments: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    """Those of `QUIET` that it needs."""
    for_ours: tuple[str, ...] = ()
    """What the command line has more where the plugin is installed."""


SUITES = {
    "no_cloud_tasks": Project(),
    "doctests": Project(("--doctest-modules", "--doctest-glob=*.txt")),
    "strict": Project(("inner",)),
    "blocked_sockets": Project(),
    "stubbed_by_modules": Project(),
    "stubbed_module": Project(),
    "stubbed_google": Project(),
    "distributed": Project(("-n1",)),
}
"""Projects in which the library is imported by nobody, or only in another process."""
CLIENTS = {
    "patched": Project(),
    "own_clients": Project(),
    "no_credentials": Project(),
    "import_time": Project(for_ours=("-ocloud_tasks_defer_credentials=false",)),
    "old_calls": Project(),
    "own_fixture": Project(),
    "coroutines": Project(plugins=("asyncio", "anyio")),
    "django_shop": Project(plugins=("django",)),
    "frozen": Project(),
    "time_machine_used": Project(),
    "reloaded": Project(),
}
"""Projects with the library itself. The last leaves another copy of it behind."""


def environment(home: Path, python_path: str = "") -> dict[str, str]:
    """That of somebody who isn't logged in, and whose pytest isn't within another."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GOOGLE_", "COV_"))}
    if python_path:
        kept["PYTHONPATH"] = str(home / python_path)
    return {**kept, "HOME": str(home), "CLOUDSDK_CONFIG": str(home), "NO_GCE_CHECK": "true"}


def command_line(project: Project, is_ours: bool) -> list[str]:
    """The arguments of pytest for a project, with the plugin or without it."""
    quiet = [f"-pno:{name}" for name in QUIET if name not in project.plugins]
    return [
        "-q",
        "--continue-on-collection-errors",
        *quiet,
        *project.arguments,
        *(project.for_ours if is_ours else ("-pno:cloudtasks",)),
    ]


def started(
    projects: dict[str, Project], folder: Path, is_ours: bool, python_path: str, added: Sequence[Path]
) -> subprocess.Popen[str]:
    """A process that runs the projects, in a copy that has no ini file above."""
    for name in projects:
        shutil.copytree(PROJECTS / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in added:
            shutil.copy(file, folder / name)
    plan = [[str(folder / name), command_line(project, is_ours)] for name, project in projects.items()]
    script = str(Path(__file__).parent / "runner.py")
    return subprocess.Popen(
        [sys.executable, script, str(folder / "outcomes.json"), json.dumps(plan)],
        env=environment(folder, python_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def outcomes(process: subprocess.Popen[str], folder: Path) -> Outcomes:
    """What came of every test of every project."""
    output, _ = process.communicate()
    assert process.returncode == 0, output
    text = (folder / "outcomes.json").read_text().replace(str(folder), "")
    return dict(json.loads(text))


def both(
    projects: dict[str, Project], folder: Path, python_path: str = "", added: Sequence[Path] = ()
) -> tuple[Outcomes, Outcomes]:
    """The outcomes without and with the plugin; ``added`` are files for each project."""
    without, along = folder / "without", folder / "with"
    processes = (
        started(projects, without, False, python_path, added),
        started(projects, along, True, python_path, added),
    )
    return outcomes(processes[0], without), outcomes(processes[1], along)


def ends(seen: dict[str, str]) -> set[str]:
    """How tests ended."""
    return {told.partition(" ")[0] for what, told in seen.items() if what.endswith(" call")}


@pytest.mark.parametrize("projects", [SUITES, CLIENTS], ids=["suites", "clients"])
def test_suites_behave_the_same(projects: dict[str, Project], tmp_path: Path) -> None:
    """Every test of every project comes to the same, for the same reason, and with the same warnings."""
    without, along = both(projects, tmp_path)
    assert along == without
    told_apart = {name for name, seen in without.items() if {"passed", "failed"} <= ends(seen)}
    cannot_begin = set() if "clients of 2.x" in CAPABILITIES else {"own_clients", "coroutines"}
    assert told_apart == projects.keys() - cannot_begin, "A project has tests that pass and tests that fail."
