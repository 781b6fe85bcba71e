from __future__ import annotations

import pytest

SUITE = """
    from datetime import timedelta

    import pytest
    from google.cloud import tasks_v2
    from hypothesis import given, settings, strategies as st

    QUEUE = "projects/test-project/locations/us-central1/queues/work"


    def enqueue():
        tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task={"http_request": {"url": "https://a.test/"}})


    @pytest.mark.cloud_tasks(queues=["work"])
    @given(count=st.integers(0, 4))
    def test_every_example_is_fresh(cloud_tasks, count):
        assert cloud_tasks.tasks() == [] and cloud_tasks.rpcs == []
        assert cloud_tasks.clock.elapsed == timedelta(0)
        for _ in range(count):
            enqueue()
        assert len(cloud_tasks.tasks()) == count
        cloud_tasks.advance(seconds=0) if count else None
        cloud_tasks.route("*")
        cloud_tasks.advance(seconds=count)


    @pytest.fixture(autouse=True)
    def mailer(request, cloud_tasks):
        cloud_tasks.create_queue("from-a-fixture")
        request.node.mailer = cloud_tasks.route("https://a.test/").returns(503, 200)


    @pytest.mark.cloud_tasks(queues=["work"])
    @given(count=st.integers(1, 3))
    def test_every_example_begins_where_the_fixtures_left_off(request, cloud_tasks, count):
        route = request.node.mailer
        assert route.calls == []
        enqueue()
        cloud_tasks.drain()
        assert [call.headers["X-CloudTasks-TaskRetryCount"] for call in route.calls] == ["0", "1"]
        assert cloud_tasks.create_queue(f"other-{count}").name.endswith(f"other-{count}")
        with pytest.raises(Exception, match="409 Queue already exists"):
            cloud_tasks.create_queue("from-a-fixture")


    @pytest.fixture
    def eager_block(cloud_tasks):
        with cloud_tasks.eager():
            yield


    @pytest.mark.usefixtures("eager_block")
    @pytest.mark.cloud_tasks(queues=["work"])
    @given(count=st.integers(1, 3))
    def test_examples_are_within_the_block_of_a_fixture(request, cloud_tasks, count):
        for _ in range(count):
            enqueue()
        assert len(request.node.mailer.calls) == count
"""


def test_examples_are_fresh_and_no_health_check_complains(pytester: pytest.Pytester) -> None:
    """@given tests ask for cloud_tasks as it is; each example has its own state and time, fixtures' set-up included."""
    pytester.makepyfile(SUITE)
    pytester.runpytest("-W", "error").assert_outcomes(passed=3)


def test_a_failing_example_shows_its_own_timeline(pytester: pytest.Pytester) -> None:
    """The timeline of a failed property is that of the minimal example."""
    pytester.makepyfile(
        """
        import pytest
        from google.cloud import tasks_v2
        from hypothesis import given, strategies as st

        @pytest.mark.cloud_tasks(queues=["work"])
        @given(count=st.integers(0, 9))
        def test_it(cloud_tasks, count):
            for number in range(count):
                name = f"{cloud_tasks.queue_path('work')}/tasks/{number}"
                task = {"name": name, "http_request": {"url": "https://a.test/"}}
                tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
            assert count < 2
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    lines = result.stdout.str().splitlines()
    begin = next(i for i, line in enumerate(lines) if "Cloud Tasks timeline" in line)
    assert lines[begin + 1 : begin + 4] == [
        "+0:00:00  queue work created",
        "+0:00:00  work/0 created: POST https://a.test/",
        "+0:00:00  work/1 created: POST https://a.test/",
    ]
    assert "work/2" not in "\n".join(lines[begin:])


def test_unittest_methods_under_given_are_fresh_too(pytester: pytest.Pytester) -> None:
    """@given on a TestCase method gets a fresh fake for each example, found by current()."""
    pytester.makepyfile(
        """
        import unittest
        import pytest_cloudtasks
        from hypothesis import given, strategies as st

        class TestIt(unittest.TestCase):
            @given(count=st.integers(0, 3))
            def test_it(self, count):
                cloud_tasks = pytest_cloudtasks.current()
                cloud_tasks.create_queue("work")
                assert len(cloud_tasks.rpcs) == 0
        """
    )
    pytester.runpytest("-o", "cloud_tasks_autouse=true").assert_outcomes(passed=1)
