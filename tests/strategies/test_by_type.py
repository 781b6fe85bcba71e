"""``st.from_type`` for Google's messages, by Hypothesis's entry point."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.import_watch import import_watch
from pytest_cloudtasks._messages.proto import is_message_type
from pytest_cloudtasks._strategies.register import MODULES, message_types, register
from tests.each import each

from .clients import LOCATION

VERSIONS = ("v2", "v2beta3", "v2beta2")
register()
KINDS = [kind for name in MODULES for kind in message_types(import_module(name))]


def name_of(kind: Any) -> str:
    return str(kind.meta.full_name.removeprefix("google.cloud.tasks."))


def test_every_public_message_type_is_among_them() -> None:
    """Each message that the libraries' API definitions have, nested ones included, is one of those."""

    def named(descriptors: Any) -> Iterator[str]:
        for one in descriptors:
            yield one.full_name
            yield from named(one.nested_types)

    files = {kind.pb(None).DESCRIPTOR.file for kind in KINDS}
    declared = {name for file in files for name in named(file.message_types_by_name.values())}

    assert {kind.meta.full_name for kind in KINDS} == declared
    assert {file.package for file in files} == {f"google.cloud.tasks.{version}" for version in VERSIONS}


def fields_of(kind: Any) -> dict[str, Any]:
    """The fields that are messages of ours, each with a strategy of its type."""
    return {
        name: st.lists(st.from_type(field.message), max_size=1) if field.repeated else st.from_type(field.message)
        for name, field in kind.meta.fields.items()
        if is_message_type(field.message) and field.oneof is None and not field.message.meta.options.map_entry
    }


@each("kind", [kind for kind in KINDS if fields_of(kind)], ids=name_of)
def test_builds_takes_a_strategy_for_every_message_field(kind: Any) -> None:
    """st.builds of a type, with from_type for its fields that are messages of ours, gives that very type."""
    fields = fields_of(kind)

    @given(message=st.builds(kind, **fields))
    @settings(max_examples=3)
    def check(message: Any) -> None:
        assert type(message) is kind
        for name, field in kind.meta.fields.items():
            if name in fields and not field.repeated:
                assert name in message

    check()


@each("kind", KINDS, ids=name_of)
def test_every_message_type_is_known(kind: Any) -> None:
    """from_type gives messages of that very class that go over the wire and back."""

    @given(message=st.from_type(kind))
    @settings(max_examples=5)
    def check(message: Any) -> None:
        assert type(message) is kind
        assert kind.deserialize(kind.serialize(message)) == message

    check()


def test_a_request_that_is_drawn_by_its_type_is_accepted() -> None:
    """So is st.builds, with strategies for the fields that matter."""
    from google.cloud import tasks_v2

    built = st.builds(
        tasks_v2.CreateTaskRequest, parent=st.just(f"{LOCATION}/queues/work"), task=st.from_type(tasks_v2.Task)
    )

    @given(request=built)
    @settings(max_examples=20)
    def check(request: tasks_v2.CreateTaskRequest) -> None:
        with FakeCloudTasks(queues=["work"]) as cloud_tasks:
            cloud_tasks.client().create_task(request)
            assert len(cloud_tasks.tasks()) == 1

    check()


def test_registering_twice_changes_nothing() -> None:
    """However often it is asked, one finder watches for the types."""
    register()

    assert sys.meta_path.count(import_watch) == 1  # type: ignore[arg-type]
