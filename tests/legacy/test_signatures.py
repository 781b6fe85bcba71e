"""The surface of 1.x, signature by signature."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.api_core.gapic_v1.method import DEFAULT
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks, LegacyCloudTasksClient
from pytest_cloudtasks._clients.legacy import enums
from pytest_cloudtasks._clients.legacy.rpcs import RPCS
from pytest_cloudtasks._clients.legacy.transport import message_class

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "client_signatures_1_5_0.json").read_text("utf-8"))


def spelled(function: Any, *, bound: bool) -> list[str]:
    """The parameters of a function as the data spell them; those of a method without ``self``."""
    parameters = list(inspect.signature(function).parameters.values())[0 if bound else 1 :]
    words = []
    for one in parameters:
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        assert stars or one.kind is one.POSITIONAL_OR_KEYWORD
        default = "DEFAULT" if one.default is DEFAULT else one.default
        words.append(f"{stars}{one.name}" + ("" if one.default is one.empty else f"={default}"))
    return words


@pytest.mark.parametrize("name", RECORDED["methods"])
def test_methods_take_what_they_took(legacy_class: Any, name: str) -> None:
    """Each method has the parameters of 1.5.0: names, order and defaults, all positional or by keyword."""
    assert spelled(vars_of(legacy_class, name), bound=False) == RECORDED["methods"][name]


@pytest.mark.parametrize("name", RECORDED["classmethods"])
def test_constructors_and_paths_take_what_they_took(legacy_class: Any, name: str) -> None:
    """Each class method has the parameters of 1.5.0."""
    assert isinstance(vars_of(legacy_class, name), classmethod)
    assert spelled(getattr(legacy_class, name), bound=True) == RECORDED["classmethods"][name]


def vars_of(legacy_class: Any, name: str) -> Any:
    """What a class or one of its bases defines."""
    return next(vars(base)[name] for base in legacy_class.__mro__ if name in vars(base))


def test_the_constructor_takes_what_it_took(legacy_class: Any) -> None:
    """The class is called with the parameters of 1.5.0."""
    assert spelled(legacy_class.__init__, bound=False) == RECORDED["constructor"]


def test_attributes_are_there(legacy_class: Any) -> None:
    """The address is that of 1.5.0, and the enums are a module."""
    assert RECORDED["attributes"] == {"SERVICE_ADDRESS": legacy_class.SERVICE_ADDRESS, "enums": "a module"}
    assert isinstance(legacy_class.enums, ModuleType)


def test_the_surface_has_nothing_else(legacy_class: Any) -> None:
    """No public name was added to the class."""
    public = {name for name in dir(legacy_class) if not name.startswith("_")}
    assert public == {*RECORDED["methods"], *RECORDED["classmethods"], *RECORDED["attributes"]}


def test_the_transport_has_every_rpc() -> None:
    """There is an RPC for each method that is not a helper, and each has its request message."""
    assert RPCS.keys() == RECORDED["methods"].keys()
    for rpc, (name, response, *_) in RPCS.items():
        assert name.lower() == rpc.replace("_", "")
        assert message_class(f"{name}Request").DESCRIPTOR.name == f"{name}Request"
        assert message_class(response).DESCRIPTOR.name == response


@pytest.mark.parametrize(
    ("own", "message", "field"),
    [
        (enums.HttpMethod, "HttpRequest", "http_method"),
        (enums.Queue.State, "Queue", "state"),
        (enums.Task.View, "Task", "view"),
    ],
)
def test_enums_are_the_librarys(own: Any, message: str, field: str) -> None:
    """Each enum has the members of the installed release's."""
    installed = message_class(message).DESCRIPTOR.fields_by_name[field].enum_type
    assert {one.name: one.value for one in own} == {one.name: one.number for one in installed.values}


def test_an_unknown_message_is_not_made_up() -> None:
    """A name that no module has is a LookupError with that name."""
    assert not hasattr(tasks_v2.types, "Nonsense")
    with pytest.raises(LookupError) as unknown:
        message_class("Nonsense")
    assert unknown.value.args == ("Nonsense",)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((), {}, "get_queue() missing a required argument: 'name'"),
        (("q",), {"nmae": "q"}, "get_queue() got an unexpected keyword argument 'nmae'"),
    ],
    ids=["none", "one too many"],
)
def test_arguments_that_do_not_fit_are_a_type_error(
    arguments: tuple[str, ...], options: dict[str, str], text: str
) -> None:
    """The sentence names the method."""
    with FakeCloudTasks() as cloud_tasks, pytest.raises(TypeError) as refused:
        LegacyCloudTasksClient.get_queue(cloud_tasks.legacy_client(), *arguments, **options)
    assert str(refused.value) == text
