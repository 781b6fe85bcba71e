"""Asking a frontend, as a call would."""

from __future__ import annotations

from typing import Any

from pytest_cloudtasks._messages.rpc_call import IncomingCall
from pytest_cloudtasks._messages.rpc_handlers import Frontend
from pytest_cloudtasks._service.service import Service


def ask(frontend: Frontend, service: Service, now: int, rpc: str, request: Any) -> Any:
    """The response to ``request``; raises the model's ServiceError."""
    return frontend.answer(service, now, IncomingCall(rpc, "google.cloud.tasks.v2", request, None, ()))
