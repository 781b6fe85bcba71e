from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_cloudtasks import current

MAILER = "https://mailer.test/send"


@pytest.fixture(autouse=True)
def _a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal the suite runs in: messages are as wide as there is room."""
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="session")
def enqueue() -> Callable[..., str]:
    """Creates a task in the active fake by Google's own client, and gives its full name."""

    from google.cloud import tasks_v2

    client = tasks_v2.CloudTasksClient()  # one for all tests: it reaches whichever fake is active

    def create(task_id: str = "", url: str = MAILER, *, queue: str = "receipts", **fields: Any) -> str:
        parent = current().queue_path(queue)
        outer = {name: fields.pop(name) for name in ("schedule_time", "dispatch_deadline") if name in fields}
        task: dict[str, Any] = {"http_request": {"url": url, **fields}, **outer}
        if url.startswith("/"):
            task = {"app_engine_http_request": {"relative_uri": url, **fields}, **outer}
        if task_id:
            task["name"] = f"{parent}/tasks/{task_id}"
        return client.create_task(parent=parent, task=task).name

    return create
