"""Lints along a session: where they are shown, how pytest's filters silence them or make them errors."""

from __future__ import annotations

import pytest

SHOP = """
    import pytest
    from google.cloud import tasks_v2

    def place_order(name="one"):
        client = tasks_v2.CloudTasksClient()
        parent = client.queue_path("test-project", "us-central1", "receipts")
        request = {"url": "https://mailer.test/send", "body": b"{}"}
        try:
            client.create_task(parent=parent, task={"name": f"{parent}/tasks/{name}", "http_request": request})
        except Exception:
            pass  # as careless code does

    def test_order(cloud_tasks):
        place_order()
        place_order("two")

    def test_another_order(cloud_tasks):
        place_order()
"""
LINT = (
    "A JSON body without Content-Type: receipts/one goes to https://mailer.test/send, and the service adds no"
    " Content-Type to an HTTP task. A worker that checks it, such as Flask's request.get_json(), rejects the body. Add"
    " 'Content-Type': 'application/json' to the headers of its http_request. To silence this, add `ignore:A JSON body"
    " without Content-Type:pytest_cloudtasks.CloudTasksLintWarning` to pytest's filterwarnings."
)


def run(pytester: pytest.Pytester, *filters: str) -> pytest.RunResult:
    lines = ["[pytest]", "addopts = -p no:randomly -p no:asyncio", "cloud_tasks_queues = receipts", "filterwarnings ="]
    pytester.makefile(".ini", pytest="\n".join([*lines, *(f"    {one}" for one in ("default", *filters))]))
    pytester.makepyfile(test_shop=SHOP)
    return pytester.runpytest("-p", "no:cacheprovider")


@pytest.mark.needs("clients of 2.x")
def test_a_lint_of_a_failed_test_is_shown_with_its_failure(pytester: pytest.Pytester) -> None:
    """In a section, with its place, and not in the summary of warnings besides."""
    pytester.makepyfile(
        """
        from google.cloud import tasks_v2

        def test_it(cloud_tasks):
            queue = cloud_tasks.create_queue("work").name
            task = {"name": f"{queue}/tasks/one", "http_request": {"url": "https://w.test/", "headers": {"Host": "x"}}}
            tasks_v2.CloudTasksClient().create_task(parent=queue, task=task)
            assert 0
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1, warnings=0)
    result.stdout.fnmatch_lines(
        [
            "* Cloud Tasks lints *",
            "*.py:6, in test_it: A header that does not arrive as given: In work/one, 'Host' is dropped: *",
        ]
    )


def test_a_lint_is_in_the_summary_of_warnings(pytester: pytest.Pytester) -> None:
    """It names the line of the application, and comes once a test."""
    result = run(pytester)

    result.assert_outcomes(passed=2, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "test_shop.py::test_order",
            "test_shop.py::test_another_order",
            f"  */test_shop.py:9: CloudTasksLintWarning: {LINT}".replace("[", "[[]"),
            "    client.create_task(parent=parent, *",
        ],
        consecutive=True,
    )


def test_a_lint_is_silenced_by_the_line_it_names(pytester: pytest.Pytester) -> None:
    """What the warning says to put into filterwarnings is what silences it."""
    line = LINT.split("`")[1]
    run(pytester, line).assert_outcomes(passed=2, warnings=0)


def test_lints_are_silenced_together(pytester: pytest.Pytester) -> None:
    """The category alone silences all of them."""
    run(pytester, "ignore::pytest_cloudtasks.CloudTasksLintWarning").assert_outcomes(passed=2, warnings=0)


def test_a_lint_that_is_an_error_fails_the_test(pytester: pytest.Pytester) -> None:
    """Even where application code swallows what the client raises; the message begins with the place."""
    result = run(pytester, "error::pytest_cloudtasks.CloudTasksLintWarning")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"*/test_shop.py:9: {LINT}"])


def test_the_examples_of_hypothesis_are_one_test(pytester: pytest.Pytester) -> None:
    """A place has one warning for all examples."""
    pytester.makepyfile(
        test_property=SHOP
        + """
    from hypothesis import given, settings, strategies as st

    @settings(database=None, derandomize=True)
    @given(count=st.integers(0, 9))
    def test_orders(cloud_tasks, count):
        place_order(f"order-{count}")
    """
    )
    result = run(pytester, "always::pytest_cloudtasks.CloudTasksLintWarning")
    result.assert_outcomes(passed=5, warnings=5)


@pytest.mark.parametrize(
    "check",
    [
        'cloud_tasks.assert_enqueued(headers={"X-Google-Thing": "1"})',
        'assert cloud_tasks.assert_enqueued().headers.get("X-Google-Thing") == "1"',
    ],
)
def test_a_dropped_header_is_named_once(pytester: pytest.Pytester, check: str) -> None:
    """By the hint of an assertion of ours, or else by the lint, which names the call, too."""
    pytester.makepyfile(
        f"""
        import pytest
        from google.cloud import tasks_v2

        @pytest.mark.cloud_tasks(queues=["work"])
        def test_it(cloud_tasks):
            cloud_tasks.route("*")
            task = {{"http_request": {{"url": "https://w.test", "headers": {{"X-Google-Thing": "1"}}}}}}
            tasks_v2.CloudTasksClient().create_task(parent=cloud_tasks.queue_path("work"), task=task)
            {check}
        """
    )
    result = pytester.runpytest("-W", "ignore::pytest_cloudtasks.CloudTasksLintWarning", "-p", "no:asyncio")
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("'X-Google-Thing' is dropped") == 1
