from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.cloud import tasks_v2
from google.protobuf import duration_pb2

from pytest_cloudtasks import CloudTasksAssertionError, retry_schedule

SECOND = timedelta(seconds=1)


class Unprintable:
    """No message can show it."""

    def __repr__(self) -> str:
        raise RuntimeError


FIVE = """\
1  +0:00:00
2  +0:00:10         10 s later
3  +0:00:30         20 s later
4  +0:01:10         40 s later
5  +0:02:30         1 min 20 s later
It is given up after 2 min 30 s, by max_attempts 5."""
CAPPED = """\
    1  +0:00:00
    2  +0:00:00.100     0.1 s later
    3  +0:00:00.200     0.1 s later
    4  +0:00:00.300     0.1 s later
    5  +0:00:00.400     0.1 s later
    6  +0:00:00.500     0.1 s later
       … 9,988 attempts more …
 9995  +0:16:39.400     0.1 s later
 9996  +0:16:39.500     0.1 s later
 9997  +0:16:39.600     0.1 s later
 9998  +0:16:39.700     0.1 s later
 9999  +0:16:39.800     0.1 s later
10000  +0:16:39.900     0.1 s later
After 10,000 attempts in 16 min 39.9 s it is not given up yet."""


def message(kind: Any) -> Any:
    """One of Google's messages with five attempts, ten seconds and more apart."""
    config = tasks_v2.RetryConfig(max_attempts=5, min_backoff=duration_pb2.Duration(seconds=10))
    return config if kind is tasks_v2.RetryConfig else kind(retry_config=config)


@pytest.mark.parametrize(
    "given",
    [
        {"max_attempts": 5, "min_backoff": "10s"},
        {"max_attempts": 5, "min_backoff": timedelta(seconds=10)},
        *(message(kind) for kind in (tasks_v2.RetryConfig, tasks_v2.Queue)),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_schedule_of_whatever_has_a_retry_config(given: Any) -> None:
    """Fields, a RetryConfig, or a message that has one; the rest are the service's defaults."""
    five = retry_schedule(given)
    assert [at / SECOND for at in five.attempts] == [0, 10, 30, 70, 150]
    assert (five.span, five.gives_up_after) == (timedelta(seconds=150), timedelta(seconds=150))
    assert five.reason == "max_attempts 5"
    assert str(five) == FIVE


def test_a_schedule_of_a_task_is_that_of_its_own_config() -> None:
    """A task's retry_config is read like a queue's."""
    if "retry_config" in tasks_v2.Task.pb(None).DESCRIPTOR.fields_by_name:
        assert str(retry_schedule(message(tasks_v2.Task))) == FIVE


def test_without_a_config_the_plan_is_that_of_the_defaults() -> None:
    """A hundred attempts in three and a half days."""
    default = retry_schedule()
    assert len(default.attempts) == 100
    assert default.span == timedelta(days=3, hours=12, minutes=49, seconds=13.5)


def test_attempts_that_take_time_put_the_next_ones_off() -> None:
    """The wait counts from the end of the attempt, and giving up comes with the end of the last one."""
    slow = retry_schedule({"max_attempts": 3, "min_backoff": "10s"}, attempt_takes=2 * SECOND)
    assert [at / SECOND for at in slow.attempts] == [0, 12, 34]
    assert slow.gives_up_after == timedelta(seconds=36)


def test_a_long_plan_is_cut() -> None:
    """What goes on for ever is shown by its beginning and its end."""
    endless = retry_schedule({"max_attempts": -1, "max_backoff": "0.1s"})
    assert (endless.reason, endless.gives_up_after) == (None, None)
    assert str(endless) == CAPPED


def test_giving_up_in_time_is_asserted() -> None:
    """The instant itself counts; a moment less fails, with the schedule."""
    five = retry_schedule({"max_attempts": 5, "min_backoff": "10s"})
    five.assert_gives_up_within(timedelta(seconds=150))
    with pytest.raises(CloudTasksAssertionError) as failure:
        five.assert_gives_up_within(timedelta(seconds=149))
    assert str(failure.value) == (
        "A task that keeps failing is not given up within 2 min 29 s: it is given up after 2 min 30 s, by"
        f" max_attempts 5.\n\n{FIVE}"
    )


def test_what_is_not_given_up_for_long_is_reported() -> None:
    """Without limits a task ends with its retention; or no end is in sight."""
    with pytest.raises(CloudTasksAssertionError, match="it is given up after 31 d, at the end of its retention"):
        retry_schedule({"max_attempts": -1}).assert_gives_up_within(timedelta(days=30))
    with pytest.raises(CloudTasksAssertionError, match=r"after 10,000 attempts in 16 min .* it is not given up yet"):
        retry_schedule({"max_attempts": -1, "max_backoff": "0.1s"}).assert_gives_up_within(timedelta(days=30))


def test_surviving_an_outage_is_asserted() -> None:
    """An attempt has to come after the outage; the error says how many are needed."""
    five = retry_schedule({"max_attempts": 5, "min_backoff": "10s"})
    five.assert_survives_outage(timedelta(seconds=150))
    with pytest.raises(CloudTasksAssertionError) as failure:
        five.assert_survives_outage(timedelta(hours=1))
    assert str(failure.value) == (
        "The task does not survive an outage of 1 h from its first dispatch on: the last attempt comes after 2 min 30"
        f" s, and it is given up after 2 min 30 s, by max_attempts 5. max_attempts=10 would be enough.\n\n{FIVE}"
    )
    retry_schedule({"max_attempts": 10, "min_backoff": "10s"}).assert_survives_outage(timedelta(hours=1))


def test_what_the_service_rejects_is_rejected() -> None:
    """With its own text."""
    with pytest.raises(ValueError, match="retry config") as refusal:
        retry_schedule({"max_attempts": -2})
    assert str(refusal.value) == (
        "The service rejects this retry config: RetryConfig.maxAttempts must be greater or equal to -1."
    )


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"max_attempt": 3},
            "max_attempt is no field of Google's RetryConfig. Did you mean 'max_attempts'? Its fields are max_attempts,"
            " max_retry_duration, min_backoff, max_backoff and max_doublings, durations as a timedelta or a text such"
            ' as "10s".',
        ),
        (
            {"min_backoff": "10 seconds"},
            "min_backoff takes a timedelta or a text such as \"10s\", but got '10 seconds'.",
        ),
        ({"min_backoff": 10}, 'min_backoff takes a timedelta or a text such as "10s", but got 10.'),
        (3, "retry_config takes a mapping of the fields of Google's RetryConfig, but got 3."),
        (
            Unprintable(),
            "retry_config takes a mapping of the fields of Google's RetryConfig, but got (a Unprintable whose repr"
            " raised RuntimeError).",
        ),
        (
            {"max_attempts": Unprintable()},
            "max_attempts takes a whole number, but got (a Unprintable whose repr raised RuntimeError).",
        ),
        (
            {Unprintable(): 3},
            "(a Unprintable whose str raised RuntimeError) is no field of Google's RetryConfig. Its fields are"
            " max_attempts, max_retry_duration, min_backoff, max_backoff and max_doublings, durations as a timedelta"
            ' or a text such as "10s".',
        ),
    ],
)
def test_a_wrong_retry_config_is_rejected(config: Any, told: str) -> None:
    """A misspelt field or a wrong value is rejected with the same text as for a queue."""
    with pytest.raises(ValueError, match="retry config") as refusal:
        retry_schedule(config)
    assert str(refusal.value) == f"This retry config is not valid: {told}"


def test_a_target_takes_no_negative_time() -> None:
    """Such a duration is rejected."""
    with pytest.raises(ValueError, match="attempt_takes") as refusal:
        retry_schedule(attempt_takes=-SECOND)
    assert str(refusal.value) == (
        "retry_schedule(attempt_takes=…) takes a duration of zero or more, but got datetime.timedelta(days=-1,"
        " seconds=86399)."
    )


def test_a_plan_in_an_assertion_is_short() -> None:
    """Its repr has what users can ask it for, and nothing that it keeps for itself."""
    assert repr(retry_schedule({"max_attempts": 1})) == (
        "RetrySchedule(attempts=(datetime.timedelta(0),), gives_up_after=datetime.timedelta(0), reason='max_attempts"
        " 1')"
    )
