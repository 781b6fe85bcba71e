"""Runs with workers of pytest-xdist, and of another Python."""

from __future__ import annotations

import sys

import pytest

from tests.plugin.conftest import _quiet_inner_runs
from tests.plugin.test_reporting import FAILED, listed_in, pages_of, suite
from tests.plugin.test_seed import SUITE, choices_of, run, seeds_of

__all__ = ["_quiet_inner_runs", "run", "suite"]


def test_workers_have_one_seed_and_it_replays_anywhere(run: pytest.RunResult) -> None:
    """Under pytest-xdist all processes have the seed that was picked, and a plain run replays it."""
    random = run("-p", "xdist", "-n", "2", "--cloud-tasks-seed=random")
    (seed,) = seeds_of(random)

    assert len(choices_of(random)) == 5
    assert choices_of(run(f"--cloud-tasks-seed={seed}")) == choices_of(random)
    assert choices_of(run("-p", "xdist", "-n", "2", f"--cloud-tasks-seed={seed}")) == choices_of(random)


def test_groups_of_xdist_change_nothing(pytester: pytest.Pytester) -> None:
    """The suffix that pytest-xdist adds to the IDs of grouped tests is not part of the seed."""
    grouped = SUITE.replace("@pytest.mark.cloud_tasks(", '@pytest.mark.xdist_group("g")\n    @pytest.mark.cloud_tasks(')
    pytester.makepyfile(test_suite=grouped)
    plain = pytester.runpytest("-p", "xdist", "--tb=short")
    spread = pytester.runpytest("-p", "xdist", "-n", "2", "--dist", "loadgroup", "--tb=short")
    assert choices_of(spread) == choices_of(plain)
    assert len(choices_of(plain)) == 5


def test_workers_of_xdist_make_the_same_report(suite: pytest.Pytester) -> None:
    """Pages come from two workers, the index from the controller, and all equal those of one process byte for byte."""
    suite.runpytest("--cloud-tasks-report=one")
    result = suite.runpytest("--cloud-tasks-report=two", "-p", "xdist", "-n", "2")

    assert listed_in(suite.path / "two") == FAILED
    assert pages_of(suite.path / "two") == pages_of(suite.path / "one")
    result.stdout.fnmatch_lines([f"Cloud Tasks report: {suite.path / 'two' / 'index.html'} (5 pages)"])


def test_flags_are_read_without_assertions_too(pytester: pytest.Pytester) -> None:
    """An older pytest rejects options of several types by assert, which Python leaves out under -O."""
    pytester.makeini("[pytest]\ncloud_tasks_autouse = true\ncloud_tasks_seed = 7")
    pytester.makepyfile(
        """
        import pytest_cloudtasks

        def test_settings():
            settings = pytest_cloudtasks.current()._active.settings
            if (settings.autouse, settings.seed) != (True, 7):
                raise ValueError(settings)
        """
    )
    result = pytester.run(sys.executable, "-O", "-m", "pytest", "-p", "no:asyncio")
    result.assert_outcomes(passed=1)


def test_a_wrong_ini_value_stops_the_run(pytester: pytest.Pytester) -> None:
    """One error is all that the controller and its workers say."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("-o", "cloud_tasks_time=hold", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = "cloud_tasks_time takes 'held' or 'virtual', but got 'hold'. Did you mean 'held'?"
    assert f"ERROR: In the ini file, {message}" in (*result.outlines, *result.errlines)
    assert "test_it" not in result.stdout.str()
