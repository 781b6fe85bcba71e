"""Locations."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._units import SECOND

QUEUES = ["projects/p/locations/b/queues/q", "projects/p/locations/b/queues/r", "projects/pp/locations/c/queues/q"]
START = 1_900_000_000 * SECOND


@pytest.fixture
def service() -> Service:
    """A service of the location l, with queues in others."""
    made = Service(lambda: "1", location="l")
    for name in QUEUES:
        made.create_queue(START, name.rpartition("/queues/")[0], name, {})
    return made


def test_a_project_has_the_fake_s_location_and_those_of_its_queues(service: Service) -> None:
    """By name, each once, and none of another project's."""
    assert service.list_locations(START, "projects/p") == ["projects/p/locations/b", "projects/p/locations/l"]
    assert service.list_locations(START, "projects/empty") == ["projects/empty/locations/l"]


@pytest.mark.parametrize("location", ["b", "l"])
def test_a_location_that_is_listed_can_be_got(service: Service, location: str) -> None:
    """Its name is all there is to it."""
    name = f"projects/p/locations/{location}"
    assert service.get_location(START, name) == name


def test_a_location_that_is_not_listed_is_not_there(service: Service) -> None:
    """Whatever other locations Google has."""
    with pytest.raises(ServiceError) as rejected:
        service.get_location(START, "projects/p/locations/c")
    assert (rejected.value.code, rejected.value.message) == (Code.NOT_FOUND, "Requested entity was not found.")
