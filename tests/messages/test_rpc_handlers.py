from __future__ import annotations

from typing import Any

import pytest
from google.cloud.tasks_v2 import types
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2, field_mask_pb2

from pytest_cloudtasks._messages.rpc_handlers import Frontend
from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.queue import QueueState
from pytest_cloudtasks._service.service import Service
from tests.messages.asking import ask

NOW = 1_900_000_000_000_000_000
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"
TARGET = {"url": "https://app.test/work", "body": b"abc"}

frontend = Frontend(types)


@pytest.fixture
def service() -> Service:
    """A service with the queue ``q``."""
    service = Service(lambda: "00000000000000000001")
    service.create_queue(NOW, LOCATION, QUEUE, {})
    return service


@pytest.fixture
def with_task(service: Service) -> Service:
    """A service with the queue ``q`` and the task ``t`` in it."""
    call(service, "create_task", types.CreateTaskRequest(parent=QUEUE, task={"name": TASK, "http_request": TARGET}))
    return service


def call(service: Service, rpc: str, request: Any) -> Any:
    return ask(frontend, service, NOW, rpc, request)


def test_an_rpc_that_is_not_modelled_is_unimplemented(service: Service) -> None:
    """A call to an RPC that the model lacks is rejected by name, and changes nothing."""
    with pytest.raises(ServiceError) as refused:
        call(service, "move_task", object())
    assert refused.value.code is Code.UNIMPLEMENTED
    assert refused.value.message == (
        "pytest-cloudtasks does not model the RPC move_task. Leave it out of the call, or give the client a stub"
        " for this one."
    )
    assert list(service.queues) == [QUEUE]
    assert service.accepted.total == 0


def test_requests_may_be_googles_messages_or_protobufs(service: Service) -> None:
    """A request of the library's own type and the protobuf message inside it mean the same."""
    request = types.GetQueueRequest(name=QUEUE)
    assert call(service, "get_queue", request) == call(service, "get_queue", request._pb)


def test_create_queue_gives_the_queue(service: Service) -> None:
    """CreateQueue stores the settings and gives the Queue message with its defaults."""
    name = f"{LOCATION}/queues/new"
    request = types.CreateQueueRequest(parent=LOCATION, queue={"name": name, "rate_limits": {"max_burst_size": 3}})
    created = call(service, "create_queue", request)
    assert created == frontend.messages.queue(service.queues[name])
    assert created.rate_limits.max_burst_size == 100


def test_list_queues_gives_a_page(service: Service) -> None:
    """ListQueues gives the queues of the location by name, as many as asked, and a token; the last page is empty."""
    service.create_queue(NOW, LOCATION, f"{LOCATION}/queues/a", {})
    first = call(service, "list_queues", types.ListQueuesRequest(parent=LOCATION, page_size=1))
    assert [queue.name for queue in first.queues] == [f"{LOCATION}/queues/a"]
    rest = types.ListQueuesRequest(parent=LOCATION, page_size=1, page_token=first.next_page_token)
    second = call(service, "list_queues", rest)
    assert [queue.name for queue in second.queues] == [QUEUE]
    end = types.ListQueuesRequest(parent=LOCATION, page_size=1, page_token=second.next_page_token)
    assert call(service, "list_queues", end) == types.ListQueuesResponse()


def test_a_filter_of_list_queues_is_honoured(service: Service) -> None:
    """The filter of the request decides on the queues of the response."""
    listed = [
        [
            queue.name
            for queue in call(service, "list_queues", types.ListQueuesRequest(parent=LOCATION, filter=filter)).queues
        ]
        for filter in ("state: RUNNING", "state: PAUSED")
    ]
    assert listed == [[QUEUE], []]


def test_update_queue_follows_its_mask(service: Service) -> None:
    """UpdateQueue changes the fields that the mask names and no others."""
    request = types.UpdateQueueRequest(
        queue={"name": QUEUE, "rate_limits": {"max_concurrent_dispatches": 7}, "retry_config": {"max_attempts": 3}},
        update_mask=field_mask_pb2.FieldMask(paths=["rate_limits.max_concurrent_dispatches"]),
    )
    updated = call(service, "update_queue", request)
    assert updated.rate_limits.max_concurrent_dispatches == 7
    assert updated.retry_config.max_attempts == 100


def test_a_queue_is_paused_and_resumed(service: Service) -> None:
    """PauseQueue and ResumeQueue give the queue in its new state."""
    assert call(service, "pause_queue", types.PauseQueueRequest(name=QUEUE)).state is types.Queue.State.PAUSED
    assert call(service, "resume_queue", types.ResumeQueueRequest(name=QUEUE)).state is types.Queue.State.RUNNING


def test_a_queue_is_purged(with_task: Service) -> None:
    """PurgeQueue empties the queue and gives it with its purge time."""
    purged = call(with_task, "purge_queue", types.PurgeQueueRequest(name=QUEUE))
    assert purged.purge_time.timestamp() == NOW / 1e9
    assert with_task.queues[QUEUE].tasks == {}


def test_a_queue_is_deleted(service: Service) -> None:
    """DeleteQueue returns an empty message, and the queue is deleted."""
    assert call(service, "delete_queue", types.DeleteQueueRequest(name=QUEUE)) == empty_pb2.Empty()
    assert service.queues == {}


def test_a_policy_is_empty_until_it_is_set(service: Service) -> None:
    """GetIamPolicy gives a policy that has an etag only at first, and afterwards what SetIamPolicy has put there."""
    get = iam_policy_pb2.GetIamPolicyRequest(resource=QUEUE)
    assert call(service, "get_iam_policy", get) == policy_pb2.Policy(etag=b"\x00\x20\x01")
    policy = policy_pb2.Policy(bindings=[policy_pb2.Binding(role="roles/editor", members=["user:a@b"])])
    request = iam_policy_pb2.SetIamPolicyRequest(resource=QUEUE, policy=policy)
    stored = call(service, "set_iam_policy", request)
    assert stored.bindings == policy.bindings
    assert call(service, "get_iam_policy", get) == stored


def test_all_permissions_are_held_on_a_queue_that_is_there(service: Service) -> None:
    """TestIamPermissions gives back what was asked for, sorted."""
    asked = ["cloudtasks.tasks.create", "cloudtasks.queues.get"]
    request = iam_policy_pb2.TestIamPermissionsRequest(resource=QUEUE, permissions=asked)
    assert list(call(service, "test_iam_permissions", request).permissions) == sorted(asked)


def test_create_task_shows_the_basic_view_by_default(service: Service) -> None:
    """CreateTask gives the stored task without its body, unless the FULL view is asked for."""
    request = types.CreateTaskRequest(parent=QUEUE, task={"http_request": TARGET})
    basic = call(service, "create_task", request)
    request.response_view = types.Task.View.FULL
    service.delete_task(NOW, basic.name)
    request.task.name = TASK
    full = call(service, "create_task", request)
    assert (basic.view, basic.http_request.body) == (types.Task.View.BASIC, b"")
    assert (full.view, full.http_request.body) == (types.Task.View.FULL, b"abc")


@pytest.mark.parametrize(("view", "body"), [("VIEW_UNSPECIFIED", b""), ("BASIC", b""), ("FULL", b"abc")])
def test_a_view_decides_on_the_body(with_task: Service, view: str, body: bytes) -> None:
    """GetTask, ListTasks and RunTask show the body in the FULL view only."""
    get = types.GetTaskRequest(name=TASK, response_view=view)
    list_ = types.ListTasksRequest(parent=QUEUE, response_view=view)
    run = types.RunTaskRequest(name=TASK, response_view=view)
    assert call(with_task, "get_task", get).http_request.body == body
    assert [task.http_request.body for task in call(with_task, "list_tasks", list_).tasks] == [body]
    assert call(with_task, "run_task", run).http_request.body == body


def test_run_task_has_begun_an_attempt(with_task: Service) -> None:
    """RunTask gives the task with its dispatch counted."""
    assert call(with_task, "run_task", types.RunTaskRequest(name=TASK)).dispatch_count == 1


def test_delete_task_gives_an_empty_message(with_task: Service) -> None:
    """DeleteTask returns an empty message, and the task is deleted."""
    assert call(with_task, "delete_task", types.DeleteTaskRequest(name=TASK)) == empty_pb2.Empty()
    assert with_task.queues[QUEUE].tasks == {}


def test_a_queue_is_configured_from_fields(service: Service) -> None:
    """A test's own fields make the queue that CreateQueue would, paused if they say so."""
    name = f"{LOCATION}/queues/configured"
    queue = frontend.configure(
        service, NOW, name, {"state": "PAUSED", "retry_config": {"min_backoff": "10s", "max_attempts": 4}}
    )
    assert queue is service.queues[name]
    assert queue.state is QueueState.PAUSED
    assert (queue.config.retry_config.min_backoff, queue.config.retry_config.max_attempts) == (10_000_000_000, 4)


def test_a_misspelt_field_of_a_queue_is_rejected(service: Service) -> None:
    """Google's message rejects an unknown field, and no queue is created."""
    with pytest.raises(ValueError, match="retry_confg"):
        frontend.configure(service, NOW, f"{LOCATION}/queues/typo", {"retry_confg": {}})
    assert list(service.queues) == [QUEUE]
