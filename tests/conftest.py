from __future__ import annotations

import gc
import importlib.metadata
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import PathDistribution
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import pytest_cloudtasks

pytest_plugins = ["pytester"]

# The suite draws the same few examples in every run, `tox -e explore` many new ones, and prints how to repeat them.
# Neither looks at how long anything takes: a busy machine fails no test.
settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", settings.get_profile("suite"), derandomize=False, print_blob=True, max_examples=200
)

settings.load_profile("suite")

# The garbage collector takes a sixth of the suite's time at Python's own threshold.
gc.set_threshold(20_000)

HERE = Path(__file__).parent
RunPytest = Callable[..., pytest.RunResult]

WITHOUT = {
    "batches": [
        "acceptance/test_betas.py",
        "acceptance/test_http_target.py",
        "acceptance/test_newest_surface.py",
        "slow/properties/test_random_sequences.py",
        "messages/test_http_targets.py",
        "messages/test_operations.py",
        "messages/test_versioned_rpcs.py",
        "recorded",
    ],
    "HTTP tasks in all versions": ["acceptance/test_every_client.py"],
    "rest": ["clients/test_rest_transport.py", "server", "slow/processes/test_conformance_of_server.py"],
    "clients of 2.x": [
        "acceptance",
        "conformance",
        "clients",
        "messages",
        "api",
        "diagnostics",
        "slow/processes/test_conformance_suite.py",
        "slow/processes/test_determinism.py",
        "slow/processes/test_django.py",
        "slow/processes/test_examples.py",
        "slow/processes/test_fastapi.py",
        "slow/processes/test_imports.py",
        "test_docs.py",
        "typing",
    ],
}
"""Tests of messages and RPCs that a release doesn't have; clients/test_surface.py is for every release."""

# Under CI pytest prints summaries at full length; inner sessions are to look the same everywhere.
for _name in ("CI", "BUILD_NUMBER"):
    os.environ.pop(_name, None)

# pytester forgets what an inner session imported first. A second import of these would bring their C parts down, and
# one of the package's own modules would make two classes of each of theirs.
# The last are what many inner sessions would import anew.
KEPT = (
    "freezegun",
    "hypothesis",
    "time_machine",
    "google.cloud.tasks_v2",
    "google.cloud.tasks_v2beta2",
    "google.cloud.tasks_v2beta3",
    "flask",
    "pytest_asyncio",
)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Import what has to stay imported. The process in which xdist only starts the others has no use for it."""
    if session.config.getoption("numprocesses", None):
        return
    for name in KEPT:
        import_module(name)
    if find_spec("pytest_django"):
        import_module("pytest_django.plugin")
    for found in pkgutil.walk_packages(pytest_cloudtasks.__path__, "pytest_cloudtasks."):
        import_module(found.name)


@cache
def capabilities() -> set[str]:
    """What the installed releases have, which takes Google's clients to find out."""
    return import_module("tests.installed").CAPABILITIES


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out whole files and folders that the installed release of google-cloud-tasks has nothing for."""
    lacking = WITHOUT.keys() - capabilities()
    left_out = {HERE / one for capability in lacking for one in WITHOUT[capability]}
    return True if collection_path in left_out else None


class ReadOnce(PathDistribution):
    """An installed package whose metadata is read once."""

    entry_points = cached_property(PathDistribution.entry_points.fget)
    files = cached_property(PathDistribution.files.fget)
    metadata = cached_property(PathDistribution.metadata.fget)


@pytest.fixture(scope="session", autouse=True)
def _metadata_is_read_once() -> Iterator[None]:
    """Keep what is installed: each inner session asks three times, which takes nearly half of its time."""
    installed = [ReadOnce(info) for folder in sys.path for info in Path(folder).glob("*.dist-info")]
    search = importlib.metadata.distributions
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.metadata, "distributions", lambda **where: search(**where) if where else installed)
        yield


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> RunPytest:
    """Run pytest in this process: in the folder that is given first, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    quiet = [f"-pno:{name}" for name in ("cacheprovider", "asyncio", "randomly", "django")]

    def run(folder: Path, *arguments: str | Path) -> pytest.RunResult:
        monkeypatch.chdir(folder)
        return pytester.runpytest_inprocess(*quiet, *arguments)

    return run


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the installed release of google-cloud-tasks can't do."""
    left_out = [item for item in items if needs_of(item) - capabilities()]
    items[:] = [item for item in items if item not in set(left_out)]
    config.hook.pytest_deselected(items=left_out)


def needs_of(item: pytest.Item) -> set[str]:
    """The capabilities that a test is about."""
    named = {name for marker in item.iter_markers("needs") for name in marker.args}
    parameters = getattr(item, "callspec", None)
    over_rest = parameters is not None and parameters.params.get("transport") == "rest"
    return named | ({"rest"} if over_rest else set())
