"""Time is released whatever ends a run, and is the same in each."""

from __future__ import annotations

import pytest

from tests.plugin.test_held_from_set_up import SEEN


@pytest.fixture(autouse=True)
def _seen(pytester: pytest.Pytester) -> None:
    """Small tests import ``look`` and ``seen``."""
    pytester.makepyfile(seen=SEEN)
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:cacheprovider\n")


ENDINGS = {
    "ctrl-c": "raise KeyboardInterrupt",
    "pytest.exit": "pytest.exit('enough')",
    "ctrl-c in a handler": "drive(cloud_tasks, KeyboardInterrupt)",
    "pytest.exit in a handler": "drive(cloud_tasks, pytest.exit.Exception('enough'))",
    "failure": "raise ValueError",
}


@pytest.mark.parametrize("where", ["test", "set up", "torn down"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_time_is_released_whatever_ends_the_run(pytester: pytest.Pytester, ending: str, where: str) -> None:
    """It is real before reporters and the fixtures of wider scope run, also a fake's that nobody has closed."""
    if ending == "failure":
        reported = ["finished: real", "session torn down: real"]
    else:
        reported = ["finished: real", "interrupted: real", "session torn down: real"]
    pytester.makeconftest(
        """
        import pytest
        from seen import look, seen

        @pytest.fixture(scope="session")
        def session():
            yield
            look("session torn down")

        @pytest.hookimpl(tryfirst=True)
        def pytest_keyboard_interrupt():
            look("interrupted")

        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish():
            look("finished")

        def pytest_unconfigure():
            with open("seen.txt", "w") as file:
                print(*seen, sep="\\n", file=file)
        """
    )
    body = {place: ENDINGS[ending] if place == where else "pass" for place in ("test", "set up", "torn down")}
    pytester.makepyfile(
        f"""
        import pytest
        from pytest_cloudtasks import FakeCloudTasks
        from seen import look

        def drive(cloud_tasks, error):
            def handler(request):
                raise error
            cloud_tasks.create_queue("work")
            cloud_tasks.route("https://w.test/", handler=handler)
            cloud_tasks.client().create_task(
                parent=cloud_tasks.queue_path("work"), task={{"http_request": {{"url": "https://w.test/"}}}}
            )
            cloud_tasks.drain()

        @pytest.fixture
        def own():
            with FakeCloudTasks():
                yield

        @pytest.fixture
        def function(cloud_tasks, own):
            {body["set up"]}
            yield
            {body["torn down"]}

        def test_it(session, cloud_tasks, function):
            {body["test"]}

        def test_not_reached():
            pass
        """
    )
    pytester.runpytest_subprocess("-x")  # such a run leaves its process with fakes that nobody closes
    assert sorted((pytester.path / "seen.txt").read_text().splitlines()) == reported


@pytest.mark.needs("clients of 2.x")
def test_two_runs_differ_in_nothing(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeline is the same to the byte at another moment, in another time zone and with another hash seed."""
    pytester.makepyfile(
        """
        from datetime import datetime, timedelta, timezone

        import pytest
        from google.cloud import tasks_v2

        QUEUE = "projects/test-project/locations/us-central1/queues/work"

        def remind(number):
            due = datetime.now(timezone.utc) + timedelta(minutes=number, microseconds=number)
            task = {"http_request": {"url": f"https://w.test/{number}"}, "schedule_time": due}
            tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=task)

        @pytest.mark.cloud_tasks(queues=["work"], order="shuffle")
        @pytest.mark.parametrize("first", ["application", "test"])
        def test_it(cloud_tasks, first):
            if first == "test":
                assert cloud_tasks.clock.elapsed == timedelta(0)
            for number in (1, 2, 2, 3):
                remind(number)
            cloud_tasks.route("https://w.test/*").returns(503, 200, 503, 200, 200)
            cloud_tasks.drain()
            with open(f"{first}.txt", "a") as file:
                print(cloud_tasks.timeline(), cloud_tasks.timeline("json").count("\\n"), end="\\n---\\n", file=file)
        """
    )
    for zone, seed in (("UTC", "0"), ("Asia/Kolkata", "1"), ("America/St_Johns", "2")):
        monkeypatch.setenv("TZ", zone)
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        pytester.runpytest_subprocess().assert_outcomes(passed=2)
    for first in ("application", "test"):
        one, another, third, rest = (pytester.path / f"{first}.txt").read_text().split("---\n")
        assert (one == another == third, rest) == (True, "")
        assert "+0:02:00.000002  work/" in one
