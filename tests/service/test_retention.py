"""Retention: ranges of the two settings, and what a queue that has none of its own does."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import ServiceError
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue_settings import (
    LONGEST_TTL,
    masked,
    queue_config_from,
    task_ttl_from,
    tombstone_ttl_from,
)
from pytest_cloudtasks._units import DAY, HOUR


@pytest.mark.parametrize("ttl", [10 * DAY, 31 * DAY, 3650 * DAY])
def test_a_task_ttl_within_its_range(ttl: int) -> None:
    """10 days to 10 years, both included."""
    assert task_ttl_from({"task_ttl": ttl}) == ttl


@pytest.mark.parametrize("ttl", [0, 10 * DAY - 1, 3650 * DAY + 1, LONGEST_TTL])
def test_a_task_ttl_out_of_range(ttl: int) -> None:
    """Anything else is refused, also what an upload sets."""
    with pytest.raises(ServiceError) as caught:
        task_ttl_from({"task_ttl": ttl})
    assert str(caught.value) == errors.TASK_TTL_RANGE.text


@pytest.mark.parametrize("ttl", [HOUR, 9 * DAY])
def test_a_tombstone_ttl_within_its_range(ttl: int) -> None:
    """1 hour to 9 days, both included."""
    assert tombstone_ttl_from({"tombstone_ttl": ttl}, ServiceOptions()) == ttl


@pytest.mark.parametrize("ttl", [0, HOUR - 1, 9 * DAY + 1])
def test_a_tombstone_ttl_out_of_range(ttl: int) -> None:
    """Anything else is refused."""
    with pytest.raises(ServiceError) as caught:
        tombstone_ttl_from({"tombstone_ttl": ttl}, ServiceOptions())
    assert str(caught.value) == errors.TOMBSTONE_TTL_RANGE.text


def test_unset_they_are_31_days_and_the_service_options() -> None:
    """The service option is not held to the range."""
    assert task_ttl_from({}) == 31 * DAY
    assert tombstone_ttl_from({}, ServiceOptions(task_tombstone_ttl=1)) == 1


def test_a_mask_leaves_what_it_does_not_name() -> None:
    """What is named and unset goes back to the default; the rest stays, out of range or not."""
    options = ServiceOptions(task_tombstone_ttl=HOUR // 2)
    stored = queue_config_from({"task_ttl": 20 * DAY}, options)
    same = masked(stored, {}, ["rate_limits", "state"], options)
    assert (same.task_ttl, same.tombstone_ttl) == (20 * DAY, HOUR // 2)
    reset = masked(stored, {"tombstone_ttl": HOUR}, ["task_ttl", "tombstone_ttl"], options)
    assert (reset.task_ttl, reset.tombstone_ttl) == (31 * DAY, HOUR)
