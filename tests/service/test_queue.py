"""Queues: state, waiting tasks, dispatch rate and statistics."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue import LEAST_RATE, DispatchRate, QueueState, QueueStats, stats_of
from pytest_cloudtasks._service.queue_settings import QueueType, RateLimits, rate_limits_from
from pytest_cloudtasks._service.request import HttpTarget, PullMessage
from pytest_cloudtasks._service.retry import RetryConfig
from pytest_cloudtasks._service.task import TaskSpec, response
from pytest_cloudtasks._units import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from tests.each import each

from .driving import (
    LOCATION,
    QUEUE,
    START,
    URL,
    Driver,
    RecordedService,
    add,
    always,
    assert_refused,
    driver_with,
    ids,
    numbered_ids,
    service_with,
    tokens_in,
)

# --- queue ---


@pytest.mark.parametrize(
    "settings",
    [{}, {"rate_limits": {}, "retry_config": {}}, {"rate_limits": {"max_dispatches_per_second": 0}}],
)
def test_a_queue_has_the_recorded_defaults(settings: dict[str, Any]) -> None:
    """500 dispatches a second in bursts of 100, 1000 at once, and the default retries; zero counts as unset."""
    queue = service_with(settings).queues[QUEUE]
    assert queue.config.rate_limits == RateLimits(500.0, 100, 1000)
    assert queue.config.retry_config == RetryConfig()
    assert (queue.state, queue.purge_time, queue.policy) == (QueueState.RUNNING, None, None)


def test_a_burst_that_is_not_set_is_the_service_s_to_choose() -> None:
    """It follows from the rate; the service option decides how."""
    asked = {"rate_limits": {"max_dispatches_per_second": 100}}
    assert service_with(asked).queues[QUEUE].config.rate_limits.max_burst_size == 20
    assert service_with(asked, ServiceOptions(burst_size=7)).queues[QUEUE].config.rate_limits.max_burst_size == 7
    chosen = ServiceOptions(burst_size=lambda rate: int(rate) + 1)
    assert service_with(asked, chosen).queues[QUEUE].config.rate_limits.max_burst_size == 101


def test_logging_and_routing_are_kept_as_given() -> None:
    """Settings that the model does not use are stored, a routing with its host; output-only fields are not."""
    settings = {
        "stackdriver_logging_config": {"sampling_ratio": 0.5},
        "app_engine_routing_override": {"service": "s"},
        "state": 2,
        "name": "other",
    }
    assert service_with(settings).queues[QUEUE].config.other == {
        "stackdriver_logging_config": {"sampling_ratio": 0.5},
        "app_engine_routing_override": {"service": "s", "host": "s.p.uc.r.appspot.com"},
    }


REFUSED = [
    ("max_dispatches_per_second", -1, "RateLimits.maxDispatchesPerSecond cannot be negative."),
    ("max_dispatches_per_second", 501, "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."),
    ("max_dispatches_per_second", math.nan, "RateLimits.maxDispatchesPerSecond must be a number of at least 1e-11."),
    ("max_dispatches_per_second", 5e-324, "RateLimits.maxDispatchesPerSecond must be a number of at least 1e-11."),
    ("max_concurrent_dispatches", -1, "RateLimits.maxConcurrentDispatches cannot be negative."),
    ("max_concurrent_dispatches", 5001, "RateLimits.maxConcurrentDispatches must be less than or equal to 5000."),
]


@each(("field", "value", "message"), REFUSED)
def test_rate_limits_out_of_range_are_rejected(field: str, value: int, message: str) -> None:
    """A new queue and an update reject them alike, and nothing changes."""
    service = service_with()
    settings = {"rate_limits": {field: value}}
    refused = Code.INVALID_ARGUMENT
    other = f"{LOCATION}/queues/other"
    assert_refused(service, refused, message, lambda: service.create_queue(START, LOCATION, other, settings))
    assert_refused(service, refused, message, lambda: service.update_queue(START, QUEUE, settings))
    mask = [f"rate_limits.{field}"]
    assert_refused(service, refused, message, lambda: service.update_queue(START, QUEUE, settings, mask))


@pytest.mark.parametrize(("rate", "concurrency"), [(500, 5000), (0.25, 1)])
def test_rate_limits_at_the_ends_of_their_ranges_are_accepted(rate: float, concurrency: int) -> None:
    """The largest values are allowed, and rates may be fractions."""
    limits = {"max_dispatches_per_second": rate, "max_concurrent_dispatches": concurrency}
    config = service_with({"rate_limits": limits}).queues[QUEUE].config
    assert (config.rate_limits.max_dispatches_per_second, config.rate_limits.max_concurrent_dispatches) == (
        rate,
        concurrency,
    )


# --- updates -----------------------------------------------------------------------------------------------------

SET = {
    "rate_limits": {"max_dispatches_per_second": 5, "max_concurrent_dispatches": 3},
    "retry_config": {"max_attempts": 7, "min_backoff": 2 * SECOND},
    "stackdriver_logging_config": {"sampling_ratio": 0.5},
}


def test_an_update_without_a_mask_sets_everything() -> None:
    """Missing fields get the service's defaults."""
    service = service_with(SET)
    queue = service.update_queue(START, QUEUE, {"retry_config": {"max_attempts": 9}})
    assert queue is service.queues[QUEUE]
    assert queue.config.rate_limits == RateLimits(500.0, 100, 1000)
    assert queue.config.retry_config == RetryConfig(max_attempts=9)
    assert queue.config.other == {}


def test_a_mask_names_what_is_taken() -> None:
    """Nested paths work; fields that aren't named stay; named but missing fields get the default."""
    service = service_with(SET)
    given = {"rate_limits": {"max_dispatches_per_second": 100, "max_concurrent_dispatches": 9}}
    mask = ["rate_limits.max_dispatches_per_second", "retry_config.min_backoff", "stackdriver_logging_config"]
    config = service.update_queue(START, QUEUE, given, mask).config
    assert config.rate_limits == RateLimits(100, 20, 3)
    assert config.retry_config == RetryConfig(max_attempts=7)
    assert config.other == {}


def test_a_mask_can_name_a_whole_message() -> None:
    """All its fields are taken then, unset ones as defaults."""
    service = service_with(SET)
    config = service.update_queue(START, QUEUE, {"retry_config": {"max_doublings": 2}}, ["retry_config"]).config
    assert config.retry_config == RetryConfig(max_doublings=2)
    assert config.rate_limits == RateLimits(5, 10, 3)


@pytest.mark.parametrize("path", ["state", "name", "purge_time", "stats"])
def test_output_only_fields_in_a_mask_are_passed_over(path: str) -> None:
    """Naming them is no error and changes nothing."""
    service = service_with(SET)
    before = service.queues[QUEUE].config
    queue = service.update_queue(START, QUEUE, {"state": 2}, [path])
    assert (queue.config, queue.state) == (before, QueueState.RUNNING)


def test_an_empty_mask_changes_nothing() -> None:
    """It names no field, where no mask at all names every field."""
    service = service_with(SET)
    before = service.queues[QUEUE].config
    assert service.update_queue(START, QUEUE, {"retry_config": {"max_attempts": 9}}, []).config == before


@pytest.mark.parametrize(
    ("mask", "rates", "attempts", "other"),
    [
        (None, RateLimits(5, 10, 3), 7, {"stackdriver_logging_config": {"sampling_ratio": 0.5}}),
        ([], RateLimits(500, 100, 1000), 100, {}),
        (["rate_limits.max_concurrent_dispatches", "state"], RateLimits(500, 100, 3), 100, {}),
        (["rate_limits", "retry_config.max_attempts"], RateLimits(5, 10, 3), 7, {}),
    ],
)
def test_an_update_creates_a_queue_with_what_its_mask_names(
    mask: list[str] | None, rates: RateLimits, attempts: int, other: dict[str, Any]
) -> None:
    """Fields that the mask doesn't name have the service's defaults."""
    config = service_with().update_queue(START, f"{LOCATION}/queues/new", SET, mask).config
    assert (config.rate_limits, config.retry_config.max_attempts, config.other) == (rates, attempts, other)


def test_a_masked_zero_of_doublings_is_the_default() -> None:
    """0 is as unset, wherever it is given."""
    service = service_with({"retry_config": {"max_doublings": 3, "max_attempts": 7}})
    given = {"retry_config": {"max_doublings": 0}}
    config = service.update_queue(START, QUEUE, given, ["retry_config.max_doublings"]).config
    assert config.retry_config == RetryConfig(max_attempts=7)


def test_an_update_of_other_fields_leaves_doublings_of_a_queue_yaml() -> None:
    """A queue.yaml can set max_doublings to 0, which the API can't."""
    service = service_with()
    queue = service.queues[QUEUE]
    queue.reconfigure(replace(queue.config, retry_config=RetryConfig(max_doublings=0)), START)
    for mask in (["retry_config.max_attempts"], ["rate_limits"], []):
        config = service.update_queue(START, QUEUE, {"retry_config": {"max_attempts": 7}}, mask).config
        assert config.retry_config.max_doublings == 0
    assert service.update_queue(START, QUEUE, {}, ["retry_config"]).config.retry_config == RetryConfig()


def test_limits_are_checked_with_what_is_stored() -> None:
    """A backoff that a mask names has to go with the one that it doesn't."""
    service = service_with({"retry_config": {"max_backoff": 10 * SECOND}})
    assert_refused(
        service,
        Code.INVALID_ARGUMENT,
        "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        lambda: service.update_queue(
            START, QUEUE, {"retry_config": {"min_backoff": 20 * SECOND}}, ["retry_config.min_backoff"]
        ),
    )


def test_an_update_of_one_setting_leaves_the_others() -> None:
    """The default backoff of 0.1 s is not touched by an update of the rate."""
    service = service_with()
    before = service.queues[QUEUE].config.retry_config
    given = {"rate_limits": {"max_dispatches_per_second": 1}}
    after = service.update_queue(START, QUEUE, given, ["rate_limits.max_dispatches_per_second"]).config
    assert after.retry_config == before == RetryConfig()


def test_new_retry_settings_leave_what_is_already_scheduled() -> None:
    """They decide on later failures; a retry that waits keeps its time."""
    driver = driver_with(always(response(503)), {"retry_config": {"min_backoff": 10 * SECOND}})
    task = add(driver)
    driver.advance(0)
    settings = {"retry_config": {"min_backoff": 100 * SECOND, "max_doublings": 16}}
    driver.service.update_queue(START, QUEUE, settings)
    assert task.schedule_time == START + 10 * SECOND
    driver.advance(10 * SECOND)
    assert task.schedule_time == START + 210 * SECOND


# --- waiting ----------------------------------------------------------------------------------------------------


def test_the_tasks_that_are_due_come_in_the_order_of_their_dispatch() -> None:
    """Due tasks come in dispatch order, and so do all waiting tasks."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    for task_id, after in [("late", 5), ("b", 2), ("c", 2), ("a", 1)]:
        add(driver, task_id, schedule_time=START + after * SECOND)
    queue = driver.service.queues[QUEUE]
    assert ids(list(queue.waiting)) == ["a", "b", "c", "late"]
    assert [ids(queue.waiting.due(START + after * SECOND)) for after in (0, 1, 2, 5)] == [
        [],
        ["a"],
        ["a", "b", "c"],
        ["a", "b", "c", "late"],
    ]


def test_a_task_that_was_run_or_deleted_does_not_wait() -> None:
    """It is neither the first, nor due, nor waiting."""
    driver = driver_with(always(response(200), takes=SECOND))
    for task_id in "abc":
        add(driver, task_id, schedule_time=START + SECOND)
    queue = driver.service.queues[QUEUE]
    driver.service.run_task(START, f"{QUEUE}/tasks/a")
    driver.service.delete_task(START, f"{QUEUE}/tasks/b")
    assert ids(queue.waiting.due(START + SECOND)) == ids(list(queue.waiting)) == ["c"]
    first = queue.waiting.first()
    assert first is not None
    assert ids([first]) == ["c"]


def test_the_next_dispatch_waits_for_state_slot_task_and_token() -> None:
    """Each of the four can hold it back."""
    settings = {"rate_limits": {"max_dispatches_per_second": 1, "max_concurrent_dispatches": 1}}
    driver = driver_with(always(response(200), takes=HOUR // 60), settings, ServiceOptions(burst_size=1))
    queue = driver.service.queues[QUEUE]
    assert queue.next_dispatch() is None
    first = add(driver)
    assert queue.next_dispatch() == (START, first)
    driver.service.pause_queue(START, QUEUE)
    assert queue.next_dispatch() is None
    driver.service.resume_queue(START, QUEUE)
    driver.advance(0)
    second = add(driver)
    assert (queue.has_slot, queue.next_dispatch()) == (False, None)
    driver.service.update_queue(
        START, QUEUE, {"rate_limits": {"max_concurrent_dispatches": 2}}, ["rate_limits.max_concurrent_dispatches"]
    )
    assert queue.next_dispatch() == (START + SECOND, second)


def test_tenths_of_a_rate_add_up() -> None:
    """Halved and given back in tenths, the rate and the burst are what they were, to the last token."""
    driver = driver_with(
        settings={"rate_limits": {"max_dispatches_per_second": 1}}, options=ServiceOptions(burst_size=10)
    )
    queue = driver.service.queues[QUEUE]
    parts = []
    queue.allow(Fraction(1, 2), START)
    for _ in range(3):
        queue.allow(queue.throttle + Fraction(1, 10), START)
        driver.advance(HOUR)
        parts.append((queue.throttle, tokens_in(queue.rate, driver.now)))
    assert parts == [(Fraction(6, 10), 6), (Fraction(7, 10), 7), (Fraction(8, 10), 8)]


def test_a_part_of_the_rate_that_is_allowed_already_takes_no_tokens() -> None:
    """The rest of the burst stays, and a part below the minimum is the minimum."""
    driver = driver_with(
        settings={"rate_limits": {"max_dispatches_per_second": 64}}, options=ServiceOptions(burst_size=64)
    )
    queue = driver.service.queues[QUEUE]
    driver.advance(HOUR)
    queue.allow(Fraction(0), driver.now)
    assert (queue.throttle, tokens_in(queue.rate, driver.now)) == (LEAST_RATE, 1)
    queue.allow(LEAST_RATE / 2, driver.now)
    assert (queue.throttle, tokens_in(queue.rate, driver.now)) == (LEAST_RATE, 1)


@pytest.mark.parametrize("ratio", [-0.5, 1.5, float("nan"), -5e-324, 1.0000000000000002])
def test_a_sampling_ratio_is_a_part_of_one(ratio: float) -> None:
    """A new queue and an update reject another alike, and nothing changes."""
    service, settings = service_with(), {"stackdriver_logging_config": {"sampling_ratio": ratio}}
    for command in (
        lambda: service.create_queue(START, LOCATION, f"{LOCATION}/queues/new", settings),
        lambda: service.update_queue(START, QUEUE, settings),
    ):
        assert_refused(
            service,
            Code.INVALID_ARGUMENT,
            "sampling_ratio must be between 0.0 and 1.0.",
            command,
        )


@pytest.mark.parametrize("given", [{}, {"sampling_ratio": 0.0}])
def test_a_sampling_ratio_of_zero_is_as_unset(given: dict[str, float]) -> None:
    """The message is dropped."""
    assert service_with({"stackdriver_logging_config": given}).queues[QUEUE].config.other == {}


def test_a_task_that_will_be_removed_first_is_skipped() -> None:
    """A task that expires first, or that a purge removes first, does not hold back the others."""
    driver = driver_with(options=ServiceOptions(purge_delay=SECOND))
    queue = driver.service.queues[QUEUE]
    add(driver, "purged", schedule_time=START + 2 * SECOND)
    soon = add(driver, "soon", schedule_time=START)
    driver.service.purge_queue(START, QUEUE)
    assert queue.next_dispatch() == (START, soon)
    driver.service.delete_task(START, soon.name)
    assert queue.next_dispatch() is None
    later = add(driver, "later", schedule_time=START + 3 * SECOND)
    assert queue.next_dispatch() == (START + 3 * SECOND, later)
    later.schedule_time = later.create_time + 31 * DAY
    queue.waiting.add(later, 0)
    assert queue.next_dispatch() is None


@pytest.mark.parametrize("made", [0, -1, True, "x", float("inf")])
def test_a_wrong_burst_size_is_an_error(made: object) -> None:
    """The callable of the service option must return a number of one or more; a fraction is truncated."""
    message = (
        f"The service option burst_size returned {made!r} for a rate of 5 dispatches a second."
        " Return a number of 1 or more."
    )
    with pytest.raises(ValueError, match="burst_size") as refusal:
        rate_limits_from({"max_dispatches_per_second": 5.0}, ServiceOptions(burst_size=lambda rate: made))  # type: ignore[return-value]
    assert str(refusal.value) == message
    assert rate_limits_from({}, ServiceOptions(burst_size=lambda rate: rate * 1.5)).max_burst_size == 750  # type: ignore[arg-type]


# --- dispatch rate ---


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
def test_a_fractional_interval_is_rounded_up(per_second: float) -> None:
    """The rate is never exceeded, and no rounding accumulates: the n-th token comes after n whole intervals."""
    rate = DispatchRate(per_second, 1)
    interval = -int(-SECOND // per_second)
    assert taken_at(rate, 1001)[-1] == 1000 * interval
    assert 1000 * interval >= 1000 * SECOND / per_second


def test_a_change_keeps_the_tokens_up_to_the_new_burst() -> None:
    """Existing tokens stay; a smaller burst caps them, a larger one adds none."""
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
    """A clock that is reset leaves as many tokens as there were."""
    rate = DispatchRate(1, 1)
    rate.shift(-DAY)
    assert rate.ready_at() is None
    taken_at(rate, 1, DAY)
    rate.shift(-DAY)
    assert rate.ready_at() == SECOND


# --- stats ---


OTHER = f"{LOCATION}/queues/other"


def stats(driver: Driver) -> QueueStats:
    return stats_of(driver.service.queues[QUEUE], driver.now)


def test_an_empty_queue_has_a_rate_and_nothing_else() -> None:
    """Its rate is what its settings allow."""
    settings = {"rate_limits": {"max_dispatches_per_second": 5}}
    assert stats(driver_with(settings=settings)) == QueueStats(0, None, 0, 0, 5.0)


def test_a_throttled_queue_shows_its_current_rate() -> None:
    """The system's throttle is included."""
    driver = driver_with(settings={"rate_limits": {"max_dispatches_per_second": 5}})
    driver.service.queues[QUEUE].allow(Fraction(1, 2), START)
    assert stats(driver).effective_execution_rate == 2.5


def test_tasks_and_attempts_under_way_are_counted() -> None:
    """A task whose attempt is under way is there, and no longer waits."""
    driver = driver_with(always(response(200), takes=HOUR))
    add(driver)
    add(driver, schedule_time=START + MINUTE)
    driver.advance(SECOND)
    found = stats(driver)
    assert (found.tasks_count, found.concurrent_dispatches_count) == (2, 1)
    assert found.oldest_estimated_arrival_time == START + MINUTE


def test_a_task_that_is_overdue_is_estimated_to_come_now() -> None:
    """The estimation is never in the past."""
    driver = driver_with()
    add(driver)
    driver.service.pause_queue(START, QUEUE)
    driver.advance(MINUTE)
    assert stats(driver).oldest_estimated_arrival_time == START + MINUTE


def test_the_nearest_message_of_a_pull_queue_is_in_the_statistics() -> None:
    """Whatever the order in which messages were put there."""
    service = RecordedService(numbered_ids())
    service.create_queue(START, LOCATION, QUEUE, {"type": QueueType.PULL})
    for after in (HOUR, MINUTE, 2 * HOUR):
        service.create_task(START, QUEUE, TaskSpec(PullMessage(b"x", ""), schedule_time=START + after))
    assert stats_of(service.queues[QUEUE], START).oldest_estimated_arrival_time == START + MINUTE
    service.purge_queue(START, QUEUE)
    assert stats_of(service.queues[QUEUE], START).oldest_estimated_arrival_time is None


def test_answers_of_the_last_minute_are_counted() -> None:
    """All answers of the queue count; those of a minute ago and of other queues don't."""
    driver = driver_with(settings={"retry_config": {"max_attempts": 1}})
    driver.service.create_queue(START, LOCATION, OTHER, {})
    add(driver)
    driver.service.create_task(START, OTHER, TaskSpec(HttpTarget(URL)))
    driver.drain()
    assert stats(driver).executed_last_minute_count == 1

    driver.advance(SECOND)
    driver.handler = always(response(500))
    add(driver)
    driver.drain()
    assert stats(driver).executed_last_minute_count == 2

    driver.advance(59 * SECOND)
    assert stats(driver).executed_last_minute_count == 1
    driver.advance(SECOND)
    assert stats(driver).executed_last_minute_count == 0
