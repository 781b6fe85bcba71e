"""`strict` along a session: which tests it fails, what they say, and what it leaves alone."""

from __future__ import annotations

import pytest

SHOP = """
    import pytest
    from google.cloud import tasks_v2

    def place_order(url="https://mailer.test/send"):
        client = tasks_v2.CloudTasksClient()
        parent = client.queue_path("test-project", "us-central1", "receipts")
        task = client.create_task(parent=parent, task={
            "name": f"{parent}/tasks/receipt-42", "http_request": {"url": url}
        })
        return client, task
"""


def run(pytester: pytest.Pytester, test: str, *ini: str) -> pytest.RunResult:
    pytester.makefile(".ini", pytest="\n".join(["[pytest]", "addopts = -p no:randomly -p no:asyncio", *ini]))
    pytester.makepyfile(SHOP + test)
    return pytester.runpytest("-p", "no:cacheprovider")


def test_a_neglected_task_fails_the_end_of_a_test(pytester: pytest.Pytester) -> None:
    """The error lists its tasks, why they wait, and how to turn strict off; the timeline is a section."""
    result = run(
        pytester,
        """
    @pytest.mark.cloud_tasks(queues=["receipts"], strict=True)
    def test_order(cloud_tasks):
        client, task = place_order()
        client.pause_queue(name=cloud_tasks.queue_path("receipts"))
    """,
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_order*",
            "strict=True fails a test that passes and leaves something behind.",
            "",
            "Neither dispatched nor matched by an assertion: 1 task",
            "  receipts/receipt-42  POST https://mailer.test/send  due, but the queue is paused",
            "Assert on them with cloud_tasks.assert_enqueued() or a similar method, or dispatch them with drain() or"
            " another driving method.",
            "",
            "strict=False turns this off: @pytest.mark.cloud_tasks(strict=False) for a test, FakeCloudTasks(strict=Fals"
            "e) for a block.",
            "*Cloud Tasks timeline*",
            "+0:00:00  queue receipts created",
            "+0:00:00  receipts/receipt-42 created: POST https://mailer.test/send",
        ],
        consecutive=True,
    )


@pytest.mark.parametrize(
    ("ini", "marker", "errors"),
    [
        ("cloud_tasks_strict = true", "", 1),
        ("cloud_tasks_strict = true", "strict=False", 0),
        ("cloud_tasks_strict = false", "", 0),
        ("cloud_tasks_strict = false", 'strict="drained"', 1),
        ("cloud_tasks_strict = drained", "", 1),
        ("cloud_tasks_strict = drained", "strict=True", 0),
        ("", "", 0),
    ],
)
def test_the_nearest_setting_wins(pytester: pytest.Pytester, ini: str, marker: str, errors: int) -> None:
    """The ini file sets it for all, a marker for its own; a task that was matched and is left is left for drained."""
    matched = "cloud_tasks.assert_enqueued()" if "drained" in ini + marker or "strict=True" in marker else "None"
    result = run(
        pytester,
        f"""
    @pytest.mark.cloud_tasks({marker})
    def test_order(cloud_tasks):
        place_order()
        {matched}
    """,
        "cloud_tasks_queues = receipts",
        ini,
    )
    result.assert_outcomes(passed=1, errors=errors)


def test_a_wrong_value_in_the_ini_file_is_reported(pytester: pytest.Pytester) -> None:
    """A word that strict does not have is an error of the ini file, with the nearest."""
    result = run(pytester, "\n    def test_it(cloud_tasks): pass\n", "cloud_tasks_strict = draind")
    message = (
        "In the ini file, cloud_tasks_strict takes True, False or 'drained', but got 'draind'. Did you mean 'drained'?"
    )
    assert message in result.stdout.str() + result.stderr.str()


def test_only_tests_that_pass_are_asked(pytester: pytest.Pytester) -> None:
    """A test that fails, is skipped, or was expected to fail has its own word; so has a fixture that fails."""
    result = run(
        pytester,
        """
    import unittest

    @pytest.fixture
    def broken_at_the_end(cloud_tasks):
        yield
        raise RuntimeError("the fixture's own")

    def test_failing(cloud_tasks):
        place_order()
        assert False, "the test's own"

    def test_skipped(cloud_tasks):
        place_order()
        pytest.skip("not today")

    @pytest.mark.xfail
    def test_expected_to_fail(cloud_tasks):
        place_order()
        assert False

    def test_fixture(broken_at_the_end):
        place_order()

    @pytest.mark.usefixtures("cloud_tasks")
    class TestCase(unittest.TestCase):
        def test_failing_case(self):
            place_order()
            self.fail("the case's own")

    def test_without_a_fake():
        pass
    """,
        "cloud_tasks_queues = receipts",
        "cloud_tasks_strict = true",
    )

    result.assert_outcomes(passed=2, failed=2, skipped=1, xfailed=1, errors=1)
    assert "strict=True" not in result.stdout.str()
    result.stdout.fnmatch_lines(["E*RuntimeError: the fixture's own", "E*the test's own"])


def test_fixtures_may_look_at_tasks_in_their_end(pytester: pytest.Pytester) -> None:
    """The test is asked after its fixtures."""
    result = run(
        pytester,
        """
    @pytest.fixture
    def emptied(cloud_tasks):
        yield
        cloud_tasks.assert_enqueued(name="receipt-42")

    def test_order(emptied):
        place_order()
    """,
        "cloud_tasks_queues = receipts",
        "cloud_tasks_strict = true",
    )
    result.assert_outcomes(passed=1)


def test_unseen_errors_of_handlers(pytester: pytest.Pytester) -> None:
    """A handler's exception that was answered with 500 fails a test that has looked at the task alone."""
    result = run(
        pytester,
        """
    pytestmark = pytest.mark.cloud_tasks(queues={"receipts": {"retry_config": {"max_attempts": 1}}})

    def broken(request):
        raise KeyError("order")

    def test_order(cloud_tasks):
        cloud_tasks.route("https://mailer.test/send", handler=broken)
        place_order()
        cloud_tasks.drain()
        cloud_tasks.assert_dispatched()

    def test_order_with_a_look(cloud_tasks):
        cloud_tasks.route("https://mailer.test/send", handler=broken)
        place_order()
        cloud_tasks.drain()
        cloud_tasks.assert_exhausted(cloud_tasks.assert_enqueued())
    """,
        "cloud_tasks_strict = true",
        "cloud_tasks_on_exception = 500",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "Exceptions of handlers, answered with 500, that the test did not check: 1 error",
            "  receipts/receipt-42 attempt 1: KeyError: 'order'",
            "Check the attempts with cloud_tasks.assert_attempts(), or read attempt.exception.",
        ],
        consecutive=True,
    )


def test_every_example_of_hypothesis_is_asked(pytester: pytest.Pytester) -> None:
    """An example that leaves a task behind is a failing example, and shrinks as one."""
    result = run(
        pytester,
        """
    from hypothesis import given, settings, strategies as st

    @settings(database=None, derandomize=True)
    @given(count=st.integers(0, 9))
    def test_orders(cloud_tasks, count):
        _, task = place_order()
        if count < 5:
            cloud_tasks.assert_enqueued(name="receipt-42")

    @settings(database=None, derandomize=True)
    @given(count=st.integers(0, 9))
    def test_orders_with_a_look(cloud_tasks, count):
        place_order()
        cloud_tasks.assert_enqueued(name="receipt-42")
    """,
        "cloud_tasks_queues = receipts",
        "cloud_tasks_strict = true",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*strict=True fails a test that passes and leaves something behind.",
            "*Neither dispatched nor matched by an assertion: 1 task",
            "*receipts/receipt-42  POST https://mailer.test/send  due",
            "*count=5,*",
        ]
    )


def test_what_fixtures_of_examples_left_is_asked_of_each(pytester: pytest.Pytester) -> None:
    """A task of a fixture is one of every example; matched in the fixture, it is matched in all."""
    result = run(
        pytester,
        """
    from hypothesis import given, settings, strategies as st

    @pytest.fixture(autouse=True)
    def ordered(request, cloud_tasks):
        place_order()
        if request.node.name == "test_seen":
            cloud_tasks.assert_enqueued()

    @settings(database=None, derandomize=True)
    @given(count=st.integers(0, 9))
    def test_seen(cloud_tasks, count):
        pass

    @settings(database=None, derandomize=True)
    @given(count=st.integers(0, 9))
    def test_unseen(cloud_tasks, count):
        pass
    """,
        "cloud_tasks_queues = receipts",
        "cloud_tasks_strict = true",
    )
    result.assert_outcomes(passed=1, failed=1)
