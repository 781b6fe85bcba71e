"""--cloud-tasks-report: which tests get a page, and one index for all processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_cloudtasks._pytest.report_hooks import page_name
from tests.report.test_pages import unpacked

SUITE = """
    import pytest
    from google.cloud import tasks_v2

    pytestmark = pytest.mark.cloud_tasks(queues=["work"])


    def enqueue(cloud_tasks):
        task = {"http_request": {"url": "https://a.test/", "headers": {"Content-Type": "text/plain"}}}
        tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)


    @pytest.mark.parametrize("number", range(3))
    def test_fails(cloud_tasks, number):
        cloud_tasks.route("https://a.test/").returns(500, 200)
        enqueue(cloud_tasks)
        cloud_tasks.drain()
        assert number < 0, f"{object()} in {__file__}"


    def test_passes(cloud_tasks):
        enqueue(cloud_tasks)


    def test_has_no_fake():
        assert False


    @pytest.mark.xfail
    def test_is_expected_to_fail(cloud_tasks):
        assert False


    @pytest.fixture
    def breaking(cloud_tasks):
        yield
        enqueue(cloud_tasks)
        raise ValueError("at the end")


    def test_ends_badly(breaking):
        pass


    @pytest.fixture
    def broken(cloud_tasks):
        raise ValueError("at the start")


    def test_begins_badly(broken):
        pass
"""
FAILED = ["begins_badly", "ends_badly", "fails[0]", "fails[1]", "fails[2]"]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A directory with `SUITE` in it."""
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def listed_in(folder: Path) -> list[str]:
    """The tests that the index links to, in its order; each link leads to a page."""
    html = (folder / "index.html").read_text("utf-8")
    links = re.findall(r'<a href="([^"]+)">test_suite\.py::test_([^<]+)</a>', html)
    assert all((folder / page).is_file() for page, _ in links)
    assert {page for page, _ in links} == {path.name for path in folder.glob("*.html")} - {"index.html"}
    return [name for _, name in links]


def pages_of(folder: Path) -> dict[str, str]:
    """All pages by their names."""
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def test_without_the_option_nothing_is_written(suite: pytest.Pytester) -> None:
    """A failed test writes no file unless it is asked for."""
    before = set(suite.path.iterdir())
    result = suite.runpytest("-p", "no:cacheprovider")

    assert {path.name for path in set(suite.path.iterdir()) - before} <= {"__pycache__"}
    assert "report" not in result.stdout.str().lower()


def test_failed_tests_that_used_a_fake_get_a_page(suite: pytest.Pytester) -> None:
    """Failures in set-up and teardown count; tests that passed, or had no fake, have none. The summary says where."""
    result = suite.runpytest("--cloud-tasks-report=made/report")

    folder = suite.path / "made" / "report"
    assert listed_in(folder) == FAILED
    result.stdout.fnmatch_lines([f"Cloud Tasks report: {folder / 'index.html'} (5 pages)"])
    pages = pages_of(folder)
    assert "In setup: ValueError: at the start" in pages[page_name("test_suite.py::test_begins_badly")]
    ended = pages[page_name("test_suite.py::test_ends_badly")]
    assert "In teardown: ValueError: at the end" in ended
    assert "created: POST https://a.test/" in ended


def test_all_tests_get_a_page_by_option(suite: pytest.Pytester) -> None:
    """With --cloud-tasks-report-for=all those that passed have theirs, under their own outcome."""
    suite.runpytest("--cloud-tasks-report=report", "--cloud-tasks-report-for=all")

    folder = suite.path / "report"
    assert listed_in(folder) == sorted([*FAILED, "is_expected_to_fail", "passes"])
    assert "<p>5 failed, 1 passed and 1 xfailed</p>" in (folder / "index.html").read_text("utf-8")


def test_pages_name_nothing_of_the_machine(suite: pytest.Pytester) -> None:
    """Neither a path nor an address of an object is on a page, though the failure has both."""
    suite.runpytest("--cloud-tasks-report=report")

    text = "".join(pages_of(suite.path / "report").values())
    assert str(suite.path) not in text
    assert "&lt;object object at 0x…&gt; in test_suite.py" in text


def test_the_seed_is_on_the_page(pytester: pytest.Pytester) -> None:
    """If something was random, the page says how to reproduce it."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.cloud_tasks(queues=["work"])
        def test_it(cloud_tasks, cloud_tasks_client):
            cloud_tasks.fail_rpc("create_task", "INTERNAL", rate=0.0)
            task = {"http_request": {"url": "https://a.test/"}}
            cloud_tasks_client.create_task(parent=cloud_tasks.queue_path("work"), task=task)
            assert False
        """
    )
    pytester.runpytest("--cloud-tasks-report=report", "--cloud-tasks-seed=7")

    (page,) = (path for path in (pytester.path / "report").iterdir() if path.name != "index.html")
    told = "Random choices follow from the seed 7: --cloud-tasks-seed=7 makes them again."
    assert f'<p class="quiet seed">{told}</p>' in page.read_text("utf-8")


def test_pages_of_an_earlier_run_are_removed(suite: pytest.Pytester) -> None:
    """What the plugin wrote goes; a page and a file of someone else's stay."""
    folder = suite.path / "report"
    suite.runpytest("--cloud-tasks-report=report")
    (folder / "theirs.html").write_text("<title>coverage</title>", "utf-8")
    (folder / "notes.txt").write_text("notes", "utf-8")

    suite.runpytest("--cloud-tasks-report=report", "-k", "passes")

    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "notes.txt", "theirs.html"]
    assert "No test that used a fake has failed." in (folder / "index.html").read_text("utf-8")


def test_a_failing_hypothesis_test_shows_its_last_example(pytester: pytest.Pytester) -> None:
    """The page is that of the example which pytest reports."""
    pytester.makepyfile(
        """
        import pytest
        from google.cloud import tasks_v2
        from hypothesis import given, settings, strategies

        @pytest.mark.cloud_tasks(queues=["work"])
        @settings(database=None)
        @given(count=strategies.integers(0, 9))
        def test_it(cloud_tasks, count):
            client = tasks_v2.CloudTasksClient()
            for _ in range(count):
                task = {"http_request": {"url": "https://a.test/"}}
                client.create_task(parent=cloud_tasks.queue_path("work"), task=task)
            assert count < 3
        """
    )
    pytester.runpytest("--cloud-tasks-report=report")

    (page,) = (path for path in (pytester.path / "report").iterdir() if path.name != "index.html")
    events = unpacked(page.read_text("utf-8"))["events"]
    assert [event["event"] for event in events].count("task_created") == 3


@pytest.mark.parametrize(
    ("test", "readable"),
    [
        ("tests/test_shop.py::test_order[a/b-é <x>]", "test_shop-py-test_order-a-b-x"),
        ("tests/test_shop.py::TestOrder::test_it", "test_shop-py-TestOrder-test_it"),
        ("test_it.py::test_" + "x" * 200, "test_it-py-" + "test_" + "x" * 64),
    ],
)
def test_page_names_are_file_names(test: str, readable: str) -> None:
    """Every system takes them, and tests of like names have pages of their own."""
    assert re.fullmatch(re.escape(readable) + r"-[0-9a-f]{12}\.html", page_name(test))
    assert page_name(test) != page_name(f"{test}2")


def test_a_folder_that_cannot_be_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """In a sentence, before any test runs."""
    pytester.makepyfile("def test_it(cloud_tasks): pass")
    pytester.makefile(".txt", taken="a file")
    result = pytester.runpytest("--cloud-tasks-report=taken.txt")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --cloud-tasks-report can't write to taken.txt: File exists."])


def test_collecting_leaves_a_report_alone(pytester: pytest.Pytester) -> None:
    """Nothing has run, so nothing is written or removed."""
    pytester.makepyfile("def test_it(cloud_tasks): assert False")
    pytester.runpytest("--cloud-tasks-report=pages")
    before = sorted(path.name for path in (pytester.path / "pages").iterdir())
    assert len(before) == 2
    pytester.runpytest("--cloud-tasks-report=pages", "--collect-only")
    assert sorted(path.name for path in (pytester.path / "pages").iterdir()) == before


def test_pages_are_written_when_fixtures_have_ended(pytester: pytest.Pytester) -> None:
    """A test that replaces what files are made of has its page, too."""
    pytester.makepyfile(
        test_suite="""
        from pathlib import Path

        def refuse(*arguments, **named):
            raise OSError("the test has no files")

        def test_fails(cloud_tasks, monkeypatch):
            for name in ("open", "mkdir", "read_text", "write_text"):
                monkeypatch.setattr(Path, name, refuse)
            cloud_tasks.assert_enqueued()
        """
    )
    pytester.runpytest("--cloud-tasks-report=report", "-p", "no:cacheprovider").assert_outcomes(failed=1)
    assert listed_in(pytester.path / "report") == ["fails"]


def test_a_test_that_ends_the_run_has_its_page(pytester: pytest.Pytester) -> None:
    """Who leaves the debugger at a failure leaves pytest, before the test's fixtures have ended."""
    pytester.makeconftest(
        """
        import pytest

        def pytest_exception_interact():
            pytest.exit("the debugger is left")
        """
    )
    pytester.makepyfile(test_suite="def test_fails(cloud_tasks): cloud_tasks.assert_enqueued()")
    result = pytester.runpytest("--cloud-tasks-report=report")
    result.stdout.fnmatch_lines(["*the debugger is left*"])
    assert listed_in(pytester.path / "report") == ["fails"]
