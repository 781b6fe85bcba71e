from __future__ import annotations

import random

import grpc
import pytest
from google.api_core import exceptions
from google.rpc import error_details_pb2, status_pb2

from pytest_cloudtasks._messages.grpc_errors import InProcessCall, InProcessRpcError, rpc_error
from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import Code, Detail, ErrorInfo, Help, LocalizedMessage, Rejection, ServiceError
from tests.each import each

REFUSALS = {name: value for name, value in vars(errors).items() if isinstance(value, Rejection)}
CLASSES = {
    Code.INVALID_ARGUMENT: exceptions.InvalidArgument,
    Code.NOT_FOUND: exceptions.NotFound,
    Code.ALREADY_EXISTS: exceptions.AlreadyExists,
    Code.PERMISSION_DENIED: exceptions.PermissionDenied,
    Code.RESOURCE_EXHAUSTED: exceptions.ResourceExhausted,
    Code.FAILED_PRECONDITION: exceptions.FailedPrecondition,
    Code.ABORTED: exceptions.Aborted,
    Code.UNIMPLEMENTED: exceptions.MethodNotImplemented,
}


def error_for(code: Code, *details: Detail) -> InProcessRpcError:
    return rpc_error(ServiceError(code, "No such luck.", details), random.Random(0))


@each("code", Code, ids=lambda code: code.name)
def test_every_code_becomes_googles_exception(code: Code) -> None:
    """Each code of the model is the gRPC status of its name, and google.api_core makes its own class of it."""
    error = error_for(code)
    assert error.code() is grpc.StatusCode[code.name]
    assert error.details() == "No such luck."
    raised = exceptions.from_grpc_error(error)
    assert type(raised) is CLASSES[code]
    assert raised.message == "No such luck."
    assert raised.errors == [error]


@each("name", REFUSALS)
def test_every_rejection_reaches_the_client_to_the_letter(name: str) -> None:
    """Text and details of each row of the table come out of Google's exception as they went in."""
    refusal = REFUSALS[name]
    raised = exceptions.from_grpc_error(
        rpc_error(ServiceError(refusal.code, refusal.text, refusal.details), random.Random(0))
    )
    assert raised.message == refusal.text
    assert raised.grpc_status_code is grpc.StatusCode[refusal.code.name]
    assert [detail.DESCRIPTOR.name for detail in raised.details] == [type(one).__name__ for one in refusal.details]
    links = [(link.description, link.url) for detail in raised.details for link in getattr(detail, "links", ())]
    assert links == [(one.description, one.url) for one in refusal.details if isinstance(one, Help)]


def test_links_travel_in_googles_binary_form() -> None:
    """Help links are a google.rpc.Status in the trailing metadata, with the code and the text once more."""
    error = error_for(Code.INVALID_ARGUMENT, Help("Definition", "https://example.com/a"), Help("More", "b"))
    ((key, value),) = error.trailing_metadata()
    status = status_pb2.Status.FromString(value)
    help = error_details_pb2.Help()
    links = []
    assert key == "grpc-status-details-bin"
    assert (status.code, status.message) == (3, "No such luck.")
    for detail in status.details:
        assert detail.Unpack(help)
        links += [(link.description, link.url) for link in help.links]
    assert links == [("Definition", "https://example.com/a"), ("More", "b")]


def test_error_info_is_what_programs_ask_an_exception_for() -> None:
    """Google's exception has reason, domain and metadata of the ErrorInfo, and all details as messages."""
    info = ErrorInfo("CONSUMER_INVALID", "googleapis.com", (("consumer", "projects/p"), ("service", "s")))
    error = error_for(Code.PERMISSION_DENIED, info, LocalizedMessage("en-US", "No."), Help("Console", "c"))
    raised = exceptions.from_grpc_error(error)
    assert (raised.reason, raised.domain) == ("CONSUMER_INVALID", "googleapis.com")
    assert raised.metadata == {"consumer": "projects/p", "service": "s"}
    assert raised.details == [
        error_details_pb2.ErrorInfo(
            reason="CONSUMER_INVALID", domain="googleapis.com", metadata={"consumer": "projects/p", "service": "s"}
        ),
        error_details_pb2.LocalizedMessage(locale="en-US", message="No."),
        error_details_pb2.Help(links=[{"description": "Console", "url": "c"}]),
    ]


def test_an_error_without_links_has_no_metadata() -> None:
    """There is nothing in the trailing metadata of an error that has no details."""
    assert error_for(Code.NOT_FOUND).trailing_metadata() == ()


def test_an_error_is_a_call_as_well() -> None:
    """The library's interceptors take the error for a call that has ended, and for the outcome of one."""
    error = error_for(Code.NOT_FOUND)
    assert isinstance(error, grpc.RpcError)
    assert isinstance(error, grpc.Call)
    assert error.exception() is error
    with pytest.raises(InProcessRpcError) as raised:
        error.result()
    assert raised.value is error
    assert str(error) == "NOT_FOUND: No such luck."


def test_an_error_carries_the_source_of_jitter() -> None:
    """The error carries the random numbers that the client's waits are to be drawn from."""
    jitter = random.Random(7)
    assert rpc_error(ServiceError(Code.NOT_FOUND, ""), jitter).jitter is jitter


def test_a_successful_call_has_ended() -> None:
    """The call that comes with a success is over: OK, nothing to wait for, nothing to cancel."""
    called: list[str] = []
    call = InProcessCall()
    assert call.code() is grpc.StatusCode.OK
    assert call.details() == ""
    assert call.is_active() is False
    assert call.time_remaining() is None
    assert call.cancel() is False
    assert call.add_callback(lambda: called.append("late")) is False
    assert called == []
    assert call.initial_metadata() == ()
    assert call.trailing_metadata() == ()
