"""Places: where in the application a call comes from."""

from __future__ import annotations

import os
import sys
from types import FrameType

_NOT_THE_APPLICATION = (
    "pytest_cloudtasks.",
    "google.cloud.tasks",
    "google.api_core.",
    "google.auth.",
    "grpc.",
    "proto.",
    "requests.",
    "asyncio.",
    "concurrent.",
    "threading.",
    "functools.",
    "contextlib.",
)
"""What the names of modules begin with whose frames stand between a call and the code that it comes from."""


def application_frame() -> tuple[FrameType, int]:
    """The frame of the code that calls the client, or the outermost there is, and how far above the caller it is."""
    frame, depth = sys._getframe(1), 0
    while f"{frame.f_globals.get('__name__')}.".startswith(_NOT_THE_APPLICATION) and frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return frame, depth


def place_text(frame: FrameType) -> str:
    """File, line and function of ``frame``: ``shop/orders.py:12, in place_order``."""
    path = frame.f_code.co_filename
    here = os.path.join(os.getcwd(), "")
    return f"{path[len(here) :] if path.startswith(here) else path}:{frame.f_lineno}, in {frame.f_code.co_name}"
