"""A plan is what the service does to a task that keeps failing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.queue_settings import TASK_TTL
from pytest_cloudtasks._service.retry import RETENTION, RetryConfig, schedule_of
from pytest_cloudtasks._service.task import TaskState, response
from pytest_cloudtasks._units import SECOND

from .driving import START, add, always, dispatched_at, driver_with

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
