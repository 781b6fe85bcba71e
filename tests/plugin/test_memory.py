"""Nothing keeps what a test gave its fake in memory after the test."""

from __future__ import annotations

import pytest


@pytest.mark.needs("rest")
def test_the_simulation_of_a_test_is_freed(pytester: pytest.Pytester) -> None:
    """Neither clients nor their errors keep it, though grpc keeps the credentials of a channel that is never opened."""
    pytester.makepyfile("""
        import asyncio
        import gc
        import weakref

        import pytest
        from google.api_core import exceptions
        from google.cloud import tasks_v2

        applications = []
        NAME = "projects/p/locations/l/queues/q"

        async def fail_async():
            with pytest.raises(exceptions.NotFound):
                await tasks_v2.CloudTasksAsyncClient().get_queue(name=NAME)

        @pytest.mark.parametrize("transport", ["grpc", "rest", None])
        def test_errors(cloud_tasks, transport):
            for _ in range(2):  # the second client's credentials keep the context in which the first has failed
                if transport is None:
                    asyncio.run(fail_async())
                else:
                    with pytest.raises(exceptions.NotFound):
                        tasks_v2.CloudTasksClient(transport=transport).get_queue(name=NAME)

            def application(environ, start_response):
                return []

            cloud_tasks.mount("https://shop.test", application)
            applications.append(weakref.ref(application))

        def test_memory(cloud_tasks):
            gc.collect()
            assert [application() for application in applications] == [None] * 3
    """)
    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=4)
