"""App Engine routing: the task's, and the queue's that always wins."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, Routing
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import Attempt, Task, TaskSpec

NOW = 1_900_000_000 * 10**9
PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/work"
OVERRIDE = "app_engine_routing_override"


def service_with(override: dict[str, str] | None = None, options: ServiceOptions | None = None) -> Service:
    service = Service(lambda: "01", options)
    service.create_queue(NOW, PARENT, QUEUE, {} if override is None else {OVERRIDE: override})
    return service


def add(service: Service, routing: Routing | None = None) -> Task:
    return service.create_task(NOW, QUEUE, TaskSpec(AppEngineTarget("/work", "PUT", (("X", "y"),), b"abc", routing)))


def sent_by(service: Service, task: Task) -> Routing | None:
    """Where the next attempt goes."""
    attempt: Attempt = service.force(NOW, task)
    assert isinstance(attempt.target, AppEngineTarget)
    return attempt.target.routing


@pytest.mark.parametrize(
    ("override", "stored"),
    [
        ({"service": "api"}, {"service": "api", "host": "api.p.uc.r.appspot.com"}),
        ({"service": "api", "version": "v2", "instance": "0"}, None),
        ({"version": "v2", "host": "evil.test"}, {"version": "v2", "host": "v2.p.uc.r.appspot.com"}),
        ({"host": "evil.test"}, {}),
        ({}, {}),
    ],
)
def test_a_queues_override_has_its_host(override: dict[str, str], stored: dict[str, str] | None) -> None:
    """The host is the service's to fill in, whatever the caller says; of nothing there is none."""
    if stored is None:
        stored = {**override, "host": "0.v2.api.p.uc.r.appspot.com"}
    assert service_with(override).queues[QUEUE].config.other[OVERRIDE] == stored


def test_the_host_follows_the_service_option() -> None:
    """The queue's as a task's."""
    service = service_with({"service": "api"}, ServiceOptions(app_engine_host_suffix="appspot.com"))
    assert service.queues[QUEUE].config.other[OVERRIDE]["host"] == "api.p.appspot.com"


def test_the_override_wins_as_it_stands_at_the_dispatch() -> None:
    """A task that was created before goes where the queue says now; all else of it stays."""
    service = service_with()
    task = add(service, Routing("own", "v1"))
    assert sent_by(service, task) == Routing("own", "v1", host="v1.own.p.uc.r.appspot.com")
    service.update_queue(NOW, QUEUE, {OVERRIDE: {"service": "fixed"}}, [OVERRIDE])
    fixed = Routing("fixed", host="fixed.p.uc.r.appspot.com")
    assert sent_by(service, task) == fixed
    sent = service.target_of(task)
    assert isinstance(sent, AppEngineTarget)
    assert (sent.relative_uri, sent.method, sent.body) == ("/work", "PUT", b"abc")
    assert sent.headers == task.target.headers
    assert isinstance(task.target, AppEngineTarget)
    assert task.target.routing == Routing("own", "v1", host="v1.own.p.uc.r.appspot.com")
    service.update_queue(NOW, QUEUE, {OVERRIDE: {"service": "other"}}, [f"{OVERRIDE}.service"])
    assert sent_by(service, task) == Routing("other", host="other.p.uc.r.appspot.com")


@pytest.mark.parametrize("settings", [{}, {OVERRIDE: {}}], ids=["unset", "empty"])
def test_without_an_override_the_task_keeps_what_it_has(settings: dict[str, Any]) -> None:
    """What it was created with: its own routing, or the override of that moment."""
    service = service_with({"service": "fixed"})
    task = add(service, Routing("own"))
    service.update_queue(NOW, QUEUE, settings, [OVERRIDE])
    assert sent_by(service, task) == Routing("fixed", host="fixed.p.uc.r.appspot.com")
    assert sent_by(service, add_another(service)) == Routing("own", host="own.p.uc.r.appspot.com")


def add_another(service: Service) -> Task:
    spec = TaskSpec(AppEngineTarget(routing=Routing("own")), name=f"{QUEUE}/tasks/another")
    return service.create_task(NOW, QUEUE, spec)


def test_an_attempt_keeps_where_it_went() -> None:
    """A change of the queue is for attempts that begin later."""
    service = service_with({"service": "one"})
    attempt = service.force(NOW, add(service))
    service.update_queue(NOW, QUEUE, {OVERRIDE: {"service": "two"}}, [OVERRIDE])
    assert isinstance(attempt.target, AppEngineTarget)
    assert attempt.target.routing == Routing("one", host="one.p.uc.r.appspot.com")


def test_http_tasks_are_not_routed() -> None:
    """The override is nothing to them."""
    service = service_with({"service": "one"})
    task = service.create_task(NOW, QUEUE, TaskSpec(HttpTarget("https://app.test/")))
    assert service.force(NOW, task).target is task.target
