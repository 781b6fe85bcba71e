"""Names that differ between the versions of the API."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pytest_cloudtasks._messages.proto import OURS, SYNONYMS, camel_case, field_name, proto_class
from tests.each import each

MESSAGES = ("Queue", "RateLimits", "RetryConfig", "AppEngineHttpRequest", "Task", "TaskStatus")


def descriptor(version: str, message: str) -> Any:
    """A message's descriptor; None where the version has none."""
    kind = getattr(import_module(f"google.cloud.tasks_{version}.types"), message, None)
    return None if kind is None else proto_class(kind).DESCRIPTOR


@each("version", ["v2", "v2beta3", "v2beta2"])
@each("message", MESSAGES)
def test_a_name_of_the_version_s_own_is_found(version: str, message: str) -> None:
    """Each field is found by the name that v2 has or would have for it."""
    found = descriptor(version, message)
    names = [] if found is None else [field.name for field in found.fields]
    assert [field_name(found, OURS.get(name, name)) for name in names] == names


def test_each_synonym_is_in_use() -> None:
    """A name of the table that no version has any more is to be taken out."""
    used = {
        field.name
        for version in ("v2", "v2beta3", "v2beta2")
        for message in MESSAGES
        if (found := descriptor(version, message)) is not None
        for field in found.fields
    }
    assert set(SYNONYMS.values()) <= used
    assert len(OURS) == len(SYNONYMS)


def test_a_name_that_there_is_not() -> None:
    """What a message has under no name is spelled as nothing."""
    assert field_name(descriptor("v2", "Queue"), "type") == ""
    assert field_name(descriptor("v2", "RateLimits"), "nonsense") == ""


def test_names_in_error_texts() -> None:
    """Google's error texts have JSON's names."""
    assert [camel_case(name) for name in ("name", "max_attempts", "max_concurrent_tasks")] == [
        "name",
        "maxAttempts",
        "maxConcurrentTasks",
    ]
