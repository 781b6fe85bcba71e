"""The application: it enqueues a task for each image."""

from __future__ import annotations

from contextlib import suppress

from firebase_admin import exceptions, functions


def uploaded(image: str) -> None:
    """Enqueue one thumbnail for each image."""
    once = functions.TaskOptions(task_id=f"resize-{image}")
    with suppress(exceptions.AlreadyExistsError):  # the image was uploaded before
        functions.task_queue("resize").enqueue({"data": {"image": image}}, once)
