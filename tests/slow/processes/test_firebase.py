"""Firebase's Admin SDK for Python outside a fake: against `serve`, and blocked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.emulator.running import running_emulator, working

firebase_admin: Any = pytest.importorskip("firebase_admin")
functions: Any = pytest.importorskip("firebase_admin.functions")
QUEUE = "projects/gallery/locations/us-central1/queues/resize"


def test_the_admin_sdk_against_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """It enqueues, schedules, de-duplicates and deletes; a function gets its data. Only what `serve` prints is set."""
    options = ("--project", "gallery", "--queue", "resize", "--firebase-functions")
    with working() as worker, running_emulator(*options, worker.url) as emulator:
        worker.answers(503, 204)
        for line in emulator.banner:
            if line.startswith("export "):
                monkeypatch.setenv(*line.removeprefix("export ").split("="))
        app = firebase_admin.initialize_app(options={"projectId": "gallery"}, name="against the emulator")
        try:
            queue = functions.task_queue("resize", app=app)
            later = functions.TaskOptions(task_id="later", schedule_delay_seconds=3600)
            first = queue.enqueue({"data": {"image": 7}})
            assert queue.enqueue({"data": {"image": 8}}, later) == "later"
            with pytest.raises(firebase_admin.exceptions.AlreadyExistsError):
                queue.enqueue({"data": {"image": 8}}, later)
            queue.delete("later")
            emulator.post("/control/drain")
        finally:
            firebase_admin.delete_app(app)
        assert f"  Firebase functions  {worker.url}" in emulator.banner
        assert emulator.results() == [503, 204]
    assert [one.target for one in worker.received] == ["/gallery/us-central1/resize"] * 2
    assert [one.body for one in worker.received] == [b'{"data": {"image": 7}}'] * 2
    headers = dict(worker.received[1].headers)
    assert (headers["X-CloudTasks-TaskName"], headers["X-CloudTasks-TaskRetryCount"]) == (first, "1")


def test_a_call_outside_a_fake_is_blocked(pytester: pytest.Pytester) -> None:
    """The sentence names the place, and comes through the SDK as it is."""
    pytester.makeini("[pytest]\ncloud_tasks_outside = refuse")
    pytester.makepyfile(
        test_shop="""
        import firebase_admin
        from firebase_admin import functions
        from google.auth.credentials import Credentials


        class Known(Credentials):
            service_account_email = "shop@gallery.iam.gserviceaccount.com"

            def refresh(self, request):
                self.token = "fresh"


        def test_order():
            app = firebase_admin.initialize_app(Known(), {"projectId": "gallery"}, name="of an inner session")
            try:
                functions.task_queue("resize", app=app).enqueue({})
            finally:
                firebase_admin.delete_app(app)
        """
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(failed=1)
    call = f"POST https://cloudtasks.googleapis.com/v2/{QUEUE}/tasks"
    assert any(line.startswith(f"{call} was blocked: no fake is active") for line in result.outlines)
    assert "The call was made at test_shop.py:16, in test_order." in result.outlines
