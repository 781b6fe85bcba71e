"""Our modules are imported past pytest's rewriting, so that a test may replace what that is made of."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader

import pytest

import pytest_cloudtasks
from pytest_cloudtasks._pytest.import_finder import OwnModules


def test_only_our_own_modules_are_found() -> None:
    """Those of the package, by Python's own loader; all others are left to the finders behind it."""
    found = OwnModules().find_spec("pytest_cloudtasks._simulation", pytest_cloudtasks.__path__)
    assert found is not None
    assert type(found.loader) is SourceFileLoader
    assert OwnModules().find_spec("pytest_cloudtasks", None) is None
    assert OwnModules().find_spec("pytest_cloudtasks_of_others.module", pytest_cloudtasks.__path__) is None


def test_it_leaves_no_trace() -> None:
    """It is asked first while it is needed, and no more afterwards, however often it is ended."""
    before = list(sys.meta_path)
    finder = OwnModules()
    finder.begin()
    assert sys.meta_path == [finder, *before]
    finder.end()
    finder.end()
    assert sys.meta_path == before


@pytest.mark.parametrize("replaced", ["read_bytes", "open"])
def test_a_test_that_replaces_files_fails_in_our_words(pytester: pytest.Pytester, replaced: str) -> None:
    """What is loaded when a test fails is loaded from the real file, although the test has replaced pathlib's."""
    pytester.makeconftest('import pytest\n\npytest.register_assert_rewrite("pytest_cloudtasks")')
    pytester.makepyfile(
        f"""
        from pathlib import Path

        import pytest
        from google.api_core.exceptions import NotFound


        @pytest.mark.cloud_tasks(queues=["receipts"])
        def test_it(cloud_tasks, cloud_tasks_client, monkeypatch):
            monkeypatch.setattr(Path, "{replaced}", lambda *arguments, **named: b"order")
            with pytest.raises(NotFound):
                cloud_tasks_client.get_task(name=cloud_tasks.queue_path("receipts") + "/tasks/one")
            with monkeypatch.context():
                cloud_tasks.assert_enqueued(queue="receipts")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    assert "CloudTasksAssertionError: Expected 1 matching task, found none." in result.stdout.str()
