"""JSON and query parameters into messages, and what endpoints make of them, without a server around them."""

from __future__ import annotations

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from google.cloud import tasks_v2
from google.iam.v1 import iam_policy_pb2

from pytest_cloudtasks._messages.backported_types import buffer_messages
from pytest_cloudtasks._messages.methods import methods_of
from pytest_cloudtasks._messages.proto import proto_class
from pytest_cloudtasks._messages.rest_http import RestError
from pytest_cloudtasks._messages.rest_json import bind, checked, fill
from pytest_cloudtasks._server.rest_runner import _Connection
from tests.server.rest import invalid

UNKNOWN = 'Invalid JSON payload received. Unknown name "{}" at {!r}: Cannot find field.'


def refused_body(message: Any, value: Any) -> Any:
    with pytest.raises(RestError) as caught:
        checked(fill(message, value))
    return json.loads(caught.value.response().body)


def test_each_value_of_a_repeated_field_is_looked_at() -> None:
    """Its path has the index; a single value counts as a list of one, and its path has none."""
    message = iam_policy_pb2.SetIamPolicyRequest()
    bindings = [{"role": "roles/owner"}, {"rolle": "roles/owner"}]
    assert refused_body(message, {"policy": {"bindings": bindings}}) == invalid(
        ("policy.bindings[1]", UNKNOWN.format("rolle", "policy.bindings[1]"))
    )
    assert refused_body(message, {"policy": {"bindings": {"rolle": ""}}}) == invalid(
        ("policy.bindings", UNKNOWN.format("rolle", "policy.bindings"))
    )


def test_null_leaves_a_field_unset() -> None:
    """It leaves its field unset, and a body of null is valid."""
    message = proto_class(tasks_v2.CreateTaskRequest)()
    assert fill(message, {"parent": None, "task": {"name": "t", "httpRequest": None}}) == []
    assert message == proto_class(tasks_v2.CreateTaskRequest)(task={"name": "t"})
    assert refused_body(message, {"parent": None, "task": {"name": None, "foo": 1}}) == invalid(
        ("task", UNKNOWN.format("foo", "task"))
    )


def test_a_query_parameter_may_name_a_nested_field() -> None:
    """By dots, in proto's names or in JSON's."""
    message = iam_policy_pb2.GetIamPolicyRequest()
    assert bind(message, [("options.requestedPolicyVersion", "3")]) == []
    assert message.options.requested_policy_version == 3


@pytest.mark.parametrize("name", ["resource.more", "speed.more", "options.speed"])
def test_a_query_parameter_has_to_lead_to_a_field(name: str) -> None:
    """A field that has no fields leads nowhere, and nothing is set."""
    message = iam_policy_pb2.GetIamPolicyRequest()
    with pytest.raises(RestError) as caught:
        checked(bind(message, [(name, "3")]))
    assert json.loads(caught.value.response().body) == invalid(
        (
            "",
            f"Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could"
            " not be found in request message.",
        )
    )
    assert message == iam_policy_pb2.GetIamPolicyRequest()


def test_a_library_that_has_buffer_task_keeps_its_messages() -> None:
    """They are created only if they are missing."""
    types: Any = ModuleType("types")
    types.BufferTaskRequest, types.BufferTaskResponse = tasks_v2.CreateTaskRequest, tasks_v2.Task
    found = buffer_messages(types)
    assert (found.request, found.response) == (proto_class(tasks_v2.CreateTaskRequest), proto_class(tasks_v2.Task))


def test_an_rpc_that_a_library_has_no_message_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older release lacks some; the others are there all the same."""
    types = SimpleNamespace(GetQueueRequest=tasks_v2.GetQueueRequest)
    frontend = SimpleNamespace(rpcs={"get_queue", "lease_tasks"}, messages=SimpleNamespace(types=types))
    monkeypatch.setattr("pytest_cloudtasks._messages.methods.speaking", lambda api: frontend)
    found = methods_of.__wrapped__("google.cloud.tasks.v2beta2")
    assert found["get_queue"].path == "/google.cloud.tasks.v2beta2.CloudTasks/GetQueue"
    assert "lease_tasks" not in found


def test_nothing_is_put_behind_a_part_of_an_answer() -> None:
    """Where one has been sent already, the connection ends instead."""
    request: Any = SimpleNamespace(writer=SimpleNamespace(output_size=1))
    with pytest.raises(ConnectionError) as refused:
        _Connection.handle_error(SimpleNamespace(), request)  # type: ignore[arg-type]
    assert str(refused.value) == "A part of another answer has already been sent."


def test_a_failure_of_the_server_itself_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken body of a request is reported only to its sender."""
    told: list[BaseException] = []
    monkeypatch.setattr(web.RequestHandler, "log_exception", lambda self, *args, exc_info: told.append(exc_info))
    ours, connection = RuntimeError("ours"), object.__new__(_Connection)
    connection.log_exception("Unhandled exception", exc_info=web.RequestPayloadError("theirs"))
    connection.log_exception("Unhandled exception", exc_info=ours)
    assert told == [ours]
