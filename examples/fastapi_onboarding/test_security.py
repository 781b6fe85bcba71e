"""Each check finds one insufficient way to verify a caller."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from careless import verify_header, verify_no_account, verify_no_audience
from onboarding import create_app
from security import ACCOUNT, AUDIENCE, verify

from pytest_cloudtasks import FakeCloudTasks

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.cloud_tasks(queues=["onboarding"], project="my-shop", location="europe-west1"),
]
URL = "https://onboarding.test/tasks/follow-up"
USER = {"email": "ada@example.test"}


async def status_of(cloud_tasks: FakeCloudTasks, verify: Callable[..., None], **token: str) -> int:
    """Return the status of one request like the queue's, with the given token."""
    app = create_app(lambda to, text: None, verify)
    request = cloud_tasks.task_request(url=URL, json=USER, queue="onboarding", **token)
    return (await request.asend(app)).status


async def check_token_for_another_service(cloud_tasks: FakeCloudTasks, verify: Callable[..., None]) -> None:
    token = {"audience": "https://billing.test", "service_account_email": ACCOUNT}
    assert await status_of(cloud_tasks, verify, **token) == 401


async def check_token_of_another_account(cloud_tasks: FakeCloudTasks, verify: Callable[..., None]) -> None:
    token = {"audience": AUDIENCE, "service_account_email": "mallory@elsewhere.iam.gserviceaccount.com"}
    assert await status_of(cloud_tasks, verify, **token) == 403


async def check_no_token(cloud_tasks: FakeCloudTasks, verify: Callable[..., None]) -> None:
    assert await status_of(cloud_tasks, verify) == 401


CAUGHT = {
    check_token_for_another_service: verify_no_audience,
    check_token_of_another_account: verify_no_account,
    check_no_token: verify_header,
}


async def test_our_queue_is_let_in(cloud_tasks: FakeCloudTasks) -> None:
    """A token of our account for this worker is accepted."""
    token = {"audience": AUDIENCE, "service_account_email": ACCOUNT}
    assert await status_of(cloud_tasks, verify, **token) == 200


@pytest.mark.parametrize("check", CAUGHT)
async def test_others_are_rejected(cloud_tasks: FakeCloudTasks, check: Callable[..., None]) -> None:
    """Another audience, another account and a missing token are rejected."""
    await check(cloud_tasks, verify)


@pytest.mark.parametrize(("check", "careless"), CAUGHT.items())
async def test_careless_verification_is_caught(
    cloud_tasks: FakeCloudTasks, check: Callable[..., None], careless: Callable[..., None]
) -> None:
    """Each careless way to verify accepts one of them."""
    with pytest.raises(AssertionError, match="assert 200 == 40"):
        await check(cloud_tasks, careless)


async def test_token_expires_in_the_time_of_the_test(cloud_tasks: FakeCloudTasks) -> None:
    """A token expires after an hour of the test's time."""
    request = cloud_tasks.task_request(url=URL, json=USER, audience=AUDIENCE, service_account_email=ACCOUNT)

    await cloud_tasks.aio.advance(hours=2)

    assert (await request.asend(create_app(lambda to, text: None))).status == 401
