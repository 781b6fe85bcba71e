"""Background tasks in the manner of Celery: a function with ``.delay()``, called later by way of Cloud Tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from google.cloud import tasks_v2

QUEUES = "projects/my-shop/locations/europe-west1/queues"
BASE_URL = "https://orders.test"
registered: dict[str, BackgroundTask] = {}


class TryAgain(Exception):
    """Raised by a task that could not do its work now."""


@cache
def client() -> tasks_v2.CloudTasksClient:
    """One client for the life of the process."""
    return tasks_v2.CloudTasksClient()


class BackgroundTask:
    """A function that takes the retry count, and arguments that JSON can carry."""

    def __init__(self, function: Callable[..., None], queue: str) -> None:
        self.function = function
        self.name = function.__name__
        self.queue = queue

    def delay(self, **arguments: Any) -> None:
        """Enqueue a call of the function."""
        http_request = {
            "url": f"{BASE_URL}/tasks/{self.name}",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(arguments).encode(),
        }
        client().create_task(parent=f"{QUEUES}/{self.queue}", task={"http_request": http_request})

    def delay_on_commit(self, **arguments: Any) -> None:
        """Enqueue a call of the function once the transaction is committed; never, if it is rolled back."""
        transaction.on_commit(lambda: self.delay(**arguments))


def background(queue: str) -> Callable[[Callable[..., None]], BackgroundTask]:
    def register(function: Callable[..., None]) -> BackgroundTask:
        task = registered[function.__name__] = BackgroundTask(function, queue)
        return task

    return register


def run(request: HttpRequest, name: str) -> HttpResponse:
    """The view that the queue calls. (Whom to let in is another matter: see the page about tokens.)"""
    retry_count = int(request.headers["X-CloudTasks-TaskRetryCount"])
    try:
        registered[name].function(retry_count, **json.loads(request.body))
    except TryAgain:
        return HttpResponse(status=503)
    return HttpResponse(status=200)
