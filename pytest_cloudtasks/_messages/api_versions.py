"""The API versions: their frontends, made when they are first needed.

This is where Google's client and all that handles its messages is imported: a test that makes no call does without.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .rpc_handlers import Frontend

V2 = "google.cloud.tasks.v2"
TYPES = {
    V2: "google.cloud.tasks_v2.types",
    "google.cloud.tasks.v2beta3": "google.cloud.tasks_v2beta3.types",
    "google.cloud.tasks.v2beta2": "google.cloud.tasks_v2beta2.types",
}
"""The versions' APIs, and the installed library's modules of their messages."""


@cache
def speaking(api: str) -> Frontend:
    """The frontend of an API by the installed library's messages; this imports Google's client.

    Operations and locations are APIs of their own, and one for all versions: v2's has them.
    """
    if api not in TYPES:
        return v2()
    from . import backported_types, rpc_handlers  # loads protobuf: only when a version is asked for

    return rpc_handlers.Frontend(backported_types.CompletedTypes(import_module(TYPES[api])))


def v2() -> Frontend:
    """The v2 API's."""
    return speaking(V2)


def v2beta2() -> Frontend:
    """The v2beta2 API's, which alone has pull queues."""
    return speaking("google.cloud.tasks.v2beta2")


def with_queue_fields(fields: Iterable[str]) -> Frontend:
    """That of the first version whose Queue has all of ``fields``; v2's if there is none."""
    wanted = set(fields)
    return next((found for api in TYPES if wanted <= (found := speaking(api)).messages.queue_fields), v2())
