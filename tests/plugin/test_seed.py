"""--cloud-tasks-seed: what a failure prints replays it, in whatever process, selection and order."""

from __future__ import annotations

import re

import pytest

SUITE = """
    import pytest
    from google.api_core.exceptions import ServiceUnavailable
    from google.cloud import tasks_v2


    def enqueue(cloud_tasks, name):
        parent = cloud_tasks.queue_path("work")
        task = {"name": f"{parent}/tasks/{name}", "http_request": {"url": "https://a.test/"}}
        tasks_v2.CloudTasksClient().create_task(parent=parent, task=task)


    @pytest.mark.cloud_tasks(queues=["work"], order="shuffle")
    @pytest.mark.parametrize("number", range(4))
    def test_order(cloud_tasks, number):
        cloud_tasks.route("https://a.test/")
        for letter in "abcdefgh":
            enqueue(cloud_tasks, letter)
        cloud_tasks.drain()
        order = "".join(attempt.task.id for attempt in cloud_tasks.attempts())
        pytest.fail(f"order {number} is {order}")


    @pytest.mark.cloud_tasks(queues=["work"])
    def test_rate(cloud_tasks):
        plan = cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", rate=0.5)
        failed = ""
        for letter in "abcdefghijklmnop":
            try:
                enqueue(cloud_tasks, letter)
            except ServiceUnavailable:
                failed += letter
        pytest.fail(f"failed are {failed}")
"""
FOUND = re.compile(r"^E? *(?:Failed: )?((?:order \d|failed) (?:is|are) \w+)$", re.MULTILINE)
REPLAY = re.compile(r"^Random choices follow from the seed (\d+): --cloud-tasks-seed=(\d+) makes them again\.$", re.M)


def choices_of(result: pytest.RunResult) -> list[str]:
    """What the failed tests of `SUITE` say about what was chosen."""
    return sorted(set(FOUND.findall(result.stdout.str())))


def seeds_of(result: pytest.RunResult) -> set[str]:
    """The seeds that the failures print."""
    return {seed for pair in REPLAY.findall(result.stdout.str()) for seed in pair}


@pytest.fixture
def run(pytester: pytest.Pytester) -> object:
    """Runs `SUITE`, whose tests all fail."""
    pytester.makepyfile(test_suite=SUITE)

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest("--tb=short", *arguments)

    return run


def test_the_default_seed_is_the_same_in_every_run(run: pytest.RunResult) -> None:
    """Without an option every run chooses alike, and each failure says by which seed."""
    first = run()

    assert len(choices_of(first)) == 5
    assert seeds_of(first) == {"0"}
    assert choices_of(run()) == choices_of(run("--cloud-tasks-seed=0")) == choices_of(first)
    assert len({order[-8:] for order in choices_of(first) if order.startswith("order")}) == 4


def test_the_printed_seed_replays_a_random_run(run: pytest.RunResult) -> None:
    """What a random run prints makes the same choices again; the header has it, too."""
    random = run("--cloud-tasks-seed=random")
    (seed,) = seeds_of(random)

    assert f"cloud tasks: --cloud-tasks-seed={seed}" in random.stdout.str().splitlines()
    assert choices_of(random) != choices_of(run())
    assert choices_of(run(f"--cloud-tasks-seed={seed}")) == choices_of(random)


def test_selection_and_order_change_nothing(run: pytest.RunResult) -> None:
    """A test chooses alike alone, after others and before them."""
    everything = choices_of(run())
    alone = choices_of(run("test_suite.py::test_rate")) + choices_of(run("test_suite.py::test_order[2]"))
    assert set(alone) < set(everything)
    backwards = ["test_suite.py::test_rate", *(f"test_suite.py::test_order[{number}]" for number in (3, 2, 1, 0))]
    assert choices_of(run(*backwards)) == everything


def test_the_command_line_wins_over_marker_and_ini(pytester: pytest.Pytester) -> None:
    """Else the nearest marker does, over the ini file."""
    pytester.makepyfile(
        """
        import pytest

        def test_ini(cloud_tasks):
            print("ini has", cloud_tasks._active.settings.seed)

        @pytest.mark.cloud_tasks(seed=3)
        def test_marker(cloud_tasks):
            print("marker has", cloud_tasks._active.settings.seed)
        """
    )
    output = pytester.runpytest("-s", "-o", "cloud_tasks_seed=2").stdout.str()
    assert ("ini has 2" in output, "marker has 3" in output) == (True, True)
    output = pytester.runpytest("-s", "-o", "cloud_tasks_seed=2", "--cloud-tasks-seed=-4").stdout.str()
    assert ("ini has -4" in output, "marker has -4" in output) == (True, True)


def test_a_wrong_seed(pytester: pytest.Pytester) -> None:
    """Anything but a number and "random" is rejected before a test runs."""
    result = pytester.runpytest("--cloud-tasks-seed=often")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*argument --cloud-tasks-seed: it takes a number, or the word random for one that is picked, but got 'often'."]
    )


def test_nothing_is_said_of_a_seed_that_decided_nothing(pytester: pytest.Pytester) -> None:
    """A failure without random choices has no line on replaying, and a run without the option no header."""
    pytester.makepyfile(
        """
        def test_it(cloud_tasks):
            cloud_tasks.create_queue("work")
            assert False
        """
    )
    output = pytester.runpytest().stdout.str()
    assert "queue work created" in output
    assert "Random choices" not in output
    assert "cloud tasks:" not in output


def test_an_assertion_that_has_the_timeline_leaves_the_seed_to_a_section(pytester: pytest.Pytester) -> None:
    """The timeline appears once, followed by the line on replaying."""
    pytester.makepyfile(
        SUITE.replace('pytest.fail(f"order {number} is {order}")', "cloud_tasks.assert_nothing_enqueued()")
    )
    lines = pytester.runpytest("-k", "test_order and 0").stdout.str().splitlines()
    begin = next(number for number, line in enumerate(lines) if "Cloud Tasks choices" in line)
    assert lines[begin].strip("- ") == "Cloud Tasks choices"
    assert REPLAY.match(lines[begin + 1])
    assert not any("Cloud Tasks timeline" in line for line in lines)
