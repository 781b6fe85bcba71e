"""BufferTask: the request that is made of a queue's HTTP target and a body."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.overrides import buffered_task
from pytest_cloudtasks._service.request import HttpTarget

from .driving import QUEUE, assert_refused, service_with

HOST = {"uri_override": {"host": "worker.test"}}


def buffered(http_target: dict[str, Any], task_id: str = "", content_type: str = "") -> tuple[HttpTarget, str]:
    queue = service_with({"http_target": http_target}).queues[QUEUE]
    spec = buffered_task(queue, task_id, b"[1]", content_type)
    assert isinstance(spec.target, HttpTarget)
    return spec.target, spec.name


def test_the_body_is_posted_as_json_to_the_queue_s_host() -> None:
    """Without more than a host, the rest is what a CreateTask has by default, and the task has no name."""
    target, name = buffered(HOST)
    assert (target.url, target.method, target.body) == ("https://worker.test/", "POST", b"[1]")
    assert target.headers == (("Content-Type", "application/json"),)
    assert (target.oidc, target.oauth, name) == (None, None, "")


def test_the_task_s_id_and_the_content_type_are_the_caller_s() -> None:
    """The ID makes the full name, and the type of the body is what its sender says."""
    target, name = buffered(HOST, "t", "text/plain")
    assert target.headers == (("Content-Type", "text/plain"),)
    assert name == f"{QUEUE}/tasks/t"


def test_the_whole_override_of_the_uri_is_used() -> None:
    """Even where it is for URIs that are not set: a buffered task has none of its own."""
    given = {"host": "worker.test", "path_override": {"path": "/run"}, "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    assert buffered({"uri_override": given})[0].url == "https://worker.test/run"


@pytest.mark.parametrize(("method", "sent"), [("PUT", "PUT"), ("PATCH", "PATCH"), ("GET", "POST"), ("DELETE", "POST")])
def test_a_method_that_has_a_body_is_the_queue_s(method: str, sent: str) -> None:
    """Another is put in at the dispatch, without the body; until then the task is one that may be created."""
    assert buffered({**HOST, "http_method": method})[0].method == sent


@pytest.mark.parametrize("http_target", [{}, {"http_method": "PUT"}, {"uri_override": {"port": 8080}}])
def test_a_queue_without_a_host_takes_no_bodies(http_target: dict[str, Any]) -> None:
    """There is nowhere to send them to, and nothing changes."""
    service = service_with({"http_target": http_target})
    assert_refused(
        service,
        Code.FAILED_PRECONDITION,
        "The queue has no HTTP target with a host, which BufferTask needs. Set HttpTarget.uriOverride.host of the"
        " queue.",
        lambda: buffered_task(service.queues[QUEUE], "", b"", ""),
    )
