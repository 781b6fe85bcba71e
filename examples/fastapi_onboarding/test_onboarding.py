"""Test the onboarding in the event loop of the test."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from onboarding import create_app
from security import ACCOUNT, AUDIENCE

from pytest_cloudtasks import FakeCloudTasks

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.cloud_tasks(queues=["onboarding"], project="my-shop", location="europe-west1"),
]


async def test_new_user_gets_two_mails(cloud_tasks: FakeCloudTasks) -> None:
    """A new user gets a mail at once, and another one after three days."""
    mails: list[tuple[str, str]] = []
    app = create_app(lambda to, text: mails.append((to, text)))
    cloud_tasks.mount("https://onboarding.test", app)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://onboarding.test") as browser:
        response = await browser.post("/signup", json={"email": "ada@example.test"})
    assert response.status_code == 202

    cloud_tasks.assert_enqueued(json={"email": "ada@example.test"}, oidc={"audience": AUDIENCE})
    await cloud_tasks.aio.dispatch_due()
    assert mails == [("ada@example.test", "Welcome!")]

    cloud_tasks.assert_enqueued(url="https://onboarding.test/tasks/follow-up", delay=timedelta(days=3))
    await cloud_tasks.aio.drain()
    assert mails[1:] == [("ada@example.test", "How is it going?")]
    assert cloud_tasks.clock.elapsed == timedelta(days=3)


async def test_token_is_made_for_every_attempt(cloud_tasks: FakeCloudTasks) -> None:
    """A retry after the token of the first attempt has expired comes with a fresh one."""
    failures = [ConnectionRefusedError("the mail server is down")]

    def send_mail(to: str, text: str) -> None:
        if failures:
            raise failures.pop()

    app = create_app(send_mail)
    cloud_tasks.create_queue("patient", retry_config={"min_backoff": "3600s"})
    cloud_tasks.mount("https://onboarding.test", app, on_exception="500")
    await cloud_tasks.async_client().create_task(
        parent=cloud_tasks.queue_path("patient"),
        task={
            "http_request": {
                "url": "https://onboarding.test/tasks/follow-up",
                "headers": {"Content-Type": "application/json"},
                "body": b'{"email": "ada@example.test"}',
                "oidc_token": {"service_account_email": ACCOUNT, "audience": AUDIENCE},
            }
        },
    )
    task = cloud_tasks.assert_enqueued()

    await cloud_tasks.aio.drain()

    cloud_tasks.assert_attempts(task, [500, 200])
    first, second = (attempt.request.headers["Authorization"] for attempt in task.attempts)
    assert first != second
