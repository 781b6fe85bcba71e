"""The versions of the API side by side: one client, and what it calls the things that all versions have."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

VERSIONS = ("v2", "v2beta3", "v2beta2")
_V2BETA2 = {
    "max_dispatches_per_second": "max_tasks_dispatched_per_second",
    "max_concurrent_dispatches": "max_concurrent_tasks",
    "relative_uri": "relative_url",
    "body": "payload",
}
"""What v2beta2 calls v2's fields; but the body of an HTTP request, which has its name in all versions."""


def library(version: str) -> ModuleType:
    """The installed library's package of a version."""
    return import_module(f"google.cloud.tasks_{version}")


class Versioned:
    """A client of one version over one transport, which is asked in v2's words."""

    def __init__(self, version: str, client: Any) -> None:
        self.version = version
        self.client = client

    def spelled(self, name: str) -> str:
        """A field of v2's in this version's words."""
        return _V2BETA2.get(name, name) if self.version == "v2beta2" else name

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of v2's, nested ones too, in this version's words."""
        return {
            self.spelled(name) if name != "body" else name: self.fields(value) if isinstance(value, Mapping) else value
            for name, value in values.items()
        }

    def app_engine(self, relative_uri: str, body: bytes = b"") -> dict[str, Any]:
        """A task for App Engine."""
        request = {self.spelled("relative_uri"): relative_uri, self.spelled("body"): body}
        return {"app_engine_http_request": request}

    def counts(self, task: Any) -> tuple[int, int]:
        """A task's attempts, and those that were answered."""
        if self.version == "v2beta2":
            return task.status.attempt_dispatch_count, task.status.attempt_response_count
        return task.dispatch_count, task.response_count

    def last_attempt(self, task: Any) -> Any:
        """A task's last attempt."""
        return task.status.last_attempt_status if self.version == "v2beta2" else task.last_attempt

    def rate(self, queue: Any, name: str) -> Any:
        """One of a queue's rate limits."""
        return getattr(queue.rate_limits, self.spelled(name))
