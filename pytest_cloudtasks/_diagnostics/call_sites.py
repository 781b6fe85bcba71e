"""Frames of a stack: those of the application and its tests, and those between it and the fake."""

from __future__ import annotations

import os
import sys
from types import FrameType

OURS = "pytest_cloudtasks."
"""The prefix of our own modules' names, with a dot appended."""
CLIENTS = "google.cloud.tasks"
"""Prefixes of the names of modules of Google's clients."""
_NOT_THE_APPLICATION = (
    OURS,
    CLIENTS,
    "google.api_core.",
    "google.auth.",
    "google_auth_httplib2.",
    "googleapiclient.",
    "firebase_admin.",
    "gcloud.",
    "grpc.",
    "proto.",
    "http.",
    "urllib.",
    "urllib3.",
    "requests.",
    "httplib2.",
    "httpx.",
    "httpcore.",
    "aiohttp.",
    "anyio.",
    "asyncio.",
    "concurrent.",
    "threading.",
    "functools.",
    "contextlib.",
    "base64.",
    "unittest.",
)
"""Prefixes of the names of modules whose frames come between a call and the code that made it."""


def module_of(frame: FrameType) -> str:
    """Return the name of the frame's module, with a dot appended."""
    return f"{frame.f_globals.get('__name__')}."


def is_application(frame: FrameType) -> bool:
    """Return whether ``frame`` is code of the application or of its tests."""
    return not module_of(frame).startswith(_NOT_THE_APPLICATION)


def application_frame() -> FrameType:
    """Return the frame of the code that calls the client, or the outermost frame."""
    frame = sys._getframe(1)
    while not is_application(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def place_text(frame: FrameType) -> str:
    """Return file, line and function of ``frame``: ``shop/orders.py:12, in place_order``."""
    path = frame.f_code.co_filename
    here = os.path.join(os.getcwd(), "")
    return f"{path[len(here) :] if path.startswith(here) else path}:{frame.f_lineno}, in {frame.f_code.co_name}"
