"""Plans along a session: what is left of them at the end of a test, and in the examples of a property."""

from __future__ import annotations

import pytest

NEVER = (
    "lose_handler_response() was planned but never happened: no task matched, or too few did. Correct the plan or"
    " remove it."
)
COMMON = """
    import pytest
    from google.api_core.exceptions import ServiceUnavailable
    from google.cloud import tasks_v2
    from hypothesis import given, settings, strategies as st

    pytestmark = pytest.mark.cloud_tasks(queues=["work"])


    def enqueue(cloud_tasks):
        parent = cloud_tasks.queue_path("work")
        tasks_v2.CloudTasksClient().create_task(parent=parent, task={"http_request": {"url": "https://a.test/"}})

"""


def test_a_passing_test_is_warned_of_a_plan_that_never_happened(pytester: pytest.Pytester) -> None:
    """The warning belongs to the test; a failing test has none, nor has a plan at a rate."""
    pytester.makepyfile(
        test_shop=COMMON
        + """
    def test_passes(cloud_tasks):
        cloud_tasks.lose_handler_response()

    def test_fails(cloud_tasks):
        cloud_tasks.lose_handler_response()
        raise ValueError

    def test_at_a_rate(cloud_tasks):
        cloud_tasks.lose_handler_response(rate=0.01)
    """
    )
    result = pytester.runpytest("-W", "default")
    result.assert_outcomes(passed=2, failed=1, warnings=1)
    warning = f"test_shop.py:14: CloudTasksWarning: {NEVER}"
    assert warning in [line.strip() for line in result.stdout.str().splitlines()]


def test_the_warning_can_be_an_error(pytester: pytest.Pytester) -> None:
    """A suite that wants to hear of useless plans turns the warning into a failure."""
    pytester.makepyfile(COMMON + "\n    def test_it(cloud_tasks):\n        cloud_tasks.lose_handler_response()\n")
    result = pytester.runpytest("-W", "error::pytest_cloudtasks.CloudTasksWarning")
    result.assert_outcomes(passed=1, errors=1)
    assert NEVER in result.stdout.str().splitlines()


def test_plans_of_fixtures_apply_in_each_example_afresh(pytester: pytest.Pytester) -> None:
    """Every example begins with the plans as the fixtures left them; a plan that any example used counts as used."""
    pytester.makepyfile(
        COMMON
        + """
    @pytest.fixture(autouse=True)
    def plan(request, cloud_tasks):
        plan = cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", after=1, times=2)
        enqueue(cloud_tasks)
        with pytest.raises(ServiceUnavailable):
            enqueue(cloud_tasks)
        request.node.plan = plan

    @given(count=st.integers(0, 3))
    def test_it(request, cloud_tasks, count):
        plan = request.node.plan
        assert plan.hits == 1
        own = cloud_tasks.lose_handler_response()
        for number in range(count):
            if number == 0:
                with pytest.raises(ServiceUnavailable):
                    enqueue(cloud_tasks)
            else:
                enqueue(cloud_tasks)
        assert plan.hits == 1 + (count > 0)
        assert own.hits == 0
        assert len(cloud_tasks.tasks()) == 1 + max(0, count - 1)
        assert cloud_tasks.timeline().count("by fail_rpc()") == plan.hits
    """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)


def test_examples_choose_alike(pytester: pytest.Pytester) -> None:
    """The same example has the same random choices each time it runs, so that Hypothesis can shrink and replay it."""
    pytester.makepyfile(
        COMMON
        + """
    seen = {}

    @pytest.mark.cloud_tasks(order="shuffle")
    @given(count=st.integers(2, 6))
    def test_it(cloud_tasks, count):
        cloud_tasks.route("https://a.test/")
        cloud_tasks.deliver_twice(rate=0.5)
        for _ in range(count):
            enqueue(cloud_tasks)
        cloud_tasks.drain()
        assert seen.setdefault(count, cloud_tasks.timeline()) == cloud_tasks.timeline()
        assert len({tuple(one.splitlines()) for one in seen.values()}) == len(seen)
    """
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)


def test_a_failing_example_prints_its_seed(pytester: pytest.Pytester) -> None:
    """A property that fails after a random choice says how to make it again."""
    pytester.makepyfile(
        COMMON
        + """
    @pytest.mark.cloud_tasks(order="shuffle")
    @given(count=st.integers(0, 6))
    def test_it(cloud_tasks, count):
        for _ in range(count):
            enqueue(cloud_tasks)
        assert count < 2
    """
    )
    output = pytester.runpytest("--cloud-tasks-seed=5").stdout.str()
    assert "Random choices follow from the seed 5: --cloud-tasks-seed=5 makes them again." in output.splitlines()


def test_a_planned_error_is_not_listed_as_a_rejection(pytester: pytest.Pytester) -> None:
    """The service has not rejected it, and accepted the call whose response was lost."""
    pytester.makepyfile(
        """
        from contextlib import suppress
        from google.cloud.tasks_v2 import CloudTasksClient

        def test_it(cloud_tasks):
            name = cloud_tasks.create_queue("q").name
            cloud_tasks.lose_rpc_response("create_task")
            cloud_tasks.fail_rpc("pause_queue", "UNAVAILABLE")
            with suppress(Exception):
                CloudTasksClient().create_task(parent=name, task={"http_request": {"url": "https://a.test/"}})
            with suppress(Exception):
                CloudTasksClient().pause_queue(name=name)
            assert False
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*Cloud Tasks rejections*")
