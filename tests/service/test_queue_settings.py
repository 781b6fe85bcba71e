"""Settings of queues: types and retention."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import ServiceError
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue_settings import (
    LONGEST_TTL,
    QueueType,
    masked,
    queue_config_from,
    task_ttl_from,
    tombstone_ttl_from,
)
from pytest_cloudtasks._units import DAY, HOUR
from tests.each import each

# --- queue types ---


SERVICE_OPTIONS = ServiceOptions()
PULL, PUSH = QueueType.PULL, QueueType.PUSH


def burst_after(paths: list[str], given: dict[str, Any]) -> int:
    stored = queue_config_from({"rate_limits": {"max_dispatches_per_second": 50, "max_burst_size": 7}}, SERVICE_OPTIONS)
    return masked(stored, {"rate_limits": given}, paths, SERVICE_OPTIONS).rate_limits.max_burst_size


@each(
    ("paths", "given", "burst"),
    [
        (["state"], {}, 7),
        (["rate_limits.max_concurrent_dispatches"], {"max_concurrent_dispatches": 2}, 7),
        (["rate_limits.max_dispatches_per_second"], {"max_dispatches_per_second": 100}, 20),
        (["rate_limits.max_dispatches_per_second"], {"max_dispatches_per_second": 100, "max_burst_size": 9}, 20),
        (["rate_limits.max_dispatches_per_second", "rate_limits.max_burst_size"], {"max_burst_size": 9}, 9),
        (["rate_limits.max_burst_size", "rate_limits.max_dispatches_per_second"], {"max_burst_size": 9}, 9),
        (["rate_limits.max_burst_size"], {}, 10),
        (["rate_limits"], {"max_dispatches_per_second": 100}, 20),
        (["rate_limits", "rate_limits.max_dispatches_per_second"], {"max_burst_size": 9}, 9),
        (["rate_limits"], {"max_burst_size": 500}, 500),
    ],
)
def test_a_burst_follows_the_rate_unless_it_is_set(paths: list[str], given: dict[str, Any], burst: int) -> None:
    """It stays as long as nobody touches it or the rate."""
    asked = dict(given)
    assert burst_after(paths, given) == burst
    assert given == asked


@pytest.mark.parametrize(("burst", "refusal"), [(-1, errors.BURST_NEGATIVE), (501, errors.BURST_TOO_HIGH)])
def test_a_burst_out_of_range(burst: int, refusal: errors.Rejection) -> None:
    """It is rejected, as other rate limits are."""
    with pytest.raises(ServiceError) as caught:
        queue_config_from({"rate_limits": {"max_burst_size": burst}}, SERVICE_OPTIONS)
    assert str(caught.value) == refusal.text


def test_a_pull_queue_ignores_rates_and_backoff() -> None:
    """Only max_attempts is the caller's to set, also by an update."""
    settings = {
        "type": PULL,
        "rate_limits": {"max_dispatches_per_second": 999, "max_burst_size": -1},
        "retry_config": {"max_attempts": 3, "max_doublings": -4},
    }
    config = queue_config_from(settings, SERVICE_OPTIONS)
    assert (config.rate_limits.max_dispatches_per_second, config.rate_limits.max_concurrent_dispatches) == (500, -1)
    assert (config.retry_config.max_attempts, config.retry_config.max_doublings) == (3, 16)
    paths = ["retry_config.max_attempts", "rate_limits.max_dispatches_per_second"]
    changed = masked(config, {"retry_config": {"max_attempts": 4}}, paths, SERVICE_OPTIONS)
    assert changed.rate_limits == config.rate_limits
    assert changed.retry_config.max_attempts == 4


@pytest.mark.parametrize(("stored", "given"), [(PULL, PUSH), (PUSH, PULL)])
def test_a_type_stays(stored: QueueType, given: QueueType) -> None:
    """Another type is rejected where the mask names it; the same and none are not, and without the mask none counts."""
    config = queue_config_from({"type": stored}, SERVICE_OPTIONS)
    with pytest.raises(ServiceError) as caught:
        masked(config, {"type": given}, ["type"], SERVICE_OPTIONS)
    assert str(caught.value) == errors.QUEUE_TYPE_IMMUTABLE.text
    for same in ({"type": stored}, {}):
        assert masked(config, same, ["type", "retry_config"], SERVICE_OPTIONS).type is stored
    assert masked(config, {"type": given}, ["rate_limits"], SERVICE_OPTIONS).type is stored


# --- retention ---


@pytest.mark.parametrize("ttl", [10 * DAY, 31 * DAY, 3650 * DAY])
def test_a_task_ttl_within_its_range(ttl: int) -> None:
    """10 days to 10 years, both included."""
    assert task_ttl_from({"task_ttl": ttl}) == ttl


@pytest.mark.parametrize("ttl", [0, 10 * DAY - 1, 3650 * DAY + 1, LONGEST_TTL])
def test_a_task_ttl_out_of_range(ttl: int) -> None:
    """Anything else is rejected, also what an upload sets."""
    with pytest.raises(ServiceError) as caught:
        task_ttl_from({"task_ttl": ttl})
    assert str(caught.value) == errors.TASK_TTL_RANGE.text


@pytest.mark.parametrize("ttl", [HOUR, 9 * DAY])
def test_a_tombstone_ttl_within_its_range(ttl: int) -> None:
    """1 hour to 9 days, both included."""
    assert tombstone_ttl_from({"tombstone_ttl": ttl}, ServiceOptions()) == ttl


@pytest.mark.parametrize("ttl", [0, HOUR - 1, 9 * DAY + 1])
def test_a_tombstone_ttl_out_of_range(ttl: int) -> None:
    """Anything else is rejected."""
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
