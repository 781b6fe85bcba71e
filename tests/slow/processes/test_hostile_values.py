"""Whatever values a test has, what the plugin says about the test neither ends the run nor takes its time."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import _quiet_inner_runs

__all__ = ["_quiet_inner_runs"]

HOSTILE = """
    import pytest


    class Raising(Exception):
        def __str__(self):
            raise ValueError("no text")

        __repr__ = __str__


    class NoText(Exception):
        def __str__(self):
            return 42

        __repr__ = __str__


    class Failing(Exception):
        def __str__(self):
            pytest.fail("a test within a test")

        __repr__ = __str__


    class Deep(Exception):
        def __str__(self):
            return str(self)

        __repr__ = __str__


    CYCLIC = []
    CYCLIC.append(CYCLIC)
    ERRORS = {
        "raising": Raising(),
        "no text": NoText(),
        "failing": Failing(),
        "deep": Deep(),
        "long": ValueError("x" * 300_000),
        "long paths": ValueError("/pytest-of-" * 30_000),
        "surrogate": ValueError("\\ud800"),
        "cyclic": ValueError(CYCLIC),
        "huge number": ValueError(10**5000),
    }
    EVERY_ERROR = pytest.mark.parametrize("error", ERRORS.values(), ids=list(ERRORS))
"""
SUITE = """
    from google.cloud import tasks_v2
    from hostile import EVERY_ERROR, ERRORS

    import pytest

    TASK = {"http_request": {"url": "https://a.test/"}}


    def enqueue(cloud_tasks, **headers):
        task = {"http_request": {"url": "https://a.test/", "headers": headers}}
        tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)


    def raising(error):
        def handler(request):
            raise error

        return handler


    @EVERY_ERROR
    @pytest.mark.cloud_tasks(queues=["work"])
    def test_in_the_test(cloud_tasks, error):
        enqueue(cloud_tasks)
        raise error


    @EVERY_ERROR
    @pytest.mark.cloud_tasks(queues=["work"])
    def test_in_a_handler(cloud_tasks, error):
        cloud_tasks.route("https://a.test/", handler=raising(error))
        enqueue(cloud_tasks)
        cloud_tasks.drain()


    @EVERY_ERROR
    @pytest.mark.cloud_tasks(queues={"work": {"retry_config": {"max_attempts": 1}}}, on_exception="500", strict=True)
    def test_answered_by_500(cloud_tasks, error):
        cloud_tasks.route("https://a.test/", handler=raising(error))
        enqueue(cloud_tasks)
        cloud_tasks.drain()


    @EVERY_ERROR
    @pytest.mark.cloud_tasks(queues=["work"], eager=True)
    def test_eager(cloud_tasks, error):
        cloud_tasks.route("https://a.test/", handler=raising(error))
        enqueue(cloud_tasks)


    @EVERY_ERROR
    @pytest.mark.cloud_tasks(queues=["work"])
    def test_expected(cloud_tasks, error):
        enqueue(cloud_tasks, **{"X-Order": "1"})
        cloud_tasks.assert_enqueued(headers={"X-Order": error}, json=[error], url=lambda url: raising(error)(url))


    @pytest.mark.parametrize("eta", ["²", "٣.٤", "9" * 5000, "9" * 13 + ".1", "1.²", "-1.5", "", "."])
    @pytest.mark.cloud_tasks(queues=["work"])
    def test_digits(cloud_tasks, eta):
        cloud_tasks.route("https://a.test/").returns(200)
        for name in ("X-CloudTasks-TaskETA", "Retry-After", "Authorization"):
            enqueue(cloud_tasks, **{name: eta})
        cloud_tasks.drain()
        assert False


    @EVERY_ERROR
    def test_compared(cloud_tasks, error):
        assert tasks_v2.Task(name="a") == {"name": error, "http_request": error}


    def test_instants_out_of_the_calendar():
        from google.protobuf.timestamp_pb2 import Timestamp
        from google.cloud.tasks_v2.types import Task

        late = Task.pb(Task(schedule_time={"seconds": 1}))
        late.schedule_time.seconds = 10**15
        assert Task.pb(Task()) == late
"""
ERRORS = 9


@pytest.mark.parametrize("arguments", [(), ("--cloud-tasks-report=pages", "--color=yes")], ids=["text", "pages"])
def test_hostile_values_fail_their_tests_only(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """Errors that raise, or are huge, in tests, handlers and expectations, and digits that int() rejects."""
    pytester.makepyfile(hostile=HOSTILE)
    pytester.makepyfile(SUITE)
    result = pytester.runpytest("-q", *arguments)
    text = result.stdout.str()
    assert "INTERNALERROR" not in text
    assert result.parseoutcomes() == {"failed": 4 * ERRORS + 8 + 1, "passed": 2 * ERRORS, "errors": 2 * ERRORS}
    assert "could not" not in text
    if arguments:
        assert len(list(pytester.path.glob("pages/test_*.html"))) == 6 * ERRORS + 8


def test_a_description_that_raises_is_a_sentence(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the plugin's own text fail, the report says so, and the run goes on."""

    def raising(*arguments: object) -> str:
        raise LookupError("of ours")

    monkeypatch.setattr("pytest_cloudtasks._pytest.fakes.timeline_excerpt", raising)
    monkeypatch.setattr("pytest_cloudtasks._pytest.report_hooks.report_data", raising)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.cloud_tasks(queues=["work"])
        def test_fails(cloud_tasks, cloud_tasks_client):
            task = {"http_request": {"url": "https://a.test/"}}
            cloud_tasks_client.create_task(parent=cloud_tasks.queue_path("work"), task=task)
            assert False
        """
    )
    result = pytester.runpytest("-q", "--cloud-tasks-report=pages")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Cloud Tasks timeline*",
            "pytest-cloudtasks could not describe this failure, since a value raised LookupError: of ours. The test's"
            " own result is not affected.",
            "Cloud Tasks report: * (0 pages)",
            "Cloud Tasks report: The page of test_a_description_that_raises_is_a_sentence.py::test_fails could not be"
            " written: LookupError: of ours",
        ]
    )
