"""Locations."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.service import get_location, list_locations

QUEUES = ["projects/p/locations/b/queues/q", "projects/p/locations/b/queues/r", "projects/pp/locations/c/queues/q"]


def test_a_project_has_the_fake_s_location_and_those_of_its_queues() -> None:
    """By name, each once, and none of another project's."""
    assert list_locations("projects/p", "l", QUEUES) == ["projects/p/locations/b", "projects/p/locations/l"]
    assert list_locations("projects/empty", "l", QUEUES) == ["projects/empty/locations/l"]


@pytest.mark.parametrize("location", ["b", "l"])
def test_a_location_that_is_listed_can_be_got(location: str) -> None:
    """Its name is all there is to it."""
    assert get_location(f"projects/p/locations/{location}", "l", QUEUES) == f"projects/p/locations/{location}"


def test_a_location_that_is_not_listed_is_not_there() -> None:
    """Whatever other locations Google has."""
    with pytest.raises(ServiceError) as refused:
        get_location("projects/p/locations/c", "l", QUEUES)
    assert (refused.value.code, refused.value.message) == (Code.NOT_FOUND, "Requested entity was not found.")
