"""A fake that a test opens itself has the ini file's values, and the diagnostics of one that comes by the fixture."""

from __future__ import annotations

import io
import unittest
from importlib import import_module

import pytest

from pytest_cloudtasks._pytest.report_hooks import page_name

HEAD = """
    import pytest
    from google.cloud import tasks_v2
    from pytest_cloudtasks import FakeCloudTasks, current

    def enqueue(queue="work"):
        task = {"name": f"{current().queue_path(queue)}/tasks/one", "http_request": {"url": "https://w.test/"}}
        tasks_v2.CloudTasksClient().create_task(parent=current().queue_path(queue), task=task)
"""
CREATED = ["+0:00:00  queue work created", "+0:00:00  work/one created: POST https://w.test/"]
DRIVE = (
    "1 task is due, but the queue has not been driven since. Call cloud_tasks.drain() or cloud_tasks.dispatch_due(); in"
    " async code, `await` those of cloud_tasks.aio."
)
pytestmark = pytest.mark.needs("clients of 2.x")


def run_by_unittest(pytester: pytest.Pytester) -> str:
    """Run the tests of test_it.py by unittest alone, and return what it prints."""
    pytester.syspathinsert()
    printed = io.StringIO()
    tests = unittest.defaultTestLoader.loadTestsFromModule(import_module("test_it"))
    unittest.TextTestRunner(printed).run(tests)
    return printed.getvalue()


def sections(result: pytest.RunResult) -> dict[str, list[str]]:
    """The sections of the report on the fake, with their lines."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in result.outlines:
        title = line.strip("-= ")
        if line.startswith("---") and title.startswith("Cloud Tasks"):
            lines = found.setdefault(title, [])
        elif line.startswith(("---", "===", "___", "Cloud Tasks report: ")):
            lines = None
        elif lines is not None:
            lines.append(line)
    return found


@pytest.mark.parametrize(
    "test",
    [
        "def test_it():\n        with FakeCloudTasks(queues=['work']):\n            enqueue()\n            assert 0",
        "@FakeCloudTasks(queues=['work'])\n    def test_it():\n        enqueue()\n        assert 0",
    ],
)
def test_a_block_has_timeline_and_hints(pytester: pytest.Pytester, test: str) -> None:
    """Though it is over when pytest makes its report."""
    pytester.makepyfile(f"{HEAD}\n    {test}\n")
    result = pytester.runpytest("--cloud-tasks-report=report")
    assert sections(result) == {"Cloud Tasks timeline": CREATED, "Cloud Tasks hints": [DRIVE]}
    page = pytester.path / "report" / page_name("test_a_block_has_timeline_and_hints.py::test_it")
    html = page.read_text("utf-8")
    assert "created: POST https://w.test/" in html
    assert f"<li>{DRIVE}</li>" in html


def test_a_call_that_is_not_awaited_is_shown_in_a_failure(pytester: pytest.Pytester) -> None:
    """In the terminal it precedes the timeline, and on the page it is the first hint."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly\nfilterwarnings = ignore::RuntimeWarning\n")
    pytester.makepyfile(
        HEAD
        + """
    def test_it():
        with FakeCloudTasks(queues=["work"]) as fake:
            enqueue()
            fake.aio.drain()
            assert 0
"""
    )
    result = pytester.runpytest("--cloud-tasks-report=report")
    text = (
        "cloud_tasks.aio.drain() was called without `await`, and did nothing. Write `await cloud_tasks.aio.drain(…)`."
    )
    assert sections(result) == {
        "Cloud Tasks failures before": [text],
        "Cloud Tasks timeline": CREATED,
        "Cloud Tasks hints": [DRIVE],
    }
    name = page_name("test_a_call_that_is_not_awaited_is_shown_in_a_failure.py::test_it")
    assert f"<li>{text}</li><li>{DRIVE}</li>" in (pytester.path / "report" / name).read_text("utf-8")


def test_rejected_calls_of_a_block_are_explained(pytester: pytest.Pytester) -> None:
    """With what the fake knows of the queue."""
    pytester.makepyfile(HEAD + "\n    def test_it():\n        with FakeCloudTasks(queues=['works']): enqueue()\n")
    assert sections(pytester.runpytest())["Cloud Tasks rejections"] == [
        "CreateTask was rejected with NOT_FOUND: Queue does not exist. If you just created the queue, wait at least a"
        " minute for the queue to initialize.",
        "There is no queue 'work'. Did you mean 'works'? The only queue of this test is works. Create it with"
        " cloud_tasks.create_queue('work'), or list it in @pytest.mark.cloud_tasks(queues=[…]) or in the"
        " ini option cloud_tasks_queues.",
    ]


def test_each_of_several_fakes_has_its_sections_and_its_page(pytester: pytest.Pytester) -> None:
    """In the order in which they began; one that was not used has none."""
    pytester.makepyfile(
        HEAD
        + """
    @pytest.mark.cloud_tasks(queues=["work"])
    def test_it(cloud_tasks):
        enqueue()
        with FakeCloudTasks(queues=["other"]):
            with FakeCloudTasks():
                pass
            enqueue("other")
            raise KeyError("no")
"""
    )
    result = pytester.runpytest("--cloud-tasks-report=report")
    assert sections(result) == {
        "Cloud Tasks timeline, fake 1 of 2": CREATED,
        "Cloud Tasks timeline, fake 2 of 2": [line.replace("work", "other") for line in CREATED],
    }
    test = "test_each_of_several_fakes_has_its_sections_and_its_page.py::test_it"
    for number, queue in ((1, "work"), (2, "other")):
        html = (pytester.path / "report" / page_name(test, number)).read_text("utf-8")
        assert f"queue {queue} created" in html
        assert f'href="{page_name(test, 1)}"' in html
        assert f'href="{page_name(test, 2)}"' in html


def test_a_wider_fixtures_fake_is_shown_in_each_test_that_fails(pytester: pytest.Pytester) -> None:
    """It lasts, and so does its timeline; a block of a test that is over is not shown in the next."""
    pytester.makepyfile(
        HEAD
        + """
    @pytest.fixture(scope="module")
    def story():
        with FakeCloudTasks(queues=["work"]) as fake:
            yield fake

    def test_one(story):
        enqueue()
        with FakeCloudTasks(queues=["other"]):
            enqueue("other")

    def test_two(story):
        raise KeyError("no")
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    assert sections(result) == {"Cloud Tasks timeline": CREATED}


def test_of_hypothesis_the_last_example_is_shown(pytester: pytest.Pytester) -> None:
    """Each example opened a fake of its own."""
    pytester.makepyfile(
        HEAD
        + """
    from hypothesis import given, settings, strategies

    @settings(database=None)
    @given(number=strategies.integers(0, 9))
    def test_it(number):
        with FakeCloudTasks(queues=["work"]):
            enqueue()
            if number > 3:
                raise KeyError("no")
"""
    )
    assert sections(pytester.runpytest()) == {"Cloud Tasks timeline": CREATED}


def test_a_block_has_project_location_and_queues_of_the_ini_file(pytester: pytest.Pytester) -> None:
    """Where it doesn't say otherwise; it has nothing else of the file, and nothing once the run is over."""
    pytester.makeini(
        """
        [pytest]
        addopts = -p no:randomly
        cloud_tasks_project = shop
        cloud_tasks_location = europe-west1
        cloud_tasks_queues = work
        cloud_tasks_strict = true
        """
    )
    pytester.makepyfile(
        HEAD
        + """
    made_at_import = FakeCloudTasks()

    def test_all():
        with made_at_import:
            assert current().queue_path("work") == "projects/shop/locations/europe-west1/queues/work"
            enqueue()

    def test_others():
        with FakeCloudTasks(queues=[], project="other") as fake:
            assert fake.queue_path("work") == "projects/other/locations/europe-west1/queues/work"
            assert repr(fake) == "<FakeCloudTasks with 0 queues>"
"""
    )
    pytester.runpytest().assert_outcomes(passed=2)
    from pytest_cloudtasks import FakeCloudTasks

    with FakeCloudTasks() as fake:
        assert fake.queue_path("work") == "projects/test-project/locations/us-central1/queues/work"


@pytest.mark.parametrize(
    ("ini", "flags", "argument", "shown"),
    [
        ("", [], "", "Bearer •••"),
        ("cloud_tasks_show_secrets = true", [], "", "Bearer hunter3"),
        ("", ["--cloud-tasks-show-secrets"], "", "Bearer hunter3"),
        ("cloud_tasks_show_secrets = true", [], "show_secrets=False", "Bearer •••"),
        ("", [], "show_secrets=True", "Bearer hunter3"),
    ],
    ids=["default", "ini option", "flag", "argument over ini option", "argument"],
)
def test_a_block_shows_secrets_as_the_run_does(
    pytester: pytest.Pytester, ini: str, flags: list[str], argument: str, shown: str
) -> None:
    """The ini option and the flag `show_secrets` apply to a fake that the test makes, unless its argument is given."""
    pytester.makeini(f"[pytest]\naddopts = -p no:randomly\n{ini}\n")
    pytester.makepyfile(
        f"""
        from google.cloud import tasks_v2
        from pytest_cloudtasks import FakeCloudTasks

        def test_it():
            with FakeCloudTasks(queues=["work"]{argument and ", " + argument}) as fake:
                request = {{"url": "https://w.test/", "headers": {{"Authorization": "Bearer " + "hunter3"}}}}
                fake.client().create_task(parent=fake.queue_path("work"), task={{"http_request": request}})
                fake.assert_enqueued(headers={{"Authorization": "Bearer other"}})
        """
    )
    output = pytester.runpytest(*flags).stdout.str()
    assert {text for text in ("Bearer •••", "Bearer hunter3") if text in output} == {shown}


def test_a_decorator_gives_each_call_a_fresh_fake(pytester: pytest.Pytester) -> None:
    """Fixtures, parameters and examples come as before; the object finds the fake of the call."""
    pytester.makepyfile(
        HEAD
        + """
    import asyncio
    from hypothesis import given, strategies

    fake = FakeCloudTasks(queues=["work"])

    @pytest.mark.parametrize("number", [1, 2])
    @fake
    def test_function(number, tmp_path):
        enqueue()
        assert len(fake.tasks()) == 1
        assert current() is fake

    @fake
    async def coroutine(number):
        enqueue()
        await asyncio.sleep(0)
        return number + len(fake.tasks())

    def test_coroutine():
        assert asyncio.iscoroutinefunction(coroutine)
        assert asyncio.run(coroutine(2)) == 3

    @given(number=strategies.integers())
    @fake
    def test_examples(number):
        enqueue()
        fake.assert_enqueued(queue="work")
"""
    )
    pytester.runpytest().assert_outcomes(passed=4)


DECORATED = (
    HEAD
    + """
    import unittest

    @FakeCloudTasks(queues=["work"])
    class TestOrder(unittest.TestCase):
        def setUp(self):
            self.addCleanup(current().assert_enqueued)
            enqueue()

        def tearDown(self):
            current().assert_enqueued()

        def test_one(self):
            current().assert_enqueued()

        def test_two(self):
            current().assert_enqueued()

    class TestMore(TestOrder):
        def test_three(self):
            current().assert_enqueued()

    @FakeCloudTasks(queues=["work"])
    class TestAsync(unittest.IsolatedAsyncioTestCase):
        async def test_four(self):
            task = {"http_request": {"url": "https://w.test/"}}
            await tasks_v2.CloudTasksAsyncClient().create_task(parent=current().queue_path("work"), task=task)
            current().assert_enqueued()

        def test_five(self):
            current().assert_nothing_enqueued()
"""
)


@pytest.mark.parametrize("runner", ["pytest", "unittest"])
def test_a_decorated_class_has_a_fake_for_each_test(pytester: pytest.Pytester, runner: str) -> None:
    """From before setUp() until after tearDown() and the clean-ups, also of subclasses and asyncio's tests."""
    pytester.makepyfile(test_it=DECORATED)
    if runner == "pytest":
        pytester.runpytest("-W", "error").assert_outcomes(passed=7)
        return
    output = run_by_unittest(pytester)
    assert "Ran 7 tests" in output
    assert output.splitlines()[-1] == "OK"


def test_what_a_decorated_class_passes_over_fails_its_test(pytester: pytest.Pytester) -> None:
    """As at the end of a block."""
    pytester.makepyfile(
        HEAD
        + """
    import unittest

    @FakeCloudTasks(queues=["work"], strict=True)
    class TestOrder(unittest.TestCase):
        def test_one(self):
            enqueue()
"""
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *strict=True fails a test that passes and leaves something behind."])


@pytest.mark.parametrize("runner", ["pytest", "unittest"])
def test_a_failed_test_of_a_decorated_class_fails_once(pytester: pytest.Pytester, runner: str) -> None:
    """What it has left behind is no second failure, wherever the first one was; a failed subtest is one, too."""
    pytester.makepyfile(
        test_it=HEAD
        + """
    import unittest

    @FakeCloudTasks(queues=["work"], strict=True)
    class TestOrder(unittest.TestCase):
        def test_one(self):
            enqueue()
            self.fail("the first")

        def test_two(self):
            with self.subTest(order=1):
                enqueue()
                self.fail("the first")

        def test_three(self):
            enqueue()
            self.skipTest("not today")

    @FakeCloudTasks(queues=["work"], strict=True)
    class TestAsync(unittest.IsolatedAsyncioTestCase):
        async def test_four(self):
            enqueue()
            self.fail("the first")
"""
    )
    if runner == "pytest":
        output = pytester.runpytest().stdout.str()
    else:
        output = run_by_unittest(pytester)
        assert "FAILED (failures=3, skipped=1)" in output
    assert "strict=True fails a test" not in output


def test_what_is_found_after_a_test_of_a_decorated_class_has_no_frames(pytester: pytest.Pytester) -> None:
    """Those of unittest and of the plugin say nothing to the test's author."""
    pytester.makepyfile(
        HEAD
        + """
    import unittest

    @FakeCloudTasks(queues=["work"], strict=True)
    class TestOrder(unittest.TestCase):
        def test_one(self):
            enqueue()
"""
    )
    output = pytester.runpytest().stdout.str()
    assert "_callCleanup" not in output
    assert "__exit__" not in output


def test_what_cannot_be_decorated() -> None:
    """A generator would run outside of the block, a class of pytest's has no setUp()."""
    from pytest_cloudtasks import FakeCloudTasks

    def generator():  # type: ignore[no-untyped-def]
        yield

    class TestIt:
        pass

    for subject, text in (
        (
            generator,
            "FakeCloudTasks can't decorate generator(), which is a generator. Write `with FakeCloudTasks() as"
            " cloud_tasks:` within it.",
        ),
        (
            TestIt,
            "FakeCloudTasks decorates a function or a TestCase class, and TestIt is neither. For the tests of another"
            " class write @pytest.mark.cloud_tasks.",
        ),
        (
            1,
            "FakeCloudTasks decorates a function or a TestCase class, but got 1. In other places write `with"
            " FakeCloudTasks() as cloud_tasks:`.",
        ),
    ):
        with pytest.raises(TypeError) as caught:
            FakeCloudTasks()(subject)  # type: ignore[type-var]
        assert str(caught.value) == text


def test_a_block_without_with_fails_its_test(pytester: pytest.Pytester) -> None:
    """It has done nothing; one that is entered, or decorates a function, has."""
    pytester.makepyfile(
        HEAD
        + """
    @pytest.mark.parametrize("method", ["eager", "expect_enqueued"])
    def test_without(cloud_tasks, method):
        getattr(cloud_tasks, method)()

    def test_with(cloud_tasks):
        with cloud_tasks.eager():
            pass

        @cloud_tasks.eager()
        def never_called():
            pass
"""
    )
    result = pytester.runpytest("-p", "no:asyncio")
    result.assert_outcomes(passed=3, errors=2)
    for method in ("eager", "expect_enqueued"):
        name = f"cloud_tasks.{method}"
        result.stdout.fnmatch_lines([f"{name}() was called without `with`, and did nothing. Write `with {name}(…):`."])
