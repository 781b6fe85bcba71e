"""Which tests get a fake, and which fixtures may change it."""

from __future__ import annotations

import pytest

from tests.each import each

HEAD = """
    import unittest

    import pytest
    from google.cloud import tasks_v2
    from pytest_cloudtasks import FakeCloudTasks, current

    QUEUE = "projects/test-project/locations/us-central1/queues/work"

    def enqueue():
        tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task={"http_request": {"url": "https://w.test/"}})
"""
ADVICE = (
    " in the fake of the fixture cloud_tasks. Every test has a new fake, so this would be lost after the first test. Do"
    " it in a function-scoped fixture or in the test, list queues in the ini option cloud_tasks_queues or in a"
    " marker, or open a fake for the wider scope: `with FakeCloudTasks() as cloud_tasks:`."
)


MARKERS = {
    "bare": ("", True),
    "with queues": ("queues=['work']", True),
    "off": ("autouse=False, queues=['work']", False),
    "outside alone": ("outside='real'", False),
    "outside and more": ("outside='real', seed=1", True),
}


@pytest.mark.needs("clients of 2.x")
@each("marker", MARKERS)
def test_the_marker_alone_gives_a_fake(pytester: pytest.Pytester, marker: str) -> None:
    """Unless it says no, or is only about calls outside a fake."""
    arguments, has_fake = MARKERS[marker]
    pytester.makepyfile(
        HEAD
        + f"""
    @pytest.mark.cloud_tasks({arguments})
    def test_it():
        if {has_fake}:
            current().create_queue("other")
        else:
            with pytest.raises(RuntimeError, match="No FakeCloudTasks is active"):
                current()
"""
    )
    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.needs("clients of 2.x")
def test_a_marker_of_a_module_gives_all_its_tests_a_fake(pytester: pytest.Pytester) -> None:
    """Methods of a TestCase among them; each has its own, with the marker's queues."""
    pytester.makepyfile(
        HEAD
        + """
    pytestmark = pytest.mark.cloud_tasks(queues=["work"])

    @pytest.mark.parametrize("time", [1, 2])
    def test_function(time):
        enqueue()
        current().assert_enqueued()

    class TestOrder(unittest.TestCase):
        def test_method(self):
            enqueue()
            current().assert_enqueued()
"""
    )
    pytester.runpytest().assert_outcomes(passed=3)


CHANGES = {
    "a queue": ("cloud_tasks.create_queue('work')", "creates the queue 'work'"),
    "a target": ("cloud_tasks.route('https://w.test/')", "adds the target https://w.test/"),
    "a task": ("enqueue()", "calls create_task()"),
    "a call by a client": ("cloud_tasks.client().pause_queue(name=QUEUE)", "calls pause_queue()"),
}


@pytest.mark.needs("clients of 2.x")
@each("change", CHANGES)
def test_a_wider_fixture_may_not_change_the_fake_of_a_test(pytester: pytest.Pytester, change: str) -> None:
    """It fails at the moment of the change, even where the application swallows exceptions."""
    call, what = CHANGES[change]
    pytester.makepyfile(
        HEAD
        + f"""
    @pytest.fixture(scope="module")
    def story(cloud_tasks):
        {call}

    @pytest.mark.cloud_tasks(queues=["work"])
    def test_it(story):
        pass
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    assert f"The module-scoped fixture 'story' {what}{ADVICE}" in result.outlines


@pytest.mark.needs("clients of 2.x")
@pytest.mark.parametrize(
    ("set_up", "subject"),
    [
        (
            "class TestIt(unittest.TestCase):\n        @classmethod\n        def setUpClass(cls):\n"
            "            enqueue()\n\n        def test_it(self):\n            pass",
            "setUpClass or setUpTestData of TestIt",
        ),
        (
            "class TestIt:\n        @classmethod\n        def setup_class(cls):\n            enqueue()\n\n"
            "        def test_it(self):\n            pass",
            "setup_class of TestIt",
        ),
    ],
)
def test_methods_that_set_up_a_class_are_named(pytester: pytest.Pytester, set_up: str, subject: str) -> None:
    """To pytest they are fixtures, but the error names them as methods."""
    pytester.makepyfile(f"{HEAD}\n    pytestmark = pytest.mark.cloud_tasks(queues=['work'])\n\n    {set_up}\n")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    assert f"{subject} calls create_task(){ADVICE}" in result.outlines


@pytest.mark.needs("clients of 2.x")
def test_a_wider_fixture_may_look_and_have_a_fake_of_its_own(pytester: pytest.Pytester) -> None:
    """A client that is built there, calls that read, and a block: all as in a test."""
    pytester.makepyfile(
        HEAD
        + """
    @pytest.fixture(scope="module")
    def client(cloud_tasks):
        client = tasks_v2.CloudTasksClient()
        assert client.get_queue(name=QUEUE).name == QUEUE
        assert cloud_tasks.tasks() == []
        return client

    @pytest.fixture(scope="module")
    def story():
        with FakeCloudTasks(queues=["work"]) as fake:
            enqueue()
            yield fake

    @pytest.mark.cloud_tasks(queues=["work"])
    def test_it(client, story, cloud_tasks):
        enqueue()
        story.assert_enqueued()
        cloud_tasks.assert_enqueued()
"""
    )
    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize("mark", ["", "@pytest.mark.cloud_tasks"])
def test_a_test_case_that_asks_for_the_fixture_is_told_how_to_find_its_fake(
    pytester: pytest.Pytester, mark: str
) -> None:
    """unittest calls the method without arguments, and says no more than that."""
    pytester.makepyfile(
        f"""
        import unittest
        import pytest

        {mark}
        class TestOrder(unittest.TestCase):
            def test_it(self, cloud_tasks):
                pass

            def test_other(self, other):
                pass
        """
    )
    output = pytester.runpytest("-p", "no:asyncio").stdout.str()
    assert output.count("Cloud Tasks: fixtures") == 1
    assert (
        "A method of a TestCase gets no fixtures. Mark the class with @pytest.mark.cloud_tasks, and call"
        " pytest_cloudtasks.current() for its fake."
    ) in output
