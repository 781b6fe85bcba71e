"""Retries: waits, limits and the schedule that follows."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue_settings import TASK_TTL
from pytest_cloudtasks._service.retry import (
    RETENTION,
    UNLIMITED,
    GiveUp,
    Retry,
    RetryConfig,
    delay_after,
    retry_config_from,
    schedule_of,
    verdict_on_failure,
)
from pytest_cloudtasks._service.task import TaskState, response
from pytest_cloudtasks._units import HOUR, LATEST, MILLISECOND, SECOND
from tests.each import each

from .driving import LOCATION, QUEUE, START, add, always, assert_refused, dispatched_at, driver_with, service_with

# --- backoff ---


VECTORS = json.loads((Path(__file__).parents[1] / "data" / "backoff_vectors.json").read_text(encoding="utf-8"))
DELAYS = VECTORS["delays"]
WITH_LINEAR_PHASE = [vector for vector in DELAYS if vector["if_the_linear_phase_were_forgotten"] is not None]
FAILING = always(response(503))


def milliseconds(values: list[int]) -> list[int]:
    return [value * MILLISECOND for value in values]


def backoff_of(vector: dict[str, Any]) -> dict[str, int]:
    return {
        "min_backoff": vector["min_backoff"] * MILLISECOND,
        "max_backoff": vector["max_backoff"] * MILLISECOND,
        "max_doublings": vector["max_doublings"],
    }


def name_of(vector: dict[str, Any]) -> str:
    return str(vector.get("name") or vector["why"])


# --- delays ------------------------------------------------------------------------------------------------------


def test_the_vectors_are_all_there() -> None:
    """The data holds the delays and stop rules that were collected, in the unit these tests read."""
    assert VECTORS["unit"] == "milliseconds"
    assert (len(DELAYS), len(WITH_LINEAR_PHASE), len(VECTORS["stops"])) == (19, 12, 8)


@each("vector", DELAYS, ids=name_of)
def test_delays_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    """The wait after each failure is the documented or recorded one."""
    config = RetryConfig(**backoff_of(vector))
    expected = milliseconds(vector["after_failure_n"])
    assert [delay_after(config, failures) for failures in range(1, len(expected) + 1)] == expected


@each("vector", WITH_LINEAR_PHASE, ids=name_of)
def test_delays_have_a_linear_phase(vector: dict[str, Any]) -> None:
    """After the doublings the delay still grows, unlike in a common mistake."""
    config = RetryConfig(**backoff_of(vector))
    mistaken = milliseconds(vector["if_the_linear_phase_were_forgotten"])
    assert [delay_after(config, failures) for failures in range(1, len(mistaken) + 1)] != mistaken


@each("vector", DELAYS, ids=name_of)
def test_a_failing_task_comes_again_at_the_delays_of_the_vectors(vector: dict[str, Any]) -> None:
    """A whole service keeps the same delays, between the end of an attempt and the next."""
    expected = milliseconds(vector["after_failure_n"])
    config = RetryConfig(**{**backoff_of(vector), "max_attempts": len(expected) + 1})
    driver = driver_with(FAILING, options=ServiceOptions(burst_size=100))
    queue = driver.service.queues[QUEUE]
    queue.reconfigure(replace(queue.config, retry_config=config), START)  # as a queue.yaml can have it
    task = add(driver)
    driver.drain()
    at = dispatched_at(task)
    assert [later - earlier for earlier, later in pairwise(at)] == expected
    assert task.state is TaskState.EXHAUSTED


@pytest.mark.parametrize("failures", [64, 65, 1000, 10**6])
def test_many_doublings_end_at_the_cap(failures: int) -> None:
    """A huge max_doublings computes no huge integer: beyond some doublings only the cap matters."""
    assert delay_after(RetryConfig(max_doublings=10**9), failures) == HOUR


# --- when to stop ------------------------------------------------------------------------------------------------


@each("vector", VECTORS["stops"], ids=name_of)
def test_a_failing_task_is_attempted_as_often_as_its_limits_allow(vector: dict[str, Any]) -> None:
    """Attempts come at the instants of the vectors, and then no more."""
    settings = {
        "retry_config": {
            **backoff_of(vector),
            "max_attempts": vector["max_attempts"],
            "max_retry_duration": vector["max_retry_duration"] * MILLISECOND,
        }
    }
    driver = driver_with(FAILING, settings)
    task = add(driver)
    driver.drain()
    assert dispatched_at(task) == milliseconds(vector["attempts_at"]["after_failure"])
    assert task.state is TaskState.EXHAUSTED


def test_by_default_a_task_is_attempted_a_hundred_times() -> None:
    """The default settings end after 100 attempts, the last one three and a half days in."""
    driver = driver_with(FAILING)
    task = add(driver)
    driver.drain()
    assert task.dispatch_count == VECTORS["default_queue"]["attempts"] == 100
    assert dispatched_at(task)[-1] == VECTORS["default_queue"]["last_attempt_at"] * MILLISECOND
    assert task.state is TaskState.EXHAUSTED


def verdict(config: RetryConfig, **given: int) -> Retry | GiveUp:
    """The verdict on a first failure, at once, unless told otherwise."""
    facts = {"attempts": 1, "failures": 1, "first_dispatch": 0, "ended": 0, **given}
    return verdict_on_failure(config, **facts)


def test_without_any_limit_there_is_always_a_retry() -> None:
    """Unlimited attempts and no retry duration never give up."""
    config = RetryConfig(max_attempts=UNLIMITED, min_backoff=SECOND, max_backoff=SECOND)
    assert verdict(config, attempts=10**6, ended=HOUR) == Retry(HOUR + SECOND)


def test_the_delay_counts_from_the_end_of_the_attempt() -> None:
    """The retry is due after the delay that the number of failures asks for, from ``ended`` on."""
    config = RetryConfig(min_backoff=SECOND, max_backoff=HOUR)
    assert verdict(config, failures=3, ended=50 * SECOND) == Retry(54 * SECOND)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (RetryConfig(max_attempts=1), "max_attempts 1"),
        (RetryConfig(max_attempts=UNLIMITED, max_retry_duration=3 * SECOND // 2), "max_retry_duration 1.5 s"),
        (RetryConfig(max_attempts=2, max_retry_duration=SECOND), "max_attempts 2 and max_retry_duration 1 s"),
    ],
)
def test_giving_up_says_which_limits_were_used_up(config: RetryConfig, reason: str) -> None:
    """The reason names every limit that was set."""
    assert verdict(config, attempts=2, ended=10 * SECOND) == GiveUp(reason)


# --- settings ----------------------------------------------------------------------------------------------------


def test_defaults_fill_what_is_left_out() -> None:
    """A queue that sets nothing has the recorded defaults, and so has one that sets everything to 0."""
    default = RetryConfig(100, 0, SECOND // 10, HOUR, 16)
    assert retry_config_from({}) == default
    assert retry_config_from(dict.fromkeys(RetryConfig._fields, 0)) == default


def test_what_is_given_is_kept() -> None:
    """Every setting in range is taken over, to the nanosecond."""
    given = {
        "max_attempts": -1,
        "max_retry_duration": 90 * SECOND,
        "min_backoff": 1,
        "max_backoff": SECOND + 1,
        "max_doublings": 3,
    }
    assert retry_config_from(given) == RetryConfig(**given)


REFUSED = [
    ({"max_attempts": -2}, "RetryConfig.maxAttempts must be greater or equal to -1."),
    ({"max_doublings": -1}, "RetryConfig.maxDoublings cannot be negative."),
    ({"min_backoff": -1}, "RetryConfig.minBackoff cannot be negative."),
    ({"max_backoff": -1}, "RetryConfig.maxBackoff cannot be negative."),
    ({"max_retry_duration": -SECOND}, "RetryConfig.max_retry_duration.seconds cannot be negative."),
    ({"max_retry_duration": -SECOND - 1}, "RetryConfig.max_retry_duration.seconds cannot be negative."),
    ({"max_retry_duration": -1}, "RetryConfig.max_retry_duration.nanos cannot be set."),
    ({"max_retry_duration": 1}, "RetryConfig.max_retry_duration.nanos cannot be set."),
    ({"max_retry_duration": 30 * SECOND - 1}, "RetryConfig.max_retry_duration.nanos cannot be set."),
    (
        {"min_backoff": 10 * SECOND, "max_backoff": 5 * SECOND},
        "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
    ),
    ({"min_backoff": 2 * HOUR}, "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."),
]


@each(("given", "message"), REFUSED)
def test_settings_out_of_range_are_rejected_wherever_they_are_given(given: dict[str, int], message: str) -> None:
    """A new queue, an update and a task of its own reject them alike, and nothing changes."""
    service = service_with()
    driver = driver_with()
    settings = {"retry_config": given}
    refused = Code.INVALID_ARGUMENT
    other = f"{LOCATION}/queues/other"
    assert_refused(service, refused, message, lambda: service.create_queue(START, LOCATION, other, settings))
    assert_refused(service, refused, message, lambda: service.update_queue(START, QUEUE, settings))
    assert_refused(service, refused, message, lambda: service.update_queue(START, QUEUE, settings, ["retry_config"]))
    assert_refused(driver.service, refused, message, lambda: add(driver, retry_config=given))


def test_no_retry_is_later_than_a_timestamp_can_say() -> None:
    """A backoff that leads beyond the year 9999 ends there."""
    far = RetryConfig(max_attempts=UNLIMITED, min_backoff=LATEST, max_backoff=LATEST)
    verdict = verdict_on_failure(
        far,
        attempts=1,
        failures=1,
        first_dispatch=START,
        ended=START,
    )
    assert verdict == Retry(LATEST)


# --- retry schedule ---


CONFIGS = st.builds(
    RetryConfig,
    max_attempts=st.sampled_from([-1, 1, 2, 5, 30]),
    max_retry_duration=st.sampled_from([0, 1, 10, 600, 86_400]).map(lambda seconds: seconds * SECOND),
    min_backoff=st.sampled_from([1, 10, 3600]).map(lambda seconds: seconds * SECOND),
    max_backoff=st.sampled_from([3600, 100_000]).map(lambda seconds: seconds * SECOND),
    max_doublings=st.integers(1, 5),
)


@given(CONFIGS, st.sampled_from([0, 7 * SECOND]))
def test_a_plan_is_what_happens(config: RetryConfig, takes: int) -> None:
    """Dispatches, their end and how it ends are those of a service in which a task fails every time."""
    course = schedule_of(config, takes=takes, retention=TASK_TTL, limit=3000)
    options = ServiceOptions()
    fields = {name: getattr(config, name) for name in RetryConfig._fields}
    driver = driver_with(always(response(503), takes), {"retry_config": fields}, options)
    task = add(driver)
    driver.advance(TASK_TTL)
    assert tuple(dispatched_at(task)) == course.dispatches
    assert task.ended_at == START + course.end
    assert task.state is (TaskState.EXPIRED if course.reason == RETENTION else TaskState.EXHAUSTED)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (RetryConfig(max_attempts=2), "max_attempts 2"),
        (RetryConfig(max_attempts=-1, max_retry_duration=SECOND), "max_retry_duration 1 s"),
        (RetryConfig(max_attempts=2, max_retry_duration=SECOND), "max_attempts 2 and max_retry_duration 1 s"),
        (RetryConfig(max_attempts=-1), RETENTION),
        (RetryConfig(max_attempts=-1, max_backoff=SECOND), None),
    ],
)
def test_a_plan_says_why_it_ends(config: RetryConfig, reason: str | None) -> None:
    """By its limits, by the retention, or not within the attempts that were looked at."""
    course = schedule_of(config, takes=0, retention=TASK_TTL, limit=1000)
    assert course.reason == reason
    assert len(course.dispatches) <= 1000
