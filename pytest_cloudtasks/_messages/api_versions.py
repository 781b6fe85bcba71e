"""The frontends of the API versions, created on first use.

Only this module imports Google's client and the modules that need its messages, so a test without a call imports none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._service.queue import Queue
    from .._service.service import Service
    from .rpc_handlers import Frontend

V2 = "google.cloud.tasks.v2"
TYPES = {
    V2: "google.cloud.tasks_v2.types",
    "google.cloud.tasks.v2beta3": "google.cloud.tasks_v2beta3.types",
    "google.cloud.tasks.v2beta2": "google.cloud.tasks_v2beta2.types",
}
"""The API versions' packages, and the installed library's modules of their messages."""


@cache
def speaking(api: str) -> Frontend:
    """Return the frontend of an API for the installed library's messages. This imports Google's client.

    The APIs of operations and locations are shared by all versions; v2's frontend serves them.
    """
    if api not in TYPES:
        return v2()
    from . import backported_types, rpc_handlers  # loads protobuf, which only a call needs

    return rpc_handlers.Frontend(backported_types.CompletedTypes(import_module(TYPES[api])))


def v2() -> Frontend:
    """Return the frontend of v2."""
    return speaking(V2)


def v2beta2() -> Frontend:
    """Return the frontend of v2beta2, the only version with pull queues."""
    return speaking("google.cloud.tasks.v2beta2")


def with_queue_fields(fields: Iterable[str]) -> Frontend:
    """Return the frontend of the first version whose Queue has all of ``fields``, or v2's if none has."""
    wanted = set(fields)
    return next((frontend for api in TYPES if wanted <= (frontend := speaking(api)).messages.queue_fields), v2())


def configure_queue(service: Service, now: int, name: str, fields: Mapping[str, Any]) -> Queue:
    """Create a queue in ``service`` from the fields of its message, in the first version that has them all."""
    return with_queue_fields(fields).configure(service, now, name, fields)
