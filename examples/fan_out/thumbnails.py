"""The worker: it makes a thumbnail for each task, and sends a mail when the album is complete."""

from __future__ import annotations

from typing import Protocol

from album import enqueue
from flask import Flask, request


class Images(Protocol):
    def shrink(self, album: str, photo: str) -> None: ...


def create_worker(images: Images, outbox: list[str]) -> Flask:
    worker = Flask("thumbnails")
    done: dict[str, set[str]] = {}  # use a database table in production

    @worker.post("/tasks/thumbnail")
    def thumbnail() -> tuple[str, int]:
        task = request.get_json()
        album, photo = task["album"], task["photo"]
        finished = done.setdefault(album, set())
        if photo not in finished:
            try:
                images.shrink(album, photo)
            except ConnectionError:
                return "the image server is down", 503
            finished.add(photo)
        if len(finished) == task["of"]:
            # The name makes it one mail, although several tasks may come here.
            enqueue(f"{album}-complete", "/tasks/complete", {"album": album})
        return "done", 200

    @worker.post("/tasks/complete")
    def complete() -> str:
        outbox.append(f"Your album {request.get_json()['album']} is online.")
        return "sent"

    return worker
