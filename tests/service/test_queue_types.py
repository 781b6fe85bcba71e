"""Types and bursts of queues, which only the beta versions can set."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import ServiceError
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue_settings import QueueType, masked, queue_config_from
from tests.each import each

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
    """It is refused, as other rate limits are."""
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
    """Another type is refused where the mask names it; the same and none are not, and without the mask none counts."""
    config = queue_config_from({"type": stored}, SERVICE_OPTIONS)
    with pytest.raises(ServiceError) as caught:
        masked(config, {"type": given}, ["type"], SERVICE_OPTIONS)
    assert str(caught.value) == errors.QUEUE_TYPE_IMMUTABLE.text
    for same in ({"type": stored}, {}):
        assert masked(config, same, ["type", "retry_config"], SERVICE_OPTIONS).type is stored
    assert masked(config, {"type": given}, ["rate_limits"], SERVICE_OPTIONS).type is stored
