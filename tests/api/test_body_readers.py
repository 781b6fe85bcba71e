"""What a function reads of a task's body, seen from a call that it makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cloudtasks._simulation.body_readers import read_in

TASK = SimpleNamespace(
    http_request=SimpleNamespace(body=b"", url=""),
    app_engine_http_request=SimpleNamespace(body=b""),
    pull_message=SimpleNamespace(payload=b""),
)
found: list[str | None] = []


def get(*args: object) -> Any:
    """Stands for the call."""
    found.append(read_in(sys._getframe(1)))
    return TASK


def reading_a_variable() -> None:
    task = get()
    bytes(task.http_request.body)


def reading_the_result() -> None:
    bytes(get().http_request.body)


def reading_an_app_engine_body() -> None:
    task = get()
    if task.app_engine_http_request.body:
        return


def reading_a_payload() -> None:
    task = get()
    task.pull_message.payload.decode()


def reading_in_a_loop() -> None:
    for task in [get()]:
        bytes(task.http_request.body)


def reading_in_a_comprehension() -> None:
    any(task.http_request.body for task in [get()])
    sorted([task.http_request.body for task in [TASK]])


def reading_a_variable_that_was_none() -> None:
    task = None
    try:
        task = get()
    finally:
        bytes(task.http_request.body if task else b"")


def reading_something_else() -> None:
    task = get()
    str(task.http_request.url)


def reading_a_task_of_its_own() -> None:
    own = TASK
    get()
    bytes(own.http_request.body)


def reading_a_task_of_the_module() -> None:
    get()
    bytes(TASK.http_request.body)


def reading_an_argument(task: Any = TASK) -> None:
    get()
    bytes(task.http_request.body)


def writing() -> None:
    task = get()
    task.http_request.body = b""


def reading_a_request_of_its_own() -> None:
    request = get().http_request.url
    bytes(request.encode())


def reading_in_an_inner_function() -> None:
    def handler(task: Any) -> object:
        return task.http_request.body

    handler(get())


READING: dict[Callable[[], None], str] = {
    reading_a_variable: "http_request.body",
    reading_the_result: "http_request.body",
    reading_an_app_engine_body: "app_engine_http_request.body",
    reading_a_payload: "pull_message.payload",
    reading_in_a_loop: "http_request.body",
    reading_in_a_comprehension: "http_request.body",
    reading_a_variable_that_was_none: "http_request.body",
}
NOT_READING = [
    reading_something_else,
    reading_a_task_of_its_own,
    reading_a_task_of_the_module,
    reading_an_argument,
    writing,
    reading_a_request_of_its_own,
    reading_in_an_inner_function,
]


@pytest.mark.parametrize("function", READING, ids=lambda one: one.__name__)
def test_a_body_of_the_answer_is_read(function: Callable[[], None]) -> None:
    """A body of what the call gives, in a variable that has no value yet or at once, in a comprehension as well."""
    found.clear()
    function()
    assert found == [READING[function]]


@pytest.mark.parametrize("function", NOT_READING, ids=lambda one: one.__name__)
def test_no_body_of_the_answer_is_read(function: Callable[[], None]) -> None:
    """Other fields, bodies of tasks that are there before the call, bodies that are written, and other functions."""
    found.clear()
    function()
    assert found == [None]
