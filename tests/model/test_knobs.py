"""The knobs."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.options import (
    ExecutionCountRule,
    Knobs,
    RetryLimitCheck,
    SystemThrottle,
    ZeroMaxDoublings,
    burst_for,
)
from pytest_cloudtasks._service.units import DAY, HOUR


@pytest.mark.parametrize(
    ("rate", "burst"),
    [(500.0, 100), (499.0, 100), (400.0, 80), (51.0, 11), (50.0, 10), (5.0, 10), (1.0, 10), (0.25, 10)],
)
def test_the_burst_follows_from_the_rate(rate: float, burst: int) -> None:
    """A fifth of the rate, at least 10 and at most 100, as the published points have it."""
    assert burst_for(rate) == burst


def test_the_defaults_are_the_cautious_reading_of_the_sources() -> None:
    """Names stay reserved for the longest documented time, and every other knob stands at its documented default."""
    knobs = Knobs()
    assert knobs.queue_tombstone_ttl == 7 * DAY
    assert knobs.task_tombstone_ttl == 24 * HOUR
    assert knobs.burst_size is burst_for
    assert knobs.sub_second_backoff is True
    assert knobs.retry_limit_check is RetryLimitCheck.AFTER_FAILURE
    assert knobs.execution_count_rule is ExecutionCountRule.RULE_2026
    assert knobs.zero_max_doublings is ZeroMaxDoublings.DEFAULT
    assert (knobs.purge_delay, knobs.queue_init_delay) == (0, 0)
    assert knobs.iam_emulation == ""
    assert knobs.system_throttle is SystemThrottle.NONE
    assert knobs.follow_redirects
    assert not any(
        (
            knobs.ghost_recreate,
            knobs.legacy_errors,
            knobs.treat_304_as_success,
            knobs.honour_retry_after,
        )
    )


def test_the_values_of_the_knobs_are_those_of_the_settings() -> None:
    """Users write these words in a marker or an ini file."""
    assert [choice.value for choice in RetryLimitCheck] == ["after_failure", "before_dispatch"]
    assert [choice.value for choice in ExecutionCountRule] == ["2026", "legacy-zero"]
    assert [choice.value for choice in ZeroMaxDoublings] == ["default", "literal"]
    assert [choice.value for choice in SystemThrottle] == ["none", "simple"]
