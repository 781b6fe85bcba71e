"""The enums of 1.x, also available as ``client.enums``. Evidence: documented (google-cloud-tasks 1.5.0)."""

from __future__ import annotations

import enum


class HttpMethod(enum.IntEnum):
    """The HTTP method of a task's request."""

    HTTP_METHOD_UNSPECIFIED = 0
    POST = 1
    GET = 2
    HEAD = 3
    PUT = 4
    DELETE = 5
    PATCH = 6
    OPTIONS = 7


class Queue:
    """Enums of queues."""

    class State(enum.IntEnum):
        """Whether a queue dispatches."""

        STATE_UNSPECIFIED = 0
        RUNNING = 1
        PAUSED = 2
        DISABLED = 3


class Task:
    """Enums of tasks."""

    class View(enum.IntEnum):
        """How much of a task a response shows."""

        VIEW_UNSPECIFIED = 0
        BASIC = 1
        FULL = 2
