"""The REST API without a server: bytes of a request in, bytes of a response out."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import zlib
from typing import Any

import grpc
import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks._messages.grpc_errors import InProcessRpcError
from pytest_cloudtasks._messages.proto import proto_of
from pytest_cloudtasks._messages.rest import answer, answer_async, result_of
from pytest_cloudtasks._messages.rest_http import RestRequest, RestResponse
from pytest_cloudtasks._messages.rpc_call import IncomingCall
from tests.each import each

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
JSON = ("Content-Type", "application/json; charset=UTF-8")
FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
V2 = "type.googleapis.com/google.cloud.tasks.v2"


class Service:
    """Keeps the calls that it gets, and answers each with the same response."""

    def __init__(self, response: Any = None) -> None:
        self.response = tasks_v2.Queue(name=QUEUE) if response is None else response
        self.calls: list[IncomingCall] = []

    def __call__(self, call: IncomingCall) -> Any:
        self.calls.append(call)
        if isinstance(self.response, BaseException):
            raise self.response
        return self.response

    def asked(self, method: str, target: str, body: bytes | str = b"", *headers: tuple[str, str]) -> RestResponse:
        data = body.encode() if isinstance(body, str) else body
        return answer(RestRequest(method, target, headers, data), self)

    @property
    def request(self) -> Any:
        """The message of the only call."""
        (call,) = self.calls
        return proto_of(call.request)


def told(response: RestResponse) -> str:
    """The message of an error, which has to be a 400."""
    assert response.status == 400
    return str(json.loads(response.body)["error"]["message"])


def test_a_call_and_its_response() -> None:
    """The request becomes one call, with the headers as metadata; the response has JSON's form."""
    service = Service()
    response = service.asked("GET", f"/v2/{QUEUE}", b"", ("X-Goog-User-Project", "billed"))
    (call,) = service.calls
    assert (call.api, call.method, call.timeout, call.metadata) == (
        "google.cloud.tasks.v2",
        "get_queue",
        None,
        (("x-goog-user-project", "billed"),),
    )
    assert call.request == tasks_v2.GetQueueRequest(name=QUEUE)
    assert response == RestResponse(200, (JSON,), f'{{\n  "name": "{QUEUE}"\n}}\n'.encode())


@pytest.mark.parametrize("parameter", ["prettyPrint=false", "pp=false", "prettyPrint=0"])
def test_json_in_one_line(parameter: str) -> None:
    """It is asked for by a parameter, of errors as well."""
    assert Service().asked("GET", f"/v2/{QUEUE}?{parameter}").body == f'{{"name":"{QUEUE}"}}'.encode()
    refused = Service().asked("GET", f"/v2/{QUEUE}?{parameter}&a=1").body
    assert refused.startswith(b'{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name')
    assert b"\n" not in refused


@pytest.mark.parametrize(
    "target",
    [f"http://a.test/v2/{QUEUE}?pageSize=5", f"https://a.test:1/v2/{QUEUE}?pageSize=5#a", f"/v2/{QUEUE}?pageSize=5"],
)
def test_a_target_may_be_a_url(target: str) -> None:
    """As proxies send it."""
    service = Service(tasks_v2.ListTasksResponse())
    assert service.asked("GET", target.replace("?", "/tasks?")).status == 200
    assert (service.request.parent, service.request.page_size) == (QUEUE, 5)


def test_the_page_for_what_leads_nowhere_quotes_the_path() -> None:
    """As text, whatever is in it."""
    response = Service().asked("GET", "/v2/<b>&?a=1")
    assert (response.status, response.headers) == (404, (("Content-Type", "text/html; charset=UTF-8"),))
    assert "The requested URL <code>/v2/&lt;b&gt;&amp;</code> was not found on this server." in response.body.decode()


# --- method overrides --------------------------------------------------------------------------------------------


def test_java_sends_a_patch_as_a_post() -> None:
    """Its client for HTTP and JSON names the method in a header."""
    service = Service()
    body = json.dumps({"name": QUEUE, "rateLimits": {"maxConcurrentDispatches": 7}, "retry_config": {"maxAttempts": 3}})
    target = f"/v2/{QUEUE}?updateMask=rateLimits.maxConcurrentDispatches,retryConfig&$alt=json;enum-encoding%3Dint"
    response = service.asked("POST", target, body, JSON, ("X-HTTP-Method-Override", "PATCH"))
    assert (response.status, service.calls[0].method) == (200, "update_queue")
    assert service.request.queue.rate_limits.max_concurrent_dispatches == 7
    assert service.request.queue.retry_config.max_attempts == 3
    assert list(service.request.update_mask.paths) == ["rate_limits.max_concurrent_dispatches", "retry_config"]


def test_java_sends_a_long_get_as_a_form() -> None:
    """Its discovery client does; the form's fields are the query."""
    service = Service(tasks_v2.ListQueuesResponse())
    form = "filter=name%3Aa+OR+name%3Ab&pageSize=3&prettyPrint=false&$alt=json;enum-encoding=int"
    response = service.asked("POST", f"/v2/{LOCATION}/queues", form, FORM, ("x-http-method-override", "get"))
    assert (response.status, response.body, service.calls[0].method) == (200, b"{}", "list_queues")
    assert (service.request.parent, service.request.filter, service.request.page_size) == (
        LOCATION,
        "name:a OR name:b",
        3,
    )


@pytest.mark.parametrize(
    ("method", "override", "rpc"),
    [("POST", "DELETE", "delete_queue"), ("GET", "DELETE", "get_queue"), ("GET", "", "get_queue")],
)
def test_only_a_post_is_overridden(method: str, override: str, rpc: str) -> None:
    """Other methods are not overridden."""
    service = Service()
    assert service.asked(method, f"/v2/{QUEUE}", b"", ("X-HTTP-Method-Override", override)).status == 200
    assert service.calls[0].method == rpc


def test_an_override_may_lead_nowhere() -> None:
    """Then the request does."""
    assert (
        Service().asked("POST", f"/v2/{LOCATION}/queues", b"{}", JSON, ("X-HTTP-Method-Override", "PUT")).status == 404
    )


# --- routes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["tasks:buffer", "tasks/:buffer"])
def test_a_task_without_an_id_is_buffered(path: str) -> None:
    """The empty ID between the slash and the colon is what gcloud and discovery clients send."""
    service = Service(tasks_v2.Task())
    assert service.asked("POST", f"/v2/{QUEUE}/{path}", "data").status == 200
    assert (service.calls[0].method, service.request.queue, service.request.task_id) == ("buffer_task", QUEUE, "")
    assert service.request.body.data == b"data"


def test_a_colon_in_a_name_is_a_custom_verb_if_there_is_such_a_verb() -> None:
    """Otherwise it is a part of the name."""
    assert Service().asked("GET", f"/v2/{QUEUE}:pause").status == 404
    service = Service()
    assert service.asked("GET", f"/v2/{QUEUE}:explode").status == 200
    assert service.request.name == f"{QUEUE}:explode"


# --- bodies ------------------------------------------------------------------------------------------------------

TASK = b'{"task": {"httpRequest": {"url": "https://a.test/"}}}'


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(TASK)),
        ("deflate", zlib.compress(TASK)),
        ("identity", TASK),
        ("GZIP", gzip.compress(TASK)),
    ],
    ids=["gzip", "deflate", "identity", "GZIP"],
)
def test_packed_bodies(encoding: str, body: bytes) -> None:
    """They are unpacked."""
    service = Service(tasks_v2.Task())
    assert service.asked("POST", f"/v2/{QUEUE}/tasks", body, JSON, ("Content-Encoding", encoding)).status == 200
    assert service.request.task.http_request.url == "https://a.test/"


def test_an_unknown_content_encoding() -> None:
    """The error says which ones exist."""
    response = Service().asked("POST", f"/v2/{QUEUE}/tasks", TASK, JSON, ("Content-Encoding", "br"))
    assert told(response) == "The request's Content-Encoding is 'br'. Send gzip, deflate, or none."


@pytest.mark.parametrize(
    ("text", "data"), [("+/+/", b"\xfb\xff\xbf"), ("-_-_", b"\xfb\xff\xbf"), ("aGk=", b"hi"), ("aGk", b"hi")]
)
@pytest.mark.filterwarnings("error")
def test_base64_of_either_alphabet(text: str, data: bytes) -> None:
    """Standard and URL-safe, padded or not, as the service takes it; no release of Python warns of it."""
    service = Service(tasks_v2.Task())
    body = json.dumps({"task": {"httpRequest": {"url": "https://a.test/", "body": text}}})
    assert service.asked("POST", f"/v2/{QUEUE}/tasks", body, JSON).status == 200
    assert service.request.task.http_request.body == data


@pytest.mark.parametrize("text", ["a", "hello!", "aGk===", "a=Gk", " aGk="])
def test_invalid_base64(text: str) -> None:
    """Google ignores other characters."""
    body = json.dumps({"task": {"httpRequest": {"body": text}}})
    response = Service().asked("POST", f"/v2/{QUEUE}/tasks", body, JSON)
    assert (
        told(response)
        == f"Invalid value at 'task.http_request.body' (TYPE_BYTES), Base64 decoding failed for \"{text}\""
    )


VALUES: list[tuple[Any, Any]] = [
    ({"dispatchDeadline": "600s"}, {"dispatch_deadline": {"seconds": 600}}),
    ({"dispatchDeadline": "0.100s"}, {"dispatch_deadline": {"nanos": 100_000_000}}),
    ({"dispatchDeadline": "-1.0000000019s"}, {"dispatch_deadline": {"seconds": -1, "nanos": -1}}),
    ({"dispatchDeadline": "3.s"}, {"dispatch_deadline": {"seconds": 3}}),
    ({"scheduleTime": "1970-01-01T01:00:00.5+01:00"}, {"schedule_time": {"nanos": 500_000_000}}),
    ({"dispatchCount": "7"}, {"dispatch_count": 7}),
    ({"dispatchCount": 7.0}, {"dispatch_count": 7}),
    ({"view": "basic"}, {"view": 1}),
    ({"view": "2"}, {"view": 2}),
    ({"view": 99}, {"view": 99}),
    (
        {"httpRequest": {"httpMethod": "put", "headers": {"A": "b"}}},
        {"http_request": {"http_method": 4, "headers": {"A": "b"}}},
    ),
    ({"http_request": {}, "name": None}, {"http_request": {}}),
]


@each(("value", "fields"), VALUES)
def test_values_that_fit(value: Any, fields: Any) -> None:
    """Each form that a value may have."""
    service = Service(tasks_v2.Task())
    assert service.asked("POST", f"/v2/{QUEUE}/tasks", json.dumps({"task": value}), JSON).status == 200
    assert service.request.task == proto_of(tasks_v2.Task).pb()(**fields)


DURATION = "'task.dispatch_deadline' (type.googleapis.com/google.protobuf.Duration), Field 'dispatchDeadline', "
TIMESTAMP = "'task.schedule_time' (type.googleapis.com/google.protobuf.Timestamp), Field 'scheduleTime', "
NO_SECONDS = "Invalid duration format, failed to parse seconds"
NO_NANOS = "Invalid duration format, failed to parse nanos seconds"
NO_TIME = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."
MISTAKES: list[tuple[Any, str]] = [
    (
        {"dispatchDeadline": "60"},
        f"{DURATION}Illegal duration format; duration must end with 's'",
    ),
    (
        {"dispatchDeadline": ".5s"},
        f"{DURATION}{NO_SECONDS}",
    ),
    (
        {"dispatchDeadline": "1.5.5s"},
        f"{DURATION}{NO_SECONDS}",
    ),
    (
        {"dispatchDeadline": "1.xs"},
        f"{DURATION}{NO_NANOS}",
    ),
    ({"dispatchDeadline": "315576000001s"}, f"{DURATION}Duration value exceeds limits"),
    ({"dispatchDeadline": {}}, f"{DURATION}Invalid data type for duration, value is "),
    ({"scheduleTime": "2030-01-01T00:00:00"}, f"{TIMESTAMP}{NO_TIME}"),
    ({"scheduleTime": "2030-01-01t00:00:00z"}, f"{TIMESTAMP}{NO_TIME}"),
    ({"scheduleTime": "2030-13-01T00:00:00Z"}, f"{TIMESTAMP}{NO_TIME}"),
    (
        {"scheduleTime": "2030-01-01T00:00:00.1234567890Z"},
        f"{TIMESTAMP}Timestamp value exceeds limits",
    ),
    ({"scheduleTime": 1.5}, f"{TIMESTAMP}Invalid data type for timestamp, value is 1.5"),
    ({"dispatchCount": 2147483648}, "'task.dispatch_count' (TYPE_INT32), 2147483648"),
    ({"dispatchCount": 1.5}, "'task.dispatch_count' (TYPE_INT32), 1.5"),
    ({"dispatchCount": "1.0"}, "'task.dispatch_count' (TYPE_INT32), \"1.0\""),
    ({"dispatchCount": True}, "'task.dispatch_count' (TYPE_INT32), true"),
    ({"dispatchCount": 1e99}, "'task.dispatch_count' (TYPE_INT32), 1e+99"),
    ({"view": "99"}, f"'task.view' ({V2}.Task.View), \"99\""),
    ({"view": 1.5}, f"'task.view' ({V2}.Task.View), 1.5"),
    ({"name": 5}, "'task.name' (TYPE_STRING), 5"),
    ({"httpRequest": {"headers": {"A": None}}}, "'task.http_request.headers[0].value' (TYPE_STRING), null"),
]


@each(("value", "expected"), MISTAKES)
def test_values_that_do_not_fit(value: Any, expected: str) -> None:
    """Each is repeated, or described, in Google's words, and nothing is called."""
    service = Service(tasks_v2.Task())
    response = service.asked("POST", f"/v2/{QUEUE}/tasks", json.dumps({"task": value}), JSON)
    assert told(response) == f"Invalid value at {expected}"
    assert service.calls == []


def test_mistakes_in_lists_and_next_to_them() -> None:
    """Each one is listed, whatever else is there."""
    body = {
        "requests": [{"parnt": 1}, 5, {"task": {"httpRequest": {"url": 7}}}, [1]],
        "reqests": [],
        "requestId": {},
    }
    response = Service().asked("POST", f"/v2/{QUEUE}/tasks:batchCreate?pageSize=1", json.dumps(body), JSON)
    request = f"({V2}.CreateTaskRequest)"
    assert told(response).splitlines() == [
        "Invalid JSON payload received. Unknown name \"parnt\" at 'requests[0]': Cannot find field.",
        f"Invalid value at 'requests[1]' {request}, 5",
        "Invalid value at 'requests[2].task.http_request.url' (TYPE_STRING), 7",
        f"Invalid value at 'requests[3]' {request}, ",
        'Invalid JSON payload received. Unknown name "reqests": Cannot find field.',
        "Invalid value (request_id), Starting an object on a scalar field",
        "Invalid JSON payload received. Unknown name \"pageSize\": Cannot bind query parameter. Field 'pageSize' could"
        " not be found in request message.",
    ]
    violations = json.loads(response.body)["error"]["details"][0]["fieldViolations"]
    assert [one.get("field") for one in violations] == [
        *("requests[0]", "requests[1]", "requests[2].task.http_request.url", "requests[3]", None, None, None),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b'{"%s": 1}' % (b"k" * 1_000_000),
        b"{'%s': 1}" % (b"k" * 1_000_000),
        b'{"task": {"name": 5, "%s": 1}}' % (b"\\u0041" * 200_000),
        b'{"task": {"httpRequest": {"body": "!%s"}}}' % (b"k" * 1_000_000),
    ],
    ids=["key", "key in single quotes", "escaped key", "value"],
)
def test_a_name_or_value_of_a_megabyte_is_cut(body: bytes) -> None:
    """The error repeats its beginning."""
    response = Service().asked("POST", f"/v2/{QUEUE}/tasks", body, JSON)
    assert len(told(response)) < 1_200
    assert "…" in told(response)
    assert len(response.body) < 4_000


def test_a_query_names_a_field_as_the_message_does() -> None:
    """Errors about times in a query say it in proto's words."""
    response = Service().asked("POST", f"/v2beta2/{QUEUE}/tasks:lease?leaseDuration=5", b"{}", JSON)
    assert told(response) == (
        "Invalid value at 'lease_duration' (type.googleapis.com/google.protobuf.Duration), Field 'lease_duration',"
        " Illegal duration format; duration must end with 's'"
    )


# --- failures ----------------------------------------------------------------------------------------------------


class Fails(BaseException):
    """What fails a test, as pytest's own."""


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), Fails("This test is over.")])
def test_other_errors_than_a_channels_propagate(error: BaseException) -> None:
    """It is raised as it is, and no response is made of it."""
    with pytest.raises(type(error)) as raised:
        Service(error).asked("GET", f"/v2/{QUEUE}")
    assert raised.value is error


def test_a_call_that_is_awaited() -> None:
    """A coroutine that answers has the same responses, errors included."""

    async def receive(call: IncomingCall) -> Any:
        await asyncio.sleep(0)
        return service(call)

    def asked(target: str) -> RestResponse:
        return asyncio.run(answer_async(RestRequest("GET", target, (), b""), receive))

    service = Service()
    for target in (f"/v2/{QUEUE}", f"/v2/{QUEUE}?a=1", "/v2/nowhere"):
        assert asked(target) == service.asked("GET", target)
    service = Service(InProcessRpcError(grpc.StatusCode.NOT_FOUND, "Gone.", (), random.Random(0)))
    assert asked(f"/v2/{QUEUE}") == service.asked("GET", f"/v2/{QUEUE}")
    assert json.loads(asked(f"/v2/{QUEUE}").body)["error"]["message"] == "Gone."


def test_a_coroutine_that_waits_has_no_response_without_a_loop() -> None:
    """Sync requests share the code of coroutines, which then never waits."""

    async def receive(call: IncomingCall) -> Any:
        await asyncio.sleep(0)

    with pytest.raises(AssertionError) as error:
        result_of(answer_async(RestRequest("GET", f"/v2/{QUEUE}", (), b""), receive))
    assert str(error.value) == "the coroutine waits"
