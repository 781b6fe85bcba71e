"""The token bucket."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.queue import DispatchRate
from pytest_cloudtasks._units import DAY, MILLISECOND, SECOND

from .driving import tokens_in


def taken_at(rate: DispatchRate, wanted: int, now: int = 0) -> list[int]:
    """The instants at which so many tokens can be taken, each as soon as it is there."""
    instants = []
    for _ in range(wanted):
        now = max(now, rate.ready_at() or 0)
        rate.take(now)
        instants.append(now)
    return instants


def test_a_new_bucket_is_full() -> None:
    """The whole burst is there at the start, and then a token an interval."""
    rate = DispatchRate(2, 3)
    assert rate.ready_at() is None
    assert tokens_in(rate, 0) == 3
    assert taken_at(rate, 6) == [0, 0, 0, SECOND // 2, SECOND, 3 * SECOND // 2]


def test_tokens_come_back_up_to_the_burst() -> None:
    """A bucket that rests fills up, and no further."""
    rate = DispatchRate(1, 3)
    taken_at(rate, 3)
    assert [tokens_in(rate, at) for at in (0, SECOND - 1, SECOND, 2 * SECOND, 3 * SECOND, DAY)] == [0, 0, 1, 2, 3, 3]
    assert taken_at(rate, 4, DAY) == [DAY, DAY, DAY, DAY + SECOND]


def test_the_fraction_of_a_token_is_kept_when_one_is_taken() -> None:
    """Taking a token late does not put back the next."""
    rate = DispatchRate(1, 1)
    assert taken_at(rate, 1) == [0]
    assert taken_at(rate, 1, 1_200 * MILLISECOND) == [1_200 * MILLISECOND]
    rate = DispatchRate(1, 2)
    assert taken_at(rate, 2) == [0, 0]
    assert taken_at(rate, 2, 1_200 * MILLISECOND) == [1_200 * MILLISECOND, 2 * SECOND]


@pytest.mark.parametrize("per_second", [3.0, 7.0, 0.3, 499.0])
def test_an_interval_that_is_no_whole_number_is_rounded_up(per_second: float) -> None:
    """The rate is never exceeded, and nothing drifts: the n-th token comes after n whole intervals."""
    rate = DispatchRate(per_second, 1)
    interval = -int(-SECOND // per_second)
    assert taken_at(rate, 1001)[-1] == 1000 * interval
    assert 1000 * interval >= 1000 * SECOND / per_second


def test_a_change_keeps_the_tokens_up_to_the_new_burst() -> None:
    """What is there stays; a smaller burst caps it, a larger one has to be earned."""
    rate = DispatchRate(1, 4)
    taken_at(rate, 1)
    rate.change(1, 2, 0)
    assert tokens_in(rate, 0) == 2
    rate.change(1, 10, 0)
    assert tokens_in(rate, 0) == 2
    assert tokens_in(rate, 3 * SECOND) == 5


def test_after_a_change_tokens_come_at_the_new_rate() -> None:
    """Half a token that was earned at the old rate leaves half a new interval to wait."""
    rate = DispatchRate(1, 1)
    taken_at(rate, 1)
    rate.change(5, 1, SECOND // 2)
    assert rate.ready_at() == SECOND // 2 + SECOND // 10


def test_a_change_to_the_same_settings_changes_nothing() -> None:
    """Not by a nanosecond, however odd the instant."""
    for now in range(1, SECOND, 9_999_991):
        rate = DispatchRate(1, 100)
        taken_at(rate, 100)
        before = rate.ready_at()
        rate.change(1, 100, now)
        assert rate.ready_at() == before


def test_a_bucket_that_was_never_used_can_be_changed() -> None:
    """It counts as full, up to the new burst."""
    rate = DispatchRate(1, 2)
    rate.change(1, 5, SECOND)
    assert tokens_in(rate, SECOND) == 2
    assert taken_at(rate, 3, SECOND) == [SECOND, SECOND, 2 * SECOND]


def test_the_bucket_moves_with_the_clock() -> None:
    """A clock that is set anew leaves as many tokens as there were."""
    rate = DispatchRate(1, 1)
    rate.shift(-DAY)
    assert rate.ready_at() is None
    taken_at(rate, 1, DAY)
    rate.shift(-DAY)
    assert rate.ready_at() == SECOND
