"""The options of the conformance suite: which endpoint it meets, and what is known to differ there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .differences import PROPERTY, table
from .endpoint import Endpoint

OPTIONS = {
    "endpoint": "host:port of a Cloud Tasks endpoint to play the cases against, or google for the real service",
    "project": "the endpoint's project",
    "location": "the endpoint's location",
    "receiver": "http://host:port of this machine, at which the endpoint can deliver tasks",
    "known": "a JSON file of the cases that are known to differ there, and why",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("conformance with another endpoint")
    for name, help in OPTIONS.items():
        group.addoption(f"--cloud-tasks-{name}", help=help)


def option(config: pytest.Config, name: str) -> str | None:
    """An option's value; None also where these options aren't known, since this folder wasn't named."""
    value: str | None = config.getoption(f"--cloud-tasks-{name}", None)
    return value


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With an endpoint only that is met, and without one only the fake."""
    if collection_path.parent != Path(__file__).parent or not collection_path.name.startswith("test_"):
        return None
    is_for_endpoint = collection_path.name == "test_endpoint.py"
    return True if is_for_endpoint == (option(config, "endpoint") is None) else None


@pytest.fixture(scope="session")
def endpoint(pytestconfig: pytest.Config) -> Iterator[Endpoint]:
    """The endpoint to meet."""
    address = option(pytestconfig, "endpoint")
    assert address is not None
    found = Endpoint(
        address,
        option(pytestconfig, "project") or "test-project",
        option(pytestconfig, "location") or "us-central1",
        option(pytestconfig, "receiver"),
    )
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="session")
def known(pytestconfig: pytest.Config) -> dict[str, str]:
    """Why a case is known to differ, by its ID."""
    path = option(pytestconfig, "known")
    listed: dict[str, str] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return listed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the differences as a table; they come with the reports, from other processes too."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    found = [value for report in reports for name, value in report.user_properties if name == PROPERTY]
    if found:
        terminalreporter.section("differences from the ledger")
        for line in table(sorted(found)):
            terminalreporter.line(line)
