"""A wrong worker: it counts its calls."""

from __future__ import annotations

from album import enqueue
from flask import Flask, request
from thumbnails import Images


def create_careless_worker(images: Images, outbox: list[str]) -> Flask:
    worker = Flask("thumbnails")
    calls: dict[str, int] = {}

    @worker.post("/tasks/thumbnail")
    def thumbnail() -> str:
        task = request.get_json()
        album = task["album"]
        images.shrink(album, task["photo"])
        calls[album] = calls.get(album, 0) + 1  # a duplicate counts twice
        if calls[album] == task["of"]:
            enqueue(f"{album}-complete", "/tasks/complete", {"album": album})
        return "done"

    @worker.post("/tasks/complete")
    def complete() -> str:
        outbox.append(f"Your album {request.get_json()['album']} is online.")
        return "sent"

    return worker
