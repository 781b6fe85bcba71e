"""Coroutine tests under @given, run by pytest-asyncio: an old one leaves an open loop to whoever comes next."""

from __future__ import annotations

import pytest

from tests.slow.properties.test_choices import SUITE, timeline_of


def test_async_examples_draw_too(pytester: pytest.Pytester) -> None:
    """A coroutine test, and the awaited driving methods."""
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        SUITE
        + """

    @here
    @given(data=st.data())
    async def test_it(cloud_tasks, data):
        cloud_tasks.choose_from(data)
        cloud_tasks.route("https://a.test/")
        enqueue("a", "b")
        await cloud_tasks.aio.drain()
        assert [attempt.task.id for attempt in cloud_tasks.attempts()] == ["a", "b"]
    """
    )
    # In a process of its own: an old pytest-asyncio leaves an open loop to whoever comes next.
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(failed=1)
    assert [line.split("  ")[1] for line in timeline_of(result)[3:5]] == [
        "work/b attempt 1 → 200",
        "work/a attempt 1 → 200",
    ]


def test_async_examples_have_fresh_fakes_with_pytest_asyncio(pytester: pytest.Pytester) -> None:
    """A coroutine test under @given, run by pytest-asyncio, has a fresh fake in every example."""
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(
        """
        from google.cloud import tasks_v2
        from hypothesis import given, strategies as st

        @given(count=st.integers(0, 3))
        async def test_it(cloud_tasks, count):
            assert cloud_tasks.rpcs == []
            cloud_tasks.create_queue("work")
            for _ in range(count):
                tasks_v2.CloudTasksClient().create_task(
                    parent=cloud_tasks.queue_path("work"), task={"http_request": {"url": "https://a.test/"}}
                )
            cloud_tasks.assert_enqueued(count=count)
        """
    )
    # In a process of its own: an old pytest-asyncio leaves an open loop to whoever comes next.
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=1)
