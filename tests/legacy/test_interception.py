"""Clients with 1.x's surface in sessions of pytest: at import, rejected, and without a fake."""

from __future__ import annotations

import pytest

from tests.credentials import have_no_credentials
from tests.legacy.conftest import CLASSES, name_of

APP = """
{imports}

built_at_import = CloudTasksClient()
by_key = CloudTasksClient.from_service_account_json("missing.json")
QUEUE = CloudTasksClient.queue_path("test-project", "us-central1", "work")


def enqueue(client=built_at_import):
    return client.create_task(QUEUE, {{"http_request": {{"url": "https://worker.test/"}}}})
"""
IMPORTS = {
    "google": "from google.cloud.tasks_v2 import CloudTasksClient",
    "pytest_cloudtasks": "from pytest_cloudtasks import LegacyCloudTasksClient as CloudTasksClient",
}
REFUSAL = (
    'CloudTasksClient.create_task() was blocked: no fake is active, and outside="refuse" blocks calls to the real'
    " service. Ask for the cloud_tasks fixture in the test or fixture that makes the call, mark the test with"
    " @pytest.mark.cloud_tasks, or allow it with"
    ' @pytest.mark.cloud_tasks(outside="real").\nThe call was made at app.py:9, in enqueue.'
)


@pytest.fixture(autouse=True, params=CLASSES, ids=name_of)
def _app(request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module ``app`` that builds its clients when it is imported, and nowhere any credentials."""
    have_no_credentials(monkeypatch, pytester.path)
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider\n")
    pytester.makepyfile(app=APP.format(imports=IMPORTS[name_of(request.param)]))


def test_clients_built_at_import_reach_the_fake(pytester: pytest.Pytester) -> None:
    """Built at import without credentials, by a key file that is not there, or in the test: calls arrive."""
    pytester.makepyfile(
        """
        import pytest
        import app

        @pytest.mark.cloud_tasks(queues=["work"])
        @pytest.mark.parametrize("client", [app.built_at_import, app.by_key, None])
        def test_it(cloud_tasks, client):
            app.enqueue(client or app.CloudTasksClient())
            cloud_tasks.assert_enqueued(queue="work")

        def test_each_test_has_its_own(cloud_tasks, cloud_tasks_legacy_client):
            cloud_tasks.create_queue("work")
            app.enqueue(cloud_tasks_legacy_client)
            app.enqueue()
            assert len(cloud_tasks.tasks()) == 2
        """
    )
    pytester.runpytest().assert_outcomes(passed=4)


def test_outside_a_fake_the_library_is_as_it_was(pytester: pytest.Pytester) -> None:
    """Without a fake the credentials that were put off are missed with the first call, and at once in a test."""
    pytester.makepyfile(
        """
        import pytest
        from google.auth.exceptions import DefaultCredentialsError
        import app

        def test_import():
            with pytest.raises(DefaultCredentialsError):
                app.enqueue()

        def test_key_file():
            with pytest.raises(FileNotFoundError):
                app.enqueue(app.by_key)

        def test_in_the_test():
            with pytest.raises(DefaultCredentialsError):
                app.CloudTasksClient()
        """
    )
    pytester.runpytest().assert_outcomes(passed=3)


def test_calls_outside_a_fake_can_be_blocked(pytester: pytest.Pytester) -> None:
    """With outside = refuse a call without a fake fails the test in a sentence."""
    pytester.makepyfile("import app\n\ndef test_it(): app.enqueue()\n\ndef test_new(): app.CloudTasksClient()")
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1, passed=1)
    assert REFUSAL in result.stdout.str()


def test_deferring_credentials_can_be_turned_off(pytester: pytest.Pytester) -> None:
    """With cloud_tasks_defer_credentials = false a client at import fails the collection, as without the plugin."""
    pytester.makepyfile("import app\n\ndef test_it(): pass")
    result = pytester.runpytest("-o", "cloud_tasks_defer_credentials=false")
    result.assert_outcomes(errors=1)
    assert "DefaultCredentialsError" in result.stdout.str()
