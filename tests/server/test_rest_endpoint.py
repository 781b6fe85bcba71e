from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from pytest_cloudtasks._messages.methods import method_at, methods_of, route_of
from tests.patience import PATIENCE

from .clients import PARENT, QUEUE
from .rest import error, not_found_page

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
pytestmark = pytest.mark.cloud_tasks(queues=["default"], start=START)
METHODS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "rest_methods.json").read_text(encoding="utf-8")
)
LISTED = [
    pytest.param(version, method, id=f"{version}-{method['id'].removeprefix('cloudtasks.')}")
    for version in ("v2", "v2beta3", "v2beta2")
    for method in METHODS[version]
]
IDS = {"projectsId": "p", "locationsId": "l", "queuesId": "q", "tasksId": "t", "operationsId": "o", "taskId": "t"}


def rpc_of(method_id: str) -> str:
    """Return batch_create_tasks for ``cloudtasks.projects.locations.queues.tasks.batchCreate``."""
    *_, kind, verb = method_id.split(".")
    if kind == "api" or verb == "update":
        return "upload_queue_yaml"
    words = re.sub(r"(?=[A-Z])", "_", verb).lower()
    if "iam" in words or "cmek" in words or words.endswith("_lease"):
        return words
    words = {"patch": "update"}.get(words, words)
    is_of_many = words in ("list", "batch_create", "batch_delete", "lease")
    return f"{words}_{kind if is_of_many else kind.removesuffix('s')}"


@pytest.mark.parametrize(("version", "method"), LISTED)
@pytest.mark.needs("batches")
def test_every_listed_method_has_its_route(version: str, method: dict[str, Any]) -> None:
    """HTTP method and path of each method in the discovery documents lead to its RPC, with the query parameters."""
    path = "/" + re.sub(r"\{(\w+)\}", lambda match: IDS[match[1]], method["path"])
    route = route_of(method["verb"], path)
    assert route is not None
    assert route.method.rpc == rpc_of(method["id"])
    api = route.method.api
    assert api == f"google.cloud.tasks.{version}" or not api.startswith("google.cloud.tasks")
    known = {field.json_name for field in route.method.request_class.DESCRIPTOR.fields} | {"extraLocationTypes"}
    assert set(method["query"]) <= known


@pytest.mark.parametrize("version", ["v2", "v2beta3", "v2beta2"])
def test_every_rpc_has_its_path_over_grpc(version: str) -> None:
    """Every modelled RPC is served, and its path leads to it."""
    for rpc, method in methods_of(f"google.cloud.tasks.{version}").items():
        found = method_at(method.path)
        assert found is not None
        assert found.rpc == rpc
    assert method_at(f"/google.cloud.tasks.{version}.CloudTasks/Nonsense") is None
    assert method_at("/google.longrunning.Operations/CreateTask") is None


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("PUT", f"/v2/{QUEUE}"),
        ("HEAD", f"/v2/{QUEUE}"),
        ("GET", "/"),
        ("GET", "/v2"),
        ("GET", f"/v3/{QUEUE}"),
        ("GET", f"/v2/{QUEUE}/"),
        ("GET", "/v2/projects//locations/l/queues/q"),
        ("POST", f"/v2/{QUEUE}:explode"),
        ("POST", f"/v2/{QUEUE}/tasks:lease"),
        ("GET", f"/v2/{QUEUE}/tasks/a/b"),
        ("GET", f"//v2/{QUEUE}"),
        ("GET", "/%0A"),
        ("DELETE", f"/v2/{QUEUE}:pause"),
        ("GET", f"/v2/{PARENT}/operations"),
        ("DELETE", f"/v2/{PARENT}/operations/o"),
        ("POST", f"/v2/{PARENT}/operations/o:wait"),
        ("POST", f"/v2/{PARENT}/operations/o:cancel"),
        ("OPTIONS", f"/v2/{QUEUE}"),
    ],
)
def test_a_path_that_no_method_has(cloud_tasks_server: CloudTasksServer, verb: str, path: str) -> None:
    """The answer is the page of Google's front end."""
    answer = requests.request(verb, f"{cloud_tasks_server.rest_url}{path}", timeout=PATIENCE)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert answer.text == ("" if verb == "HEAD" else not_found_page(path))


def test_responses_are_as_recorded_of_the_service(cloud_tasks_server: CloudTasksServer) -> None:
    """A new queue's JSON has no default values, durations as texts, and whole numbers without a fraction."""
    answer = requests.post(
        f"{cloud_tasks_server.rest_url}/v2/{PARENT}/queues", json={"name": f"{PARENT}/queues/new"}, timeout=PATIENCE
    )
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.json() == {
        "name": f"{PARENT}/queues/new",
        "rateLimits": {"maxBurstSize": 100, "maxConcurrentDispatches": 1000, "maxDispatchesPerSecond": 500},
        "retryConfig": {"maxAttempts": 100, "maxBackoff": "3600s", "maxDoublings": 16, "minBackoff": "0.100s"},
        "state": "RUNNING",
    }
    assert '"maxDispatchesPerSecond": 500,' in answer.text


def test_enums_come_and_go_by_name_and_by_number(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer
) -> None:
    """Requests may have either form; responses have numbers if the request asks for them."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    for method in ("PUT", 4, "4"):
        body = {"task": {"httpRequest": {"url": "https://a.test/", "httpMethod": method}}, "responseView": 2}
        created = requests.post(f"{url}/tasks", json=body, timeout=PATIENCE).json()
        assert (created["httpRequest"]["httpMethod"], created["view"]) == ("PUT", "FULL")
    assert requests.get(f"{url}?$alt=json;enum-encoding=int", timeout=PATIENCE).json()["state"] == 1
    assert requests.get(f"{url}?%24alt=json%3Benum-encoding%3Dint", timeout=PATIENCE).json()["state"] == 1
    assert requests.get(f"{url}/tasks?responseView=2", timeout=PATIENCE).json()["tasks"][0]["view"] == "FULL"
    assert len(cloud_tasks.tasks()) == 3


@pytest.mark.parametrize("mask", ["rateLimits.maxConcurrentDispatches,retryConfig", "rate_limits,retry_config"])
@pytest.mark.parametrize("name", ["updateMask", "update_mask"])
def test_field_masks_are_query_parameters(cloud_tasks_server: CloudTasksServer, name: str, mask: str) -> None:
    """They may have JSON's names or proto's."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    body = {"rateLimits": {"maxConcurrentDispatches": 7}, "retryConfig": {"maxAttempts": 2}, "state": "PAUSED"}
    changed = requests.patch(url, params={name: mask}, json=body, timeout=PATIENCE).json()
    assert changed["rateLimits"]["maxConcurrentDispatches"] == 7
    assert changed["retryConfig"]["maxAttempts"] == 2
    assert changed["state"] == "RUNNING"


def test_read_masks(cloud_tasks_server: CloudTasksServer) -> None:
    """In the betas a read mask selects the fields of the response."""
    url = f"{cloud_tasks_server.rest_url}/v2beta3/{QUEUE}?readMask=name,taskTtl"
    assert requests.get(url, timeout=PATIENCE).json() == {"name": QUEUE, "taskTtl": "2678400s"}


def test_global_parameters_are_taken(cloud_tasks_server: CloudTasksServer) -> None:
    """Parameters of every method are no fields of the request; `fields` selects fields of the response."""
    query = "alt=json&key=k&prettyPrint=true&fields=name&quotaUser=u&access_token=t&oauth_token=t"
    query += "&uploadType=x&upload_protocol=raw&$.xgafv=1"
    answer = requests.get(f"{cloud_tasks_server.rest_url}/v2/{QUEUE}?{query}", timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (200, {"name": QUEUE})


def test_a_batch(cloud_tasks_server: CloudTasksServer) -> None:
    """A web page can't send its content type, so it is accepted; with another type the batch has no parts."""
    url = f"{cloud_tasks_server.rest_url}/batch"
    body = f"--x\n\nGET /v2/{QUEUE}?fields=name&prettyPrint=false HTTP/1.1\n\n--x--"
    answer = requests.post(url, body, headers={"Content-Type": "multipart/mixed; boundary=x"}, timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "multipart/mixed; boundary=batch_1")
    assert f'\r\n\r\n{{"name":"{QUEUE}"}}\r\n--batch_1--' in answer.text
    for type_ in ("text/plain", "multipart/form-data; boundary=x"):
        answer = requests.post(url, body, headers={"Content-Type": type_}, timeout=PATIENCE)
        told = f"Failed to parse batch request, error: 0 items. Received batch body: ({len(body)}) bytes redacted"
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, told)


def test_names_may_be_percent_encoded(cloud_tasks_server: CloudTasksServer) -> None:
    """Some clients encode the whole name, others a part."""
    project = "example.com:apps"
    queue = f"projects/{project}/locations/us-central1/queues/q"
    base = f"{cloud_tasks_server.rest_url}/v2"
    made = requests.post(f"{base}/{queue.removesuffix('/q')}", json={"name": queue}, timeout=PATIENCE)
    assert made.json()["name"] == queue
    for path in (queue.replace(":", "%3A"), queue.replace("/", "%2F").replace(":", "%3a")):
        assert requests.get(f"{base}/{path}", timeout=PATIENCE).json()["name"] == queue
    assert requests.post(f"{base}/{queue}:pause", timeout=PATIENCE).json()["state"] == "PAUSED"


def test_pages_and_empty_page_tokens(cloud_tasks_server: CloudTasksServer) -> None:
    """An empty token asks for the first page, each answer's token for the next, until a page is empty."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    for number in range(3):
        task = {"name": f"{QUEUE}/tasks/{number}", "httpRequest": {"url": "https://a.test/"}}
        assert requests.post(url, json={"task": task}, timeout=PATIENCE).status_code == 200
    first = requests.get(f"{url}?pageSize=2&pageToken=", timeout=PATIENCE).json()
    rest = requests.get(url, params={"pageSize": 2, "pageToken": first["nextPageToken"]}, timeout=PATIENCE).json()
    assert [task["name"][-1] for task in first["tasks"] + rest["tasks"]] == ["0", "1", "2"]
    assert requests.get(url, params={"pageSize": 2, "pageToken": rest["nextPageToken"]}, timeout=PATIENCE).json() == {}


def test_deletes_answer_an_empty_object(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """So do empty lists, and custom verbs need no body."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    assert requests.get(f"{url}/tasks", timeout=PATIENCE).json() == {}
    assert requests.post(f"{url}:resume", timeout=PATIENCE).json()["state"] == "RUNNING"
    deleted = requests.delete(url, timeout=PATIENCE)
    assert (deleted.status_code, deleted.text) == (200, "{}\n")
    cloud_tasks.assert_empty()


def test_errors_have_google_s_form(cloud_tasks_server: CloudTasksServer) -> None:
    """Code, message, status, and the details with their types."""
    url = f"{cloud_tasks_server.rest_url}/v2/{PARENT}/queues"
    answer = requests.post(url, json={"name": "bad"}, timeout=PATIENCE)
    assert answer.status_code == 400
    reference = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#Queue.FIELDS.name"
    link = {"description": "Definition of queue name", "url": reference}
    told = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
    expected = error(400, "INVALID_ARGUMENT", told)
    expected["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.Help", "links": [link]}]
    assert answer.json() == expected


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("UNAVAILABLE", 503),
        ("PERMISSION_DENIED", 403),
        ("UNAUTHENTICATED", 401),
        ("RESOURCE_EXHAUSTED", 429),
        ("DEADLINE_EXCEEDED", 504),
        ("ABORTED", 409),
        ("CANCELLED", 499),
        ("UNKNOWN", 500),
        ("UNIMPLEMENTED", 501),
    ],
)
def test_planned_faults_reach_other_processes(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, code: str, status: int
) -> None:
    """A call over the network gets the fault that the test planned, with Google's HTTP status."""
    cloud_tasks.fail_rpc("get_queue", code)
    answer = requests.get(f"{cloud_tasks_server.rest_url}/v2/{QUEUE}", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]["status"]) == (status, code)


def test_a_queue_yaml_is_uploaded(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The only method with its own path and a body that is not JSON."""
    url = f"{cloud_tasks_server.rest_url}/api/queue/update?appId=test-project"
    answer = requests.post(url, data="queue:\n- name: mails\n  rate: 5/s\n", timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (200, {})
    queue = requests.get(f"{cloud_tasks_server.rest_url}/v2/{PARENT}/queues/mails", timeout=PATIENCE).json()
    assert queue["rateLimits"]["maxDispatchesPerSecond"] == 5


def test_calls_are_recorded_as_they_arrived(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The test's rpcs contain them as the library's messages, with the headers as metadata."""
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}"
    requests.get(url, headers={"X-Goog-User-Project": "billed"}, timeout=PATIENCE)
    (call,) = cloud_tasks.rpcs
    assert (call.method, call.request.name, call.timeout) == ("get_queue", QUEUE, None)
    assert dict(call.metadata)["x-goog-user-project"] == "billed"


def test_v2beta2_has_what_its_library_lacks(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """Batches and CMEK configs are in its discovery document, so they are served."""
    base = f"{cloud_tasks_server.rest_url}/v2beta2"
    task = {"name": f"{QUEUE}/tasks/one", "appEngineHttpRequest": {"relativeUrl": "/work"}}
    broken = {"name": f"{QUEUE}/tasks/two"}
    batch = {"requests": [{"parent": QUEUE, "task": task}, {"parent": QUEUE, "task": broken}]}
    created = requests.post(f"{base}/{QUEUE}/tasks:batchCreate", json=batch, timeout=PATIENCE).json()
    package = "type.googleapis.com/google.cloud.tasks.v2beta2"
    assert created["metadata"]["@type"] == f"{package}.BatchCreateTasksMetadata"
    assert list(created["metadata"]["failedRequests"]) == ["1"]
    assert created["response"]["tasks"][0]["appEngineHttpRequest"]["relativeUrl"] == "/work"
    assert requests.get(f"{base}/{created['name']}", timeout=PATIENCE).json() == created
    names = {"names": [f"{QUEUE}/tasks/one"]}
    deleted = requests.post(f"{base}/{QUEUE}/tasks:batchDelete", json=names, timeout=PATIENCE).json()
    assert deleted["metadata"]["state"] == "SUCCEEDED"
    key = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
    config = f"{base}/{PARENT}/cmekConfig"
    changed = requests.patch(f"{config}?updateMask=kmsKey", json={"kmsKey": key}, timeout=PATIENCE).json()
    assert requests.get(config, timeout=PATIENCE).json() == changed == {"name": f"{PARENT}/cmekConfig", "kmsKey": key}
    cloud_tasks.assert_empty()
