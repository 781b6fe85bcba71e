"""Errors that a test asks for: by an exception, its class, a code or its name."""

from __future__ import annotations

import random
from typing import Any

import grpc
from google.api_core import exceptions

from pytest_cloudtasks._messages.errors import DEADLINE, TEXTS, RpcFault, codes
from pytest_cloudtasks._messages.grpc_errors import planned_error, rpc_fault
from tests.each import each

UNAVAILABLE = RpcFault("UNAVAILABLE", "The service is currently unavailable.")


@each(
    ("error", "fault"),
    [
        (exceptions.ServiceUnavailable, UNAVAILABLE),
        (grpc.StatusCode.UNAVAILABLE, UNAVAILABLE),
        ("UNAVAILABLE", UNAVAILABLE),
        (exceptions.ServiceUnavailable("Come back later."), RpcFault("UNAVAILABLE", "Come back later.")),
        (exceptions.NotFound("No such queue."), RpcFault("NOT_FOUND", "No such queue.")),
        (exceptions.MethodNotImplemented, RpcFault("UNIMPLEMENTED", TEXTS["UNIMPLEMENTED"])),
        (exceptions.DeadlineExceeded, DEADLINE),
    ],
)
def test_values_that_mean_an_error(error: Any, fault: RpcFault) -> None:
    """An exception brings its own text; its class and a code have the one that Google's APIs have for it."""
    assert rpc_fault(error) == fault


@each(
    "error",
    [
        exceptions.BadGateway,
        exceptions.BadGateway("no code"),
        exceptions.GoogleAPICallError,
        exceptions.RetryError,
        grpc.StatusCode.OK,
        "OK",
        "unavailable",
        503,
        ValueError,
        None,
    ],
)
def test_what_does_not(error: Any) -> None:
    """An exception without a gRPC code, a success, and anything else are no errors of a call."""
    assert rpc_fault(error) is None


def test_every_code_has_a_text() -> None:
    """All of grpc's codes can be asked for, but OK."""
    assert TEXTS.keys() == {code.name for code in grpc.StatusCode} - {"OK"}
    assert set(codes()) == TEXTS.keys()


def test_what_the_channel_raises() -> None:
    """It has the code and the text, no details, and draws the client's jitter from the test's own randomness."""
    jitter = random.Random(0)
    error = planned_error(UNAVAILABLE, jitter)
    assert (error.code(), error.details(), error.trailing_metadata()) == (
        grpc.StatusCode.UNAVAILABLE,
        "The service is currently unavailable.",
        (),
    )
    assert error.jitter is jitter
