"""The service options."""

from __future__ import annotations

from pytest_cloudtasks._service.options import ServiceOptions, SystemThrottle, burst_for
from pytest_cloudtasks._units import DAY, HOUR
from tests.each import each


@each(
    ("rate", "burst"),
    [
        (500.0, 100),
        (499.0, 99),
        (400.0, 80),
        (333.0, 66),
        (77.0, 15),
        (55.0, 11),
        (54.9, 10),
        (50.0, 10),
        (5.0, 10),
        (1.0, 10),
        (0.25, 10),
    ],
)
def test_the_burst_follows_from_the_rate(rate: float, burst: int) -> None:
    """It is a fifth of the rate, rounded down, at least 10 and at most 100."""
    assert burst_for(rate) == burst


def test_the_defaults_are_the_cautious_reading_of_the_sources() -> None:
    """Names stay reserved for the longest documented time; every other option has its documented default."""
    options = ServiceOptions()
    assert options.queue_tombstone_ttl == 7 * DAY
    assert options.task_tombstone_ttl == 24 * HOUR
    assert options.burst_size is burst_for
    assert (options.purge_delay, options.queue_init_delay) == (0, 0)
    assert options.iam_emulation == ""
    assert options.system_throttle is SystemThrottle.NONE
    assert options.follow_redirects
    assert not any(
        (
            options.ghost_recreate,
            options.legacy_errors,
            options.treat_304_as_success,
            options.honour_retry_after,
        )
    )


def test_the_values_of_the_service_options_are_those_of_the_settings() -> None:
    """Users write these words in a marker or an ini file."""
    assert [choice.value for choice in SystemThrottle] == ["none", "simple"]
