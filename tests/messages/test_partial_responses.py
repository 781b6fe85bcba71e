"""Parts of a response by ``fields``, and other forms of one, of the REST API without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.cloud import tasks_v2
from google.iam.v1 import policy_pb2
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, timestamp_pb2

from pytest_cloudtasks._messages.api_versions import TYPES
from pytest_cloudtasks._messages.methods import methods_of
from pytest_cloudtasks._messages.rest import answer
from pytest_cloudtasks._messages.rest_http import RestRequest, RestResponse
from pytest_cloudtasks._messages.rpc_call import IncomingCall

LOCATION = "/v2/projects/p/locations/l"
TASK = tasks_v2.Task(
    name="t",
    http_request=tasks_v2.HttpRequest(url="https://a.test", headers={"a": "1", "b": "2"}),
    dispatch_count=2,
    schedule_time=timestamp_pb2.Timestamp(seconds=1),
)
QUEUES = tasks_v2.ListQueuesResponse(
    queues=[
        {"name": "a", "state": "RUNNING", "retry_config": {"max_attempts": 3, "max_doublings": 2}},
        {"name": "b", "rate_limits": {"max_burst_size": 5}},
    ],
    next_page_token="n",
)
RESPONSES = {"list_queues": QUEUES, "get_task": TASK, "create_task": TASK}
AT = {"list_queues": f"{LOCATION}/queues", "get_task": f"{LOCATION}/queues/q/tasks/t"}


def asked(rpc: str, query: str, *headers: tuple[str, str], response: Any = None) -> RestResponse:
    """Return the response to an RPC with this query."""
    return answer(
        RestRequest("GET", f"{AT[rpc]}?{query}", headers, b""), lambda call: response or RESPONSES[call.method]
    )


ALL = [
    {"name": "a", "state": "RUNNING", "retryConfig": {"maxAttempts": 3, "maxDoublings": 2}},
    {"name": "b", "rateLimits": {"maxBurstSize": 5}},
]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("", {"queues": ALL, "nextPageToken": "n"}),
        ("*", {"queues": ALL, "nextPageToken": "n"}),
        ("queues", {"queues": ALL}),
        ("nextPageToken,queues/name", {"queues": [{"name": "a"}, {"name": "b"}], "nextPageToken": "n"}),
        ("next_page_token", {"nextPageToken": "n"}),
        (
            "queues(name,retryConfig/maxAttempts)",
            {"queues": [{"name": "a", "retryConfig": {"maxAttempts": 3}}, {"name": "b"}]},
        ),
        ("queues.retry_config.max_doublings", {"queues": [{"retryConfig": {"maxDoublings": 2}}, {}]}),
        (
            "queues/retryConfig(maxAttempts),queues/state",
            {"queues": [{"state": "RUNNING", "retryConfig": {"maxAttempts": 3}}, {}]},
        ),
        ("queues/retryConfig/*", {"queues": [{"retryConfig": {"maxAttempts": 3, "maxDoublings": 2}}, {}]}),
        ("queues,queues/name", {"queues": ALL}),
        ("*/name,queues/state", {"queues": [{"name": "a", "state": "RUNNING"}, {"name": "b"}], "nextPageToken": "n"}),
        ("queues/purgeTime", {"queues": [{}, {}]}),
    ],
)
@pytest.mark.parametrize("name", ["fields", "$fields"])
def test_a_part_of_a_response(selector: str, found: Any, name: str) -> None:
    """Slashes or dots lead into a field, parentheses select several of its fields, an asterisk all."""
    response = asked("list_queues", f"{name}={selector}")
    assert (response.status, json.loads(response.body)) == (200, found)


def test_by_a_header() -> None:
    """X-Goog-FieldMask is the same; a parameter comes first."""
    header = ("X-Goog-FieldMask", "queues.name")
    assert json.loads(asked("list_queues", "", header).body) == {"queues": [{"name": "a"}, {"name": "b"}]}
    assert json.loads(asked("list_queues", "fields=nextPageToken", header).body) == {"nextPageToken": "n"}


def test_keys_of_a_map() -> None:
    """They are selected as fields are."""
    found = json.loads(asked("get_task", "fields=httpRequest/headers/b,scheduleTime").body)
    assert found == {"scheduleTime": "1970-01-01T00:00:01Z", "httpRequest": {"headers": {"b": "2"}}}


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ("nothing", "nothing"),
        ("queues(name,size)", "queues.size"),
        ("queues/retryConfig/attempts,name", "queues.retryConfig.attempts"),
        ("nextPageToken/a", "nextPageToken.a"),
        ("queues/purgeTime/seconds", "queues.purgeTime.seconds"),
        ("queues(name", "queues(name"),
        ("queues)", "queues)"),
        ("queues,,nextPageToken", "queues,,nextPageToken"),
        ("queues/", "queues/"),
        (",", ","),
        pytest.param("*/" * 5000 + "*", "*/" * 5000 + "*", id="deep"),
    ],
)
def test_what_selects_nothing_is_rejected(selector: str, path: str) -> None:
    """In Google's form, and no call is made."""
    response = answer(RestRequest("GET", f"{AT['list_queues']}?fields={selector}", (), b""), never)
    assert (response.status, json.loads(response.body)["error"]) == (
        400,
        {
            "code": 400,
            "message": "Request contains an invalid argument.",
            "status": "INVALID_ARGUMENT",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [
                        {
                            "field": selector,
                            "description": "Error expanding 'fields' parameter."
                            f" Cannot find matching fields for path '{path}'.",
                        }
                    ],
                }
            ],
        },
    )


def never(call: IncomingCall) -> Any:
    """Fail the test."""
    pytest.fail(f"{call.method} was called.")


def test_of_an_operation() -> None:
    """What an Any holds may have any field."""
    packed = any_pb2.Any()
    packed.Pack(timestamp_pb2.Timestamp(seconds=1))
    operation = operations_pb2.Operation(name="o", done=True, response=packed)
    request = RestRequest("GET", f"{LOCATION}/operations/o?fields=done,response/value", (), b"")
    response = answer(request, lambda call: operation)
    assert json.loads(response.body) == {"done": True, "response": {"value": "1970-01-01T00:00:01Z"}}


def test_in_firebase_s_form() -> None:
    """The task that Firebase's SDKs read has its name, whatever is selected."""
    body = b'{"task": {"httpRequest": {"url": "https://a.test"}}}'
    request = RestRequest("POST", "/projects/p/locations/l/queues/q/tasks?fields=dispatchCount", (), body)
    found = json.loads(answer(request, lambda call: TASK).body)
    assert (found.keys(), found["dispatchCount"], found["task"]["name"]) == ({"dispatchCount", "task"}, 2, "/t")


@pytest.mark.parametrize("api", TYPES)
def test_every_method_has_its_response(api: str) -> None:
    """So a selector is checked before the call."""
    found = {rpc: method.response_class.DESCRIPTOR.name for rpc, method in methods_of(api).items()}
    expected = {
        **dict.fromkeys(("create_queue", "get_queue", "update_queue"), "Queue"),
        **dict.fromkeys(("purge_queue", "pause_queue", "resume_queue"), "Queue"),
        **dict.fromkeys(("create_task", "get_task", "run_task", "renew_lease", "cancel_lease"), "Task"),
        **dict.fromkeys(("delete_queue", "delete_task", "acknowledge_task", "upload_queue_yaml"), "Empty"),
        **dict.fromkeys(("list_queues", "list_tasks", "lease_tasks", "buffer_task", "list_locations"), "Response"),
        **dict.fromkeys(("batch_create_tasks", "batch_delete_tasks", "get_operation"), "Operation"),
        **dict.fromkeys(("get_iam_policy", "set_iam_policy"), policy_pb2.Policy.DESCRIPTOR.name),
        **dict.fromkeys(("get_cmek_config", "update_cmek_config"), "CmekConfig"),
        "test_iam_permissions": "Response",
        "get_location": "Location",
    }
    for rpc, name in found.items():
        if expected.get(rpc) == "Response":
            assert name == "".join(map(str.capitalize, rpc.split("_"))) + "Response"
        elif rpc in expected:
            assert name == expected[rpc]
    assert found.keys() - expected.keys() <= {
        "cancel_operation",
        "delete_operation",
        "list_operations",
        "wait_operation",
    }


@pytest.mark.parametrize(
    ("query", "told"),
    [
        *(
            (
                f"{name}={value}",
                f"The fake answers in JSON, and the request asks for alt={value}. Ask for alt=json, or leave alt out.",
            )
            for name, value in [("alt", "proto"), ("$alt", "media"), ("alt", "xml")]
        ),
        *(
            (
                f"{name}=f",
                "The fake answers in JSON, and the request asks for JSONP. Leave the parameter callback out.",
            )
            for name in ("callback", "$callback")
        ),
    ],
)
def test_other_forms_than_json_are_rejected(query: str, told: str) -> None:
    """What to do is said."""
    response = answer(RestRequest("GET", f"{AT['get_task']}?{query}", (), b""), never)
    error = json.loads(response.body)["error"]
    assert error == {"code": 400, "message": told, "status": "INVALID_ARGUMENT"}


@pytest.mark.parametrize("query", ["alt=", "alt=json", "$alt=JSON;enum-encoding=int", "$prettyPrint=false&alt=json"])
def test_json_may_be_asked_for(query: str) -> None:
    """By its name, with both names of each parameter."""
    response = asked("get_task", query)
    assert (response.status, b"\n" in response.body) == (200, "$prettyPrint" not in query)
