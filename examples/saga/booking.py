"""Book a trip: each step is a task that enqueues the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Protocol

from flask import Flask, request
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud import tasks_v2

QUEUE = "projects/my-travels/locations/europe-west1/queues/trips"
PATIENCE = timedelta(days=3)
ATTEMPTS = 4  # the queue's max_attempts


class Partner(Protocol):
    def book(self, trip: str) -> None: ...

    def cancel(self, trip: str) -> None: ...


def start(trip: str) -> None:
    """Start a booking."""
    enqueue("flight", trip)


def paid(trip: str) -> None:
    """Delete the reminder of a paid trip."""
    with suppress(NotFound):  # not enqueued yet, or sent already
        tasks_v2.CloudTasksClient().delete_task(name=f"{QUEUE}/tasks/{trip}-reminder")


def enqueue(step: str, trip: str, after: timedelta = timedelta(0)) -> None:
    """Enqueue ``step``, at most once for each trip."""
    task: dict[str, object] = {
        "name": f"{QUEUE}/tasks/{trip}-{step}",
        "http_request": {
            "url": f"https://travels.test/steps/{step}",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps({"trip": trip}).encode(),
        },
    }
    if after:
        task["schedule_time"] = datetime.now(timezone.utc) + after
    with suppress(AlreadyExists):
        tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=task)


def create_worker(airline: Partner, hotel: Partner, send: Callable[[str], None]) -> Flask:
    worker = Flask("travels")

    @worker.post("/steps/<step>")
    def do(step: str) -> tuple[str, int]:
        trip = request.get_json()["trip"]
        is_last_attempt = int(request.headers["X-CloudTasks-TaskRetryCount"]) + 1 >= ATTEMPTS
        try:
            steps[step](trip)
        except ConnectionError:
            if not is_last_attempt:
                return "try again", 503
            give_up(step, trip)
        return "done", 200

    def flight(trip: str) -> None:
        airline.book(trip)
        enqueue("hotel", trip)

    def book_hotel(trip: str) -> None:
        hotel.book(trip)
        enqueue("confirmation", trip)

    def confirmation(trip: str) -> None:
        send(f"Trip {trip} is booked.")
        enqueue("reminder", trip, after=PATIENCE)

    def reminder(trip: str) -> None:
        send(f"Trip {trip} is not paid yet.")

    def cancellation(trip: str) -> None:
        airline.cancel(trip)
        send(f"Trip {trip} could not be booked.")

    def give_up(step: str, trip: str) -> None:
        if step == "hotel":
            enqueue("cancellation", trip)  # another task, because it may need several attempts, too

    steps = {
        "flight": flight,
        "hotel": book_hotel,
        "confirmation": confirmation,
        "reminder": reminder,
        "cancellation": cancellation,
    }
    return worker
