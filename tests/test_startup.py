from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HEAVY = ("google", "grpc", "hypothesis", "freezegun", "time_machine", "asyncio", "requests", "yaml", "flask", "aiohttp")
REPORT = f"""
import sys

def pytest_sessionfinish():
    print("HEAVY", sorted({{name.split(".")[0] for name in sys.modules}} & {set(HEAVY)!r}))
    print("ALL", *sorted(sys.modules))
    print("OURS", sorted(name for name in sys.modules if name.startswith("pytest_cloudtasks")))
"""


def run(folder: Path, test: str, plugins: Sequence[str] = ("-p", "pytest_cloudtasks.plugin")) -> str:
    (folder / "conftest.py").write_text(REPORT)
    (folder / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", *plugins, "-p", "no:cacheprovider"],
        cwd=folder,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_run_that_does_not_use_the_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    """Without a fake, neither Google's libraries nor any other dependency is imported, and little of our own."""
    output = run(tmp_path, "def test_it(): pass")
    assert "HEAVY []" in output
    ours = next(line for line in output.splitlines() if line.startswith("OURS"))
    assert ours == (
        "OURS ['pytest_cloudtasks', 'pytest_cloudtasks._clients', 'pytest_cloudtasks._clients.interception',"
        " 'pytest_cloudtasks._clients.patching', 'pytest_cloudtasks._clients.router', 'pytest_cloudtasks._pytest',"
        " 'pytest_cloudtasks._pytest.import_finder', 'pytest_cloudtasks._pytest.seed',"
        " 'pytest_cloudtasks._pytest.session', 'pytest_cloudtasks.plugin']"
    )


def test_an_unused_plugin_adds_nothing_but_modules_of_its_own(tmp_path: Path) -> None:
    """Whatever else is loaded in a run that does not use the plugin, pytest has loaded itself."""
    test = "def test_it(): pass"
    with_it, without = (
        next(line for line in run(tmp_path, test, plugins).splitlines() if line.startswith("ALL")).split()
        for plugins in (("-p", "pytest_cloudtasks.plugin"), ())
    )
    added = set(with_it) - set(without)
    assert {name for name in added if not name.startswith("pytest_cloudtasks")} == set()
    assert len(added) == 10


def test_a_fake_that_nobody_touches_imports_no_client(tmp_path: Path) -> None:
    """A test that asks for the fixture and does not use it pays for neither Google's client nor time-machine."""
    output = run(tmp_path, "def test_it(cloud_tasks): pass")
    assert "HEAVY ['asyncio']" in output
