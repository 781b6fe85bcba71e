"""CMEK configs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code, ErrorInfo, ServiceError
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._units import DAY, SECOND

LOCATION = "projects/p/locations/l"
OTHER = "projects/p/locations/other"
START = 1_900_000_000 * SECOND
NAME = f"{LOCATION}/cmekConfig"
RING = f"{LOCATION}/keyRings/r"
KEY = f"{RING}/cryptoKeys/k"
HEADERS = {"http_target": {"header_overrides": [{"header": {"key": "X-Custom", "value": "a"}}]}}
UNSATISFIED = (
    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override headers or tasks ttl"
    " of more than 60 days."
)


def service(**queues: dict[str, Any]) -> Service:
    """A service with queues of these settings; those whose ID begins with ``other`` are in another location."""
    made = Service(lambda: "1")
    for queue_id, settings in queues.items():
        location = OTHER if queue_id.startswith("other") else LOCATION
        made.create_queue(START, location, f"{location}/queues/{queue_id}", settings)
    return made


def rejected(made: Service, key: str, mask: Sequence[str] = ()) -> ServiceError:
    """Return the error of an update, which leaves the key as it was."""
    before = made.get_cmek_config(START, NAME)
    with pytest.raises(ServiceError) as caught:
        made.update_cmek_config(START, NAME, key, mask)
    assert made.get_cmek_config(START, NAME) == before
    return caught.value


def test_a_config_is_blank_until_it_is_set() -> None:
    """Each location has a config of its own, and a blank key turns it off again."""
    made = service()
    assert made.get_cmek_config(START, NAME) == ""
    assert made.update_cmek_config(START, NAME, KEY, []) == KEY
    assert made.get_cmek_config(START, NAME) == KEY
    assert made.get_cmek_config(START, f"{OTHER}/cmekConfig") == ""
    assert made.update_cmek_config(START, NAME, "", ["kms_key"]) == ""
    assert made.get_cmek_config(START, NAME) == ""


def test_a_mask_without_the_key_changes_nothing() -> None:
    """What it doesn't name is not looked at."""
    made = service()
    made.update_cmek_config(START, NAME, KEY, ["name", "kms_key"])
    made.create_queue(START, LOCATION, f"{LOCATION}/queues/q", HEADERS)
    assert made.update_cmek_config(START, NAME, "nonsense", ["name"]) == KEY


@pytest.mark.parametrize("key", ["not-a-key", LOCATION, f"{RING}/cryptoKeys", f"{KEY}/more", f"/{KEY}"])
def test_a_key_that_is_no_resource_name_is_rejected(key: str) -> None:
    """The text has the name in brackets."""
    error = rejected(service(), key)
    text = f"Resource name [{key}] does not match any known resource name pattern."
    assert (error.code, error.message, error.details) == (Code.INVALID_ARGUMENT, text, ())


@pytest.mark.parametrize("key", [RING, f"{KEY}/cryptoKeyVersions/1"])
def test_a_key_ring_and_a_key_version_are_no_keys(key: str) -> None:
    """They are names of Cloud KMS, but not those of keys."""
    error = rejected(service(), key)
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Request contains an invalid argument.")


def test_a_key_of_another_location_is_not_found() -> None:
    """A config takes keys of its own location, of whatever project."""
    made = service()
    error = rejected(made, KEY.replace("/l/", "/other/"))
    assert (error.code, error.message) == (Code.NOT_FOUND, "Requested entity was not found.")
    theirs = KEY.replace("projects/p/", "projects/keys/")
    assert made.update_cmek_config(START, NAME, theirs, []) == theirs


@pytest.mark.parametrize("settings", [HEADERS, {"task_ttl": 61 * DAY}])
def test_a_queue_can_forbid_a_key(settings: dict[str, Any]) -> None:
    """Its header overrides, or tasks that it keeps for long, are looked at before the key."""
    error = rejected(service(q=settings), "not-a-key")
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, UNSATISFIED)
    assert error.details == (ErrorInfo("UNSATISFIED_PRECONDITION_FOR_CMEK", "cloudtasks.googleapis.com"),)


def test_other_queues_forbid_nothing() -> None:
    """Neither those of other locations, nor those that keep their tasks for 60 days; and no key is always possible."""
    made = service(a={"task_ttl": 60 * DAY}, b={"http_target": {"uri_override": {"host": "a.test"}}}, other=HEADERS)
    assert made.update_cmek_config(START, NAME, KEY, []) == KEY
    assert service(q=HEADERS).update_cmek_config(START, NAME, "", []) == ""


def test_a_mask_of_no_field_is_rejected() -> None:
    """The mask is looked at first, and the text is that of UpdateQueue."""
    error = rejected(service(q=HEADERS), "nonsense", ["kms_key", "key"])
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, "Invalid mask: key")
