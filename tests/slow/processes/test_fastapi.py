"""FastAPI applications whose event loop is pytest-asyncio's."""

from __future__ import annotations

import pytest


@pytest.mark.needs("scopes of pytest-asyncio")
@pytest.mark.parametrize(
    ("scope", "seen"),
    [("function", '["start-up", "start-up"]'), ("session", '["start-up", "shutdown", "start-up", "shutdown"]')],
)
def test_under_pytest_asyncio_no_lifespan_is_left_behind(pytester: pytest.Pytester, scope: str, seen: str) -> None:
    """A loop that ends with its test cancels the lifespan; one that goes on sees a shutdown; nothing is logged."""
    pytester.makeini(
        f"""
        [pytest]
        addopts = -p no:randomly -p no:cacheprovider
        asyncio_default_fixture_loop_scope = {scope}
        asyncio_default_test_loop_scope = {scope}
        asyncio_mode = auto
        """
    )
    pytester.makepyfile(
        """
        import gc
        from contextlib import asynccontextmanager

        import pytest
        from fastapi import FastAPI
        from google.cloud.tasks_v2.services.cloud_tasks import CloudTasksAsyncClient

        seen = []

        @asynccontextmanager
        async def lifespan(app):
            seen.append("start-up")
            yield
            seen.append("shutdown")

        @pytest.mark.parametrize("number", [1, 2])
        @pytest.mark.cloud_tasks(queues=["work"])
        async def test_it(cloud_tasks, number):
            app = FastAPI(lifespan=lifespan)

            @app.post("/")
            async def work(): ...

            cloud_tasks.mount("https://worker.test", app)
            await CloudTasksAsyncClient().create_task(
                parent=cloud_tasks.queue_path("work"), task={"http_request": {"url": "https://worker.test/"}}
            )
            assert (await cloud_tasks.aio.drain()).succeeded == 1

        async def test_afterwards(caplog):
            gc.collect()
            assert seen == SEEN
            assert caplog.records == []
        """.replace("SEEN", seen)
    )
    google = "ignore:You are using a:FutureWarning"  # its word on Python versions that it is about to leave
    result = pytester.runpytest_subprocess("-W", "error", "-W", google)
    result.assert_outcomes(passed=3)
    assert "destroyed" not in result.stdout.str() + result.stderr.str()
