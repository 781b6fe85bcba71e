"""Time is held from the start of the test's own set-up until its own teardown has ended."""

from __future__ import annotations

import pytest

SEEN = '''
"""What is to be seen of time: whether somebody holds it, in the order of looking."""

from pytest_cloudtasks._time.external import innermost_hold

seen = []


def look(where):
    seen.append(f"{where}: {'real' if innermost_hold() is None else 'held'}")
'''


@pytest.fixture(autouse=True)
def _seen(pytester: pytest.Pytester) -> None:
    """Small tests import ``look`` and ``seen``."""
    pytester.makepyfile(seen=SEEN)
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:cacheprovider\n")


@pytest.mark.parametrize("asks", ["cloud_tasks", "cloud_tasks_client", "of_a_fixture"])
def test_fixtures_of_wider_scope_have_real_time(pytester: pytest.Pytester, asks: str) -> None:
    """They come before the hold and end after it; the test's own fixtures and methods are within."""
    pytester.makepyfile(
        f"""
        import pytest
        from seen import look, seen

        def fixture(scope):
            @pytest.fixture(scope=scope)
            def look_twice():
                look(f"{{scope}} set up")
                yield
                look(f"{{scope}} torn down")
            return look_twice

        session, package, module, class_, function = map(fixture, ["session", "package", "module", "class", "function"])

        @pytest.fixture
        def of_a_fixture(cloud_tasks):
            pass

        def setup_module(): look("setup_module")
        def teardown_module(): look("teardown_module")

        @pytest.mark.usefixtures("function", {asks!r})
        class TestIt:
            @classmethod
            def setup_class(cls): look("setup_class")
            def setup_method(self): look("setup_method")
            def teardown_method(self): look("teardown_method")
            @classmethod
            def teardown_class(cls): look("teardown_class")

            @pytest.mark.parametrize("number", [1, 2])
            def test_it(self, number, class_, module, package, session):
                look(f"test {{number}}")
        """
    )
    pytester.makeconftest(
        """
        def pytest_unconfigure():
            from seen import seen
            print(*seen, sep="\\n")
        """
    )
    result = pytester.runpytest_inprocess("-s")
    result.assert_outcomes(passed=2)
    own = ["setup_method: held", "function set up: held"]
    ended = ["function torn down: held", "teardown_method: held"]
    seen = [line.strip(" .") for line in result.outlines if ": real" in line or ": held" in line]
    assert [line.removeprefix("test_fixtures_of_wider_scope_have_real_time.py ") for line in seen] == [
        "session set up: real",
        "package set up: real",
        "setup_module: real",
        "module set up: real",
        "setup_class: real",
        "class set up: real",
        *own,
        "test 1: held",
        *ended,
        *own,
        "test 2: held",
        *ended,
        "class torn down: real",
        "teardown_class: real",
        "module torn down: real",
        "teardown_module: real",
        "package torn down: real",
        "session torn down: real",
    ]


def test_methods_of_a_test_case(pytester: pytest.Pytester) -> None:
    """setUpClass has real time, setUp and tearDown have the test's, whichever way it asks."""
    pytester.makepyfile(
        """
        import unittest

        import pytest
        from seen import look, seen

        @pytest.mark.usefixtures("cloud_tasks")
        class TestCase(unittest.TestCase):
            @classmethod
            def setUpClass(cls): look("setUpClass")
            def setUp(self): look("setUp")
            def test_it(self): look("test")
            def tearDown(self): look("tearDown")
            @classmethod
            def tearDownClass(cls): look("tearDownClass")

        def test_what_was_seen():
            assert seen == ["setUpClass: real", "setUp: held", "test: held", "tearDown: held", "tearDownClass: real"]
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


def test_a_test_without_fixtures_of_its_own(pytester: pytest.Pytester) -> None:
    """Time is held when the test function is called; its queues are there, and nothing has passed."""
    pytester.makepyfile(
        """
        from datetime import datetime, timedelta, timezone

        import pytest
        from pytest_cloudtasks import current
        from seen import look, seen

        @pytest.mark.cloud_tasks(queues=["work"])
        @pytest.mark.usefixtures("cloud_tasks")
        def test_it():
            look("test")
            assert seen == ["test: held"]
            now = datetime.now(timezone.utc)
            assert now.microsecond == 0
            assert (current().clock.now(), current().clock.elapsed) == (now, timedelta(0))
            assert current().timeline() == "+0:00:00  queue work created"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.needs("clients of 2.x")  # those of 1.x take no datetime
def test_a_delay_is_exact(pytester: pytest.Pytester) -> None:
    """What the application has read off its clock before its first call is the queue's time, in each of 20 tests."""
    pytester.makepyfile(
        """
        from datetime import datetime, timedelta, timezone

        import pytest
        from google.cloud import tasks_v2

        QUEUE = "projects/test-project/locations/us-central1/queues/work"

        @pytest.mark.cloud_tasks(queues=["work"])
        @pytest.mark.parametrize("number", range(20))
        def test_it(cloud_tasks, number):
            task = {
                "http_request": {"url": "https://w.test/"},
                "schedule_time": datetime.now(timezone.utc) + timedelta(hours=24),
            }
            tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=task)
            cloud_tasks.assert_enqueued(delay=timedelta(hours=24), within=timedelta(0))
            cloud_tasks.route("https://w.test/")
            cloud_tasks.drain()
            assert cloud_tasks.clock.elapsed == timedelta(hours=24)
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=20)


@pytest.mark.parametrize("asked", ["cloud_tasks", "cloud_tasks_client"])
def test_a_fixture_asked_for_while_a_test_runs(pytester: pytest.Pytester, asked: str) -> None:
    """Time is held from then on, before anybody uses the fake, also where an earlier test has set the fixture up."""
    pytester.makepyfile(
        f"""
        import pytest
        from datetime import timedelta
        from seen import look, seen
        from pytest_cloudtasks import current

        @pytest.mark.parametrize("number", [1, 2, 3])
        def test_it(request, number):
            look("before")
            request.getfixturevalue({asked!r})
            look("after")
            assert seen[-2:] == ["before: real", "after: held"]
            assert current().clock.elapsed == timedelta(0)
            assert current().clock.now().microsecond == 0

        @pytest.fixture(params=["in a fixture"])
        def dynamic(request):
            look("before")
            request.getfixturevalue({asked!r})
            look("after")

        def test_in_a_fixture(dynamic):
            look("test")
            assert seen[-3:] == ["before: real", "after: held", "test: held"]

        def test_not_asked():
            look("test")
            assert seen[-1] == "test: real"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=5)


def test_a_wider_fixture_asked_for_while_a_test_runs(pytester: pytest.Pytester) -> None:
    """It is set up in real time, also one within another, and the test's time does not move meanwhile."""
    pytester.makepyfile(
        """
        import time
        from datetime import timedelta

        import pytest
        from seen import look, seen

        @pytest.fixture(scope="session")
        def inner():
            look("inner")

        @pytest.fixture(scope="module")
        def outer(request):
            look("before inner")
            request.getfixturevalue("inner")
            look("after inner")

        @pytest.fixture(scope="module")
        def broken():
            look("broken")
            raise ValueError

        def test_it(cloud_tasks, request):
            cloud_tasks.advance(seconds=5)
            before = time.time()
            request.getfixturevalue("outer")
            look("test")
            with pytest.raises(ValueError):
                request.getfixturevalue("broken")
            look("test")
            assert seen == [
                "before inner: real", "inner: real", "after inner: real", "test: held", "broken: real", "test: held"
            ]
            assert (time.time(), cloud_tasks.clock.elapsed) == (before, timedelta(seconds=5))
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_fake_that_came_unasked_leaves_time_alone_until_it_is_used(pytester: pytest.Pytester) -> None:
    """With autouse the first use by the test or a client holds time, at that very instant."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly\ncloud_tasks_autouse = true\ncloud_tasks_queues = work\n")
    pytester.makepyfile(
        """
        import time
        from datetime import timedelta

        from google.cloud import tasks_v2
        from pytest_cloudtasks import current
        from seen import look, seen

        def test_never():
            look("test")
            assert seen == ["test: real"]

        def test_used_by_the_test():
            clock = current().clock
            look("before")
            now = clock.now()
            look("after")
            assert seen[-2:] == ["before: real", "after: held"]
            assert (clock.now(), clock.elapsed, time.time()) == (now, timedelta(0), now.timestamp())

        def test_used_by_a_client():
            look("before")
            list(tasks_v2.CloudTasksClient().list_queues(parent="projects/test-project/locations/us-central1"))
            look("after")
            assert seen[-2:] == ["before: real", "after: held"]

        def test_asked_for_then(request):
            look("before")
            request.getfixturevalue("cloud_tasks")
            look("after")
            assert seen[-2:] == ["before: real", "after: held"]
            assert time.time() % 1 == 0

        def test_asked_for(cloud_tasks):
            look("test")
            assert seen[-1] == "test: held"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=5)


@pytest.mark.parametrize("asked", ["cloud_tasks", "request"])
def test_a_use_in_a_wider_fixture_holds_nothing(pytester: pytest.Pytester, asked: str) -> None:
    """A session's fixture that uses the fake has real time; the timeline counts from where the test's time begins."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly\ncloud_tasks_autouse = true\n")
    pytester.makepyfile(
        f"""
        import pytest
        from datetime import timedelta
        from pytest_cloudtasks import current
        from seen import look, seen

        @pytest.fixture(scope="session")
        def session():
            look("before")
            assert current().tasks() == []
            look("after")

        def test_it(session, {asked}):
            assert current().clock.elapsed == timedelta(0)
            look("test")
            assert seen == ["before: real", "after: real", "test: held"]
            assert current().timeline() == "nothing has happened yet"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_fake_of_a_wider_fixture_holds_time_as_long_as_it_lasts(pytester: pytest.Pytester) -> None:
    """Its tasks stay from test to test, also with tests that have their own fake; afterwards time is real."""
    pytester.makepyfile(
        """
        import time
        from datetime import timedelta

        import pytest
        from pytest_cloudtasks import FakeCloudTasks
        from seen import look, seen

        @pytest.fixture(scope="module")
        def story():
            with FakeCloudTasks(queues={"work": {"state": "PAUSED"}}) as fake:
                look("set up")
                yield fake
                look("torn down")
            look("after")

        class TestStory:
            def test_one(self, story):
                look("one")
                story.client().create_task(
                    parent=story.queue_path("work"), task={"http_request": {"url": "https://w.test/"}}
                )
                story.advance(hours=1)

            def test_two(self, story, cloud_tasks):
                look("two")
                assert cloud_tasks.clock.elapsed == timedelta(0)
                cloud_tasks.advance(hours=1)
                assert story.clock.elapsed == timedelta(hours=2)

            def test_three(self, story):
                look("three")
                assert (len(story.tasks()), story.clock.elapsed) == (1, timedelta(hours=2))
                assert time.time() == story.clock.now().timestamp()
        """
    )
    pytester.makeconftest(
        """
        def pytest_unconfigure():
            from seen import seen
            assert seen == [
                "set up: held", "one: held", "two: held", "three: held", "torn down: held", "after: real"
            ], seen
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(passed=3)
    assert "AssertionError" not in result.stdout.str() + result.stderr.str()


def test_durations_are_right(pytester: pytest.Pytester) -> None:
    """A hold in another century is no duration."""
    pytester.makepyfile(
        """
        import pytest
        from datetime import datetime, timezone

        @pytest.mark.cloud_tasks(start=datetime(2150, 1, 1, tzinfo=timezone.utc))
        def test_it(cloud_tasks, tmp_path):
            cloud_tasks.advance(days=1)
        """
    )
    reports = pytester.inline_run().getreports("pytest_runtest_logreport")
    assert [report.outcome for report in reports] == ["passed"] * 3
    assert max(report.duration for report in reports) < 3_600
