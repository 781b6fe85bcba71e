"""CMEK configs."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code, ErrorInfo, ServiceError
from pytest_cloudtasks._service.options import Knobs
from pytest_cloudtasks._service.queue import Queue
from pytest_cloudtasks._service.queue_settings import queue_config_from
from pytest_cloudtasks._service.service import CmekConfigs
from pytest_cloudtasks._units import DAY

LOCATION = "projects/p/locations/l"
NAME = f"{LOCATION}/cmekConfig"
RING = f"{LOCATION}/keyRings/r"
KEY = f"{RING}/cryptoKeys/k"
HEADERS = {"http_target": {"header_overrides": [{"header": {"key": "X-Custom", "value": "a"}}]}}
UNSATISFIED = (
    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks ttl"
    " of more than 60 days."
)


def queue(settings: dict[str, Any], location: str = LOCATION) -> Queue:
    return Queue(f"{location}/queues/q", queue_config_from(settings, Knobs()))


def rejected(configs: CmekConfigs, *arguments: Any, queues: tuple[Queue, ...] = ()) -> ServiceError:
    """What an update that fails says; the key stays as it was."""
    before = configs.get(NAME)
    with pytest.raises(ServiceError) as caught:
        configs.update(queues, NAME, *arguments)
    assert configs.get(NAME) == before
    return caught.value


def test_a_config_is_blank_until_it_is_set() -> None:
    """Each location's config stands for itself, and a blank key turns it off again."""
    configs = CmekConfigs()
    assert configs.get(NAME) == ""
    assert configs.update((), NAME, KEY, []) == KEY
    assert configs.get(NAME) == KEY
    assert configs.get("projects/p/locations/other/cmekConfig") == ""
    assert configs.update((), NAME, "", ["kms_key"]) == ""
    assert configs.get(NAME) == ""


def test_a_mask_without_the_key_changes_nothing() -> None:
    """What it doesn't name is not looked at."""
    configs = CmekConfigs()
    configs.update((), NAME, KEY, ["name", "kms_key"])
    assert configs.update([queue(HEADERS)], NAME, "nonsense", ["name"]) == KEY


@pytest.mark.parametrize("key", ["not-a-key", LOCATION, f"{RING}/cryptoKeys", f"{KEY}/more", f"/{KEY}"])
def test_a_key_that_is_no_resource_name_is_rejected(key: str) -> None:
    """The text has the name in brackets."""
    error = rejected(CmekConfigs(), key, [])
    text = f"Resource name [{key}] does not match any known resource name pattern."
    assert (error.code, error.message, error.details) == (Code.INVALID_ARGUMENT, text, ())


@pytest.mark.parametrize("key", [RING, f"{KEY}/cryptoKeyVersions/1"])
def test_a_key_ring_and_a_key_version_are_no_keys(key: str) -> None:
    """They are names of Cloud KMS, but not those of keys."""
    error = rejected(CmekConfigs(), key, [])
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Request contains an invalid argument.")


def test_a_key_of_another_location_is_not_found() -> None:
    """A config takes keys of its own location, of whatever project."""
    configs = CmekConfigs()
    error = rejected(configs, KEY.replace("/l/", "/other/"), [])
    assert (error.code, error.message) == (Code.NOT_FOUND, "Requested entity was not found.")
    theirs = KEY.replace("projects/p/", "projects/keys/")
    assert configs.update((), NAME, theirs, []) == theirs


@pytest.mark.parametrize("settings", [HEADERS, {"task_ttl": 61 * DAY}])
def test_a_queue_can_forbid_a_key(settings: dict[str, Any]) -> None:
    """Its header overrides, or tasks that it keeps for long, are looked at before the key."""
    error = rejected(CmekConfigs(), "not-a-key", [], queues=(queue(settings),))
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, UNSATISFIED)
    assert error.details == (ErrorInfo("UNSATISFIED_PRECONDITION_FOR_CMEK", "cloudtasks.googleapis.com"),)


def test_other_queues_forbid_nothing() -> None:
    """Neither those of other locations, nor those that keep their tasks for 60 days; and no key is always possible."""
    configs = CmekConfigs()
    queues = (queue({"task_ttl": 60 * DAY}), queue({"http_target": {"uri_override": {"host": "a.test"}}}))
    assert configs.update((*queues, queue(HEADERS, "projects/p/locations/other")), NAME, KEY, []) == KEY
    assert configs.update([queue(HEADERS)], NAME, "", []) == ""


def test_a_mask_of_no_field_is_rejected() -> None:
    """The mask is looked at first, and the text is that of UpdateQueue."""
    error = rejected(CmekConfigs(), "nonsense", ["kms_key", "key"], queues=(queue(HEADERS),))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Invalid mask: key")
