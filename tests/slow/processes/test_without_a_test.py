"""Calls and searches of an application while no test is running: in a process without the suite's own tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.credentials import have_no_credentials
from tests.plugin.test_blocks import DECORATED
from tests.plugin.test_credentials import INI
from tests.plugin.test_session import APP


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine has no Google credentials, and looking for a metadata server would take time."""
    have_no_credentials(monkeypatch, tmp_path)


OUTSIDE_TESTS = (
    'CloudTasksClient.create_task() was blocked: no fake is active, and outside="refuse" blocks calls to the real'
    " service. No test is running now: move the call into a function that a test calls, or make it inside `with"
    " FakeCloudTasks():`.\nThe call was made at app.py:9, in enqueue."
)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("test_it", "import app\n\napp.enqueue()\n\n\ndef test_it():\n    pass"),
        ("conftest", "import app\n\n\napp.enqueue()"),
        ("conftest", "import app\n\n\ndef pytest_sessionfinish():\n    app.enqueue()"),
    ],
    ids=["a test's module", "conftest", "pytest_sessionfinish"],
)
def test_the_advice_where_no_test_is_running(pytester: pytest.Pytester, module: str, text: str) -> None:
    """Outside tests no fixture can be asked for: the message advises what can be done there."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(test_nothing="def test_nothing():\n    pass", **{module: text})
    result = pytester.runpytest_subprocess("-o", "cloud_tasks_outside=refuse")
    assert result.ret != 0
    assert OUTSIDE_TESTS in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("module", ["conftest", "test_shop"])
def test_the_ini_file_gives_credentials_at_import(pytester: pytest.Pytester, module: str) -> None:
    """Code that searches at import gets Cloud Run's credentials and the project; later a fake answers for them."""
    pytester.makepyfile(
        app="""
        import google.auth
        from google.auth import compute_engine
        from googleapiclient.discovery import build

        credentials, project = google.auth.default()
        client = build("cloudtasks", "v2")
        assert type(credentials) is compute_engine.Credentials
        assert (credentials.token, project) == (None, "shop")
        """,
        **{module: "import app"},
    )
    pytester.makepyfile(
        test_it="""
        import pytest
        from app import client

        @pytest.mark.cloud_tasks(queues=["work"])
        def test_it(cloud_tasks):
            name = cloud_tasks.queue_path("work")
            assert client.projects().locations().queues().get(name=name).execute()["name"] == name
        """
    )
    pytester.runpytest_subprocess(*INI).assert_outcomes(passed=1)


@pytest.mark.needs("clients of 2.x")
def test_a_decorated_class_has_a_fake_for_each_test(pytester: pytest.Pytester) -> None:
    """It works where pytest is not imported."""
    pytester.makepyfile(test_it=DECORATED)
    result = pytester.run(sys.executable, "-m", "unittest", "test_it")
    assert "Ran 7 tests" in result.stderr.str()
    assert result.stderr.lines[-1] == "OK"
