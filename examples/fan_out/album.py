"""Publish an album: create a task for each photo."""

from __future__ import annotations

import json
from contextlib import suppress

from google.api_core.exceptions import AlreadyExists
from google.cloud import tasks_v2

QUEUE = "projects/my-photos/locations/europe-west1/queues/thumbnails"


def enqueue(name: str, path: str, payload: dict[str, object]) -> None:
    """Create a task, unless its name was used before."""
    task = {
        "name": f"{QUEUE}/tasks/{name}",
        "http_request": {
            "url": f"https://photos.test{path}",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(payload).encode(),
        },
    }
    with suppress(AlreadyExists):  # the button was pressed twice, or a task was delivered twice
        tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=task)


def publish(album: str, photos: list[str]) -> None:
    for photo in photos:
        enqueue(f"{album}-{photo}", "/tasks/thumbnail", {"album": album, "photo": photo, "of": len(photos)})
