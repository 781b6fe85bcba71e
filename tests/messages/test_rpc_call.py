from __future__ import annotations

from google.cloud import tasks_v2

from pytest_cloudtasks._messages.rpc_call import IncomingCall

REQUEST = tasks_v2.CreateTaskRequest(
    parent="projects/p/locations/l/queues/q", task={"http_request": {"body": b"x" * 99}}
)


def test_a_request_is_as_large_as_its_bytes_whoever_has_looked() -> None:
    """Those who answer a call may ask before it is kept, and after somebody has read the request."""
    call = IncomingCall("create_task", "google.cloud.tasks.v2", REQUEST, None, ())
    size = len(type(REQUEST).serialize(REQUEST))
    assert call.size == size
    call.keep_request(0)
    assert call.size == size
    assert call.request == REQUEST
    assert call.size == size


def test_what_was_asked_and_answered_is_kept_as_it_was() -> None:
    """What is written into the messages afterwards, by pagers and by their owners, is not what was said."""
    request, queue = tasks_v2.GetQueueRequest(name="asked"), tasks_v2.Queue(name="found")
    call = IncomingCall("get_queue", "google.cloud.tasks.v2", request, None, ())
    call.keep_request(0)
    call.keep_response(queue)
    request.name = queue.name = "changed"
    assert (call.request.name, call.result.name) == ("asked", "found")
