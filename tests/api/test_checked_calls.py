"""Calls whose arguments don't fit: every public method and function rejects them in a sentence of its own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import pytest

import pytest_cloudtasks
from pytest_cloudtasks import FakeCloudTasks, MatchArguments, TaskRequest, retry_schedule, strategies
from pytest_cloudtasks._text import listed
from tests.each import each

OF_GOOGLES_CLIENT = "LegacyCloudTasksClient"
"""It rejects what Google's client rejects, in its words."""


def functions() -> Iterator[Any]:
    """Every public method, constructor and function, found by looking."""
    owners = [getattr(pytest_cloudtasks, name) for name in pytest_cloudtasks.__all__ if name != OF_GOOGLES_CLIENT]
    for owner in owners:
        if inspect.isfunction(owner):
            yield pytest.param(owner, owner.__name__, id=owner.__name__)
        elif inspect.isclass(owner) and not issubclass(owner, (BaseException, Enum)):
            for name, method in methods_of(owner):
                yield pytest.param(method, name, id=f"{owner.__name__}.{name}")
    yield pytest.param(FakeCloudTasks.__init__, "FakeCloudTasks", id="FakeCloudTasks")
    for name in strategies.__all__:
        if name.islower():
            yield pytest.param(getattr(strategies, name), name, id=f"strategies.{name}")


def methods_of(owner: type) -> Iterator[tuple[str, Any]]:
    for name in dir(owner):
        method = inspect.getattr_static(owner, name)
        is_ours = inspect.isfunction(method) and method.__module__.startswith("pytest_cloudtasks")
        if is_ours and not name.startswith("_"):
            yield name, method


@each(("function", "name"), list(functions()))
def test_an_unknown_keyword_is_rejected(function: Callable[..., Any], name: str) -> None:
    """The check comes first, before the object is needed."""
    parameters = inspect.signature(function).parameters
    own = [object()] if next(iter(parameters), "") == "self" else []
    if name == "create_queue":
        assert str(parameters["fields"]) == "**fields: 'Any'"  # Google's message has the names
        return
    with pytest.raises(TypeError) as refusal:
        result = function(*own, nonsuch=1)
        asyncio.run(result)
    assert str(refusal.value).startswith(f"{name}() has no argument 'nonsuch'. It takes ")


@each(("function", "name"), list(functions()))
def test_a_value_too_many_is_rejected(function: Callable[..., Any], name: str) -> None:
    """It is shown, and what could be meant is named."""
    parameters = list(inspect.signature(function).parameters.values())
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        assert name == "returns"
        return
    positional = sum(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters)
    is_method = bool(parameters) and parameters[0].name == "self"
    with pytest.raises(TypeError) as refusal:
        result = function(*["surplus"] * (positional + (not is_method)), *["surplus"] * is_method)
        asyncio.run(result)
    assert str(refusal.value).startswith(f"{name}() takes ")
    assert "but got 'surplus'" in str(refusal.value)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda fake: fake.tasks(queues="receipts"),
            "tasks() has no argument 'queues'. Did you mean 'queue'? It takes"
            f" {listed(MatchArguments.__annotations__)}.",
        ),
        (
            lambda fake: fake.tasks(payload={}),
            "tasks() has no argument 'payload'. Did you mean 'json'? It takes"
            f" {listed(MatchArguments.__annotations__)}.",
        ),
        (
            lambda fake: fake.tasks("https://a.test"),
            "tasks() takes keyword arguments such as url='https://a.test', but got 'https://a.test' by position.",
        ),
        (
            lambda fake: fake.tasks("/work"),
            "tasks() takes keyword arguments such as url='/work', but got '/work' by position.",
        ),
        (
            lambda fake: fake.route("https://a.test").returns(status=503),
            "returns() has no argument 'status'. It takes values by position only.",
        ),
        (
            lambda fake: fake.oidc.token(audience="a", email="b"),
            "token() has no argument 'email'. Did you mean 'service_account_email'? It takes audience and"
            " service_account_email.",
        ),
        (
            lambda fake: fake.task_request(oidc={}),
            "task_request() has no argument 'oidc'. Did you mean 'audience'? It takes url, method, json, body,"
            " headers, queue, name, audience, service_account_email, retry_count, execution_count, previous_response,"
            " relative_uri, service, version and instance.",
        ),
        (
            lambda fake: fake.tasks({"a": 1}),
            "tasks() takes keyword arguments such as json={'a': 1}, but got {'a': 1} by position.",
        ),
        (
            lambda fake: fake.tasks(b"a"),
            "tasks() takes keyword arguments such as body=b'a', but got b'a' by position.",
        ),
        (lambda fake: fake.tasks(5), "tasks() takes keyword arguments such as queue=…, but got 5 by position."),
        (
            lambda fake: fake.route("https://a.test", print),
            "route() takes keyword arguments such as handler=print, but got <built-in function print> by position.",
        ),
        (lambda fake: fake.step(1), "step() takes no argument, but got 1."),
        (lambda fake: fake.client(project="p"), "client() has no argument 'project'. It takes none."),
        (lambda fake: fake.queue(), "queue() needs the argument 'queue'. It takes queue."),
        (lambda fake: fake.queue_path("a", "b"), "queue_path() takes only queue, but got 'b' as well."),
        (
            lambda fake: fake.drain("2h", "receipts"),
            "drain() takes keyword arguments such as queue='receipts', but got 'receipts' by position.",
        ),
        (lambda fake: fake.advance("2h", 5), "advance() takes keyword arguments such as to=…, but got 5 by position."),
        (
            lambda fake: fake.advance("2h", by="2h"),
            "advance() got the argument 'by' twice: by keyword and by position.",
        ),
        (lambda fake: fake.create_queue(), "create_queue() needs the argument 'queue'. It takes queue."),
        (
            lambda fake: fake.create_queue("a", {"rate_limits": {}}),
            "create_queue() takes fields as keyword arguments, but got {'rate_limits': {}} by position.",
        ),
        (
            lambda fake: fake.timeline(fromat="json"),
            "timeline() has no argument 'fromat'. Did you mean 'format'? It takes format.",
        ),
        (
            lambda fake: fake.assert_attempts([503]),
            "assert_attempts() needs the argument 'expected'. It takes task and expected.",
        ),
        (lambda fake: fake.assert_empty("receipts"), "assert_empty() takes no argument, but got 'receipts'."),
        (
            lambda fake: FakeCloudTasks(querys=["a"]),
            "FakeCloudTasks() has no argument 'querys'. Did you mean 'queues'? It takes"
            f" {listed(inspect.signature(FakeCloudTasks).parameters)}.",
        ),
        (
            lambda fake: FakeCloudTasks("receipts"),
            "FakeCloudTasks() takes keyword arguments such as queues=…, but got 'receipts' by position.",
        ),
        (
            lambda fake: FakeCloudTasks(len),
            "FakeCloudTasks() takes keyword arguments such as queues=…, but got <built-in function len> by position."
            " To decorate, write @FakeCloudTasks() with parentheses.",
        ),
        (
            lambda fake: retry_schedule({}, services={}),
            "retry_schedule() has no argument 'services'. Did you mean 'service'? It takes retry_config, attempt_takes"
            " and service.",
        ),
        (
            lambda fake: asyncio.run(fake.aio.drain(untill="2h")),
            "drain() has no argument 'untill'. Did you mean 'until'? It takes"
            f" {listed(['until', *MatchArguments.__annotations__, 'limit'])}.",
        ),
    ],
)
def test_what_a_call_is_rejected_with(
    cloud_tasks: FakeCloudTasks, call: Callable[[FakeCloudTasks], object], text: str
) -> None:
    """The nearest argument is named, and all that there are."""
    with pytest.raises(TypeError) as refusal:
        call(cloud_tasks)
    assert str(refusal.value) == text


def test_an_awaitable_method_is_a_coroutine_function() -> None:
    """What looks at functions before it calls them, such as asgiref, takes it for one."""
    assert inspect.iscoroutinefunction(pytest_cloudtasks.AwaitableMethods.drain)
    assert inspect.iscoroutinefunction(TaskRequest.asend)
