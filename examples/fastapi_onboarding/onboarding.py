"""Onboarding: a new user gets a welcome mail, and a second mail three days later."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Annotated

from fastapi import Depends, FastAPI
from google.cloud import tasks_v2
from pydantic import BaseModel
from security import ACCOUNT, AUDIENCE, verify

QUEUE = "projects/my-shop/locations/europe-west1/queues/onboarding"


class User(BaseModel):
    email: str


@cache
def tasks_client() -> tasks_v2.CloudTasksAsyncClient:
    return tasks_v2.CloudTasksAsyncClient()


Client = Annotated[tasks_v2.CloudTasksAsyncClient, Depends(tasks_client)]


async def enqueue(client: tasks_v2.CloudTasksAsyncClient, step: str, user: User, after: timedelta) -> None:
    task = {
        "http_request": {
            "url": f"{AUDIENCE}/tasks/{step}",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps({"email": user.email}).encode(),
            "oidc_token": {"service_account_email": ACCOUNT, "audience": AUDIENCE},
        },
        "schedule_time": datetime.now(timezone.utc) + after,
    }
    await client.create_task(parent=QUEUE, task=task)


def create_app(send_mail: Callable[[str, str], None], verify: Callable[..., None] = verify) -> FastAPI:
    app = FastAPI()

    @app.post("/signup", status_code=202)
    async def signup(user: User, client: Client) -> None:
        await enqueue(client, "welcome", user, after=timedelta(0))

    @app.post("/tasks/welcome", dependencies=[Depends(verify)])
    async def welcome(user: User, client: Client) -> None:
        send_mail(user.email, "Welcome!")
        await enqueue(client, "follow-up", user, after=timedelta(days=3))

    @app.post("/tasks/follow-up", dependencies=[Depends(verify)])
    def follow_up(user: User) -> None:
        send_mail(user.email, "How is it going?")

    return app
