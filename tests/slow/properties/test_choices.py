"""What a failed property shows of the choices that Hypothesis made: the shortest story, and nothing else."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import _quiet_inner_runs

__all__ = ["_quiet_inner_runs"]

SUITE = """
    import pytest
    from google.cloud import tasks_v2
    from hypothesis import given, settings, strategies as st

    here = settings(database=None, deadline=None, derandomize=True, max_examples=200)
    pytestmark = pytest.mark.cloud_tasks(queues=["work"])


    def enqueue(*ids):
        parent = "projects/test-project/locations/us-central1/queues/work"
        for id in ids:
            task = {"name": f"{parent}/tasks/{id}", "http_request": {"url": "https://a.test/"}}
            tasks_v2.CloudTasksClient().create_task(parent=parent, task=task)
"""
REPLAY = "Random choices are drawn from the example: Hypothesis makes them again when it replays it."
STORIES = {
    "duplicate": (
        """
        enqueue("a", "b")
        cloud_tasks.drain()
        assert "second" not in cloud_tasks.timeline()
        """,
        """
        +0:00:00  work/a attempt 1 → 200
        +0:00:00  work/a attempt 1 delivered a second time → 200
        +0:00:00  work/b attempt 1 → 200
        """,
    ),
    "lost answer": (
        """
        enqueue("a", "b")
        cloud_tasks.drain()
        assert len(cloud_tasks.attempts()) == 2
        """,
        """
        +0:00:00      work/a attempt 1 → UNKNOWN by lose_handler_response() in place of 200, retry in 0.1 s
        +0:00:00      work/b attempt 1 → 200
        +0:00:00.100  work/a attempt 2 → 200
        """,
    ),
    "order": (
        """
        enqueue("a", "b", "c")
        cloud_tasks.drain()
        first = [attempt.task.id for attempt in cloud_tasks.attempts() if attempt.number == 1]
        assert first == ["a", "b", "c"]
        """,
        """
        +0:00:00  work/b attempt 1 → 200
        +0:00:00  work/a attempt 1 → 200
        +0:00:00  work/c attempt 1 → 200
        """,
    ),
    "delay": (
        """
        enqueue("a")
        cloud_tasks.advance(seconds=10)
        enqueue("b")
        cloud_tasks.drain()
        assert cloud_tasks.attempts()[-1].task.id == "b"
        """,
        """
        +0:00:00  work/a held back by 11 s
        +0:00:10  work/b created: POST https://a.test/
        +0:00:10  work/b attempt 1 → 200
        +0:00:11  work/a attempt 1 → 200
        """,
    ),
    "two misfortunes": (
        """
        enqueue("a", "b")
        cloud_tasks.drain()
        timeline = cloud_tasks.timeline()
        is_late = "held back" in timeline  # as short a way to make b the first
        assert "second" not in timeline or is_late or cloud_tasks.attempts()[0].task.id == "a"
        """,
        """
        +0:00:00  work/b attempt 1 → 200
        +0:00:00  work/a attempt 1 → 200
        +0:00:00  work/a attempt 1 delivered a second time → 200
        """,
    ),
}


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def property_of(body: str) -> str:
    """A property over `SUITE`, whose tasks are all delivered to a route."""
    begin = """

    @here
    @given(data=st.data())
    def test_it(cloud_tasks, data):
        cloud_tasks.choose_from(data)
        cloud_tasks.route("https://a.test/")"""
    return SUITE + begin + body


def timeline_of(result: pytest.RunResult) -> list[str]:
    """Return the lines of the only timeline in the output, and the lines up to the summary."""
    lines = result.stdout.str().splitlines()
    (begin,) = (number for number, line in enumerate(lines) if "Cloud Tasks timeline" in line)
    end = next(number for number, line in enumerate(lines) if number > begin and "short test summary" in line)
    return lines[begin + 1 : end]


@pytest.mark.parametrize(("body", "story"), STORIES.values(), ids=STORIES)
def test_the_timeline_is_the_shortest_story(pytester: pytest.Pytester, body: str, story: str) -> None:
    """The plain story, and the misfortunes that it takes, as early as they may come; then how it is replayed."""
    pytester.makepyfile(property_of(body))

    result = pytester.runpytest()

    result.assert_outcomes(failed=1)
    shown = [line for line in timeline_of(result) if "queue work created" not in line and "a.test/" not in line]
    assert shown == [*(line for line in lines_of(story) if "a.test/" not in line), "", REPLAY]


def test_hypothesis_notes_one_draw(pytester: pytest.Pytester) -> None:
    """However much is chosen, its report has one line for it."""
    pytester.makepyfile(property_of(STORIES["two misfortunes"][0]))

    lines = [line.removeprefix("E").strip() for line in pytester.runpytest().stdout.lines]

    assert [line for line in lines if line.startswith("Draw")] == [
        "Draw 1 (Cloud Tasks): order, duplicates, lost answers, delays"
    ]


def test_a_failing_example_is_replayed(pytester: pytest.Pytester) -> None:
    """The next run begins with the smallest example of the last one, with the same timeline."""
    text = property_of(STORIES["two misfortunes"][0])
    kept = "deadline=None, database=DirectoryBasedExampleDatabase('examples')"
    text = text.replace("import given", "import Phase, given").replace("database=None, deadline=None", kept)
    text = text.replace("    import pytest\n", "    import pytest\n    from hypothesis.database import *\n", 1)
    pytester.makepyfile(test_it=text.replace(", derandomize=True", ""))
    first = timeline_of(pytester.runpytest())

    pytester.makepyfile(test_it=text.replace("derandomize=True", "phases=[Phase.reuse]"))

    assert timeline_of(pytester.runpytest()) == first


def test_each_example_chooses_afresh(pytester: pytest.Pytester) -> None:
    """Choices belong to the example's simulation: choices and plans of one don't affect the next."""
    pytester.makepyfile(
        property_of(
            """
        assert cloud_tasks.rpcs == []
        enqueue("a", "b")
        cloud_tasks.drain()
    """
        )
    )
    pytester.runpytest("-W", "error").assert_outcomes(passed=1)


def test_plans_of_fixtures_are_drawn_too(pytester: pytest.Pytester) -> None:
    """A fault that a fixture has planned at a rate happens in some examples, and the failure shows it."""
    fixture = """

    @pytest.fixture(autouse=True)
    def outage(cloud_tasks):
        cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", rate=0.01)
    """
    pytester.makepyfile(property_of('\n        enqueue("a")\n        cloud_tasks.drain()\n') + fixture)

    result = pytester.runpytest()

    result.assert_outcomes(failed=1)
    assert timeline_of(result) == [
        "+0:00:00  queue work created",
        "+0:00:00  create_task → UNAVAILABLE by fail_rpc()",
        "",
        REPLAY,
    ]


def test_a_second_example_of_an_inner_given_function_is_rejected(pytester: pytest.Pytester) -> None:
    """A @given function within a test has one fake for all of its examples: the second says what to do."""
    pytester.makepyfile(
        SUITE
        + """

    def test_it(cloud_tasks):
        @here
        @given(data=st.data())
        def inner(data):
            data.draw(st.booleans())
            cloud_tasks.choose_from(data)

        inner()
    """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RuntimeError: choose_from() was already called for this fake.*"])
