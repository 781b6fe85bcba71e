from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"google", "grpc", "hypothesis", "freezegun", "time_machine", "requests", "yaml", "flask", "aiohttp"}
REPORT = """
import sys

def pytest_sessionfinish():
    print("MODULES", *sorted(sys.modules))
"""


def modules_of_a_run(folder: Path, test: str, *options: str) -> set[str]:
    """Return the names of the modules that are loaded at the end of a run of pytest with one test."""
    (folder / "conftest.py").write_text(REPORT)
    (folder / "test_it.py").write_text(test)
    output = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", *options, "-p", "no:cacheprovider"],
        cwd=folder,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(next(line for line in output.splitlines() if line.startswith((".MODULES", "MODULES"))).split()[1:])


def test_an_unused_plugin_adds_nothing_but_modules_of_its_own(tmp_path: Path) -> None:
    """In a run without a fake, the plugin adds modules of its own, of few rooms, and no other module."""
    test = "def test_it(): pass"
    added = modules_of_a_run(tmp_path, test, "-p", "pytest_cloudtasks.plugin") - modules_of_a_run(tmp_path, test)
    assert {name for name in added if not name.startswith("pytest_cloudtasks")} == set()
    rooms = {name.split(".")[1] for name in added if "." in name}
    assert not rooms & {
        "_api",
        "_diagnostics",
        "_messages",
        "_report",
        "_server",
        "_stateful",
        "_strategies",
        "_targets",
    }


def test_an_unused_fake_imports_no_client(tmp_path: Path) -> None:
    """A test that requests the fixture and doesn't use it imports time-machine, which holds time, but no client."""
    without = modules_of_a_run(tmp_path, "def test_it(): pass")  # a .pth file of the environment may load some
    loaded = modules_of_a_run(tmp_path, "def test_it(cloud_tasks): pass", "-p", "pytest_cloudtasks.plugin")
    assert {name.split(".")[0] for name in loaded - without} & HEAVY == {"time_machine"}
