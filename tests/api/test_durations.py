"""Durations: every parameter that takes one takes the same, and says the same of what is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from pytest_cloudtasks import FakeCloudTasks, TargetRequest, retry_schedule
from pytest_cloudtasks.strategies import schedule_times, workloads

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
TakesDuration = Callable[[FakeCloudTasks, Any], object]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts"])


def handled(fake: FakeCloudTasks, handler: Callable[[TargetRequest], object]) -> None:
    """Have a handler called, which takes the duration."""
    fake.route(MAILER, handler=handler, on_exception="raise")
    task = {"http_request": {"url": MAILER}}
    fake.client().create_task(parent=fake.queue_path("receipts"), task=task)
    fake.drain()


def slept(fake: FakeCloudTasks, duration: Any) -> None:
    async def handler(request: TargetRequest) -> None:
        await fake.aio.sleep(duration)

    handled(fake, handler)


def chosen(fake: FakeCloudTasks, duration: Any) -> None:
    @given(data=st.data())
    @settings(max_examples=1, database=None, suppress_health_check=list(HealthCheck))
    def example(data: st.DataObject) -> None:
        with FakeCloudTasks() as other:
            other.choose_from(data, delays=duration)

    example()


def drawn(strategy: st.SearchStrategy[Any]) -> None:
    @given(strategy)
    @settings(max_examples=1, database=None, suppress_health_check=list(HealthCheck))
    def example(value: Any) -> None:
        pass

    try:
        example()
    except InvalidArgument as error:
        raise TypeError(str(error)) from None


PARAMETERS: dict[str, TakesDuration] = {
    "advance()": lambda fake, duration: fake.advance(duration),
    "drain(until=…)": lambda fake, duration: fake.drain(duration),
    "aio.sleep()": slept,
    "takes()": lambda fake, duration: fake.route("https://other.test/").takes(duration),
    "request.takes()": lambda fake, duration: handled(fake, lambda request: request.takes(duration)),
    "forward(timeout=…)": lambda fake, duration: fake.forward("https://other.test", timeout=duration),
    "delay_dispatch()": lambda fake, duration: fake.delay_dispatch(duration),
    "choose_from(delays=…)": chosen,
    "delay=…": lambda fake, duration: fake.assert_not_enqueued(delay=duration),
    "deadline=…": lambda fake, duration: fake.assert_not_enqueued(deadline=duration),
    "within=…": lambda fake, duration: fake.assert_not_enqueued(at=START, within=duration),
    "assert_backoff()": lambda fake, duration: retried(fake, duration),
    "peak_rate()": lambda fake, duration: fake.queue("receipts").peak_rate(duration),
    "retry_schedule(attempt_takes=…)": lambda fake, duration: retry_schedule(attempt_takes=duration),
    "assert_gives_up_within()": lambda fake, duration: retry_schedule({"max_attempts": 1}).assert_gives_up_within(
        duration
    ),
    "assert_survives_outage()": lambda fake, duration: retry_schedule({"max_attempts": -1}).assert_survives_outage(
        duration
    ),
    "service option task_tombstone_ttl": lambda fake, duration: FakeCloudTasks(
        service={"task_tombstone_ttl": duration}
    ),
    "workloads(within=…)": lambda fake, duration: drawn(workloads(within=duration)),
    "schedule_times(within=…)": lambda fake, duration: drawn(schedule_times(now=START, within=duration)),
}
ABOVE_ZERO = {"delay_dispatch()", "forward(timeout=…)", "peak_rate()"}


def retried(fake: FakeCloudTasks, duration: Any) -> None:
    """Compare the one backoff of a task, of 90 seconds."""
    fake.create_queue("slow", retry_config={"min_backoff": "90s", "max_attempts": 2})
    fake.route(MAILER).returns(503, 200)
    task = fake.client().create_task(parent=fake.queue_path("slow"), task={"http_request": {"url": MAILER}})
    fake.drain()
    fake.assert_backoff(task, [duration])


@pytest.mark.filterwarnings("ignore::pytest_cloudtasks.CloudTasksWarning")
@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("duration", [timedelta(seconds=90), "90s", "1.5m"], ids=repr)
def test_a_timedelta_and_a_text_are_taken(cloud_tasks: FakeCloudTasks, parameter: str, duration: Any) -> None:
    """Both mean the same."""
    PARAMETERS[parameter](cloud_tasks, duration)


@pytest.mark.filterwarnings("ignore::pytest_cloudtasks.CloudTasksWarning")
@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("given", [90, "90", "soon", "٣s", "nan s", "1e3s"], ids=ascii)
def test_a_wrong_duration_is_rejected(cloud_tasks: FakeCloudTasks, parameter: str, given: Any) -> None:
    """The sentence is the same for every method."""
    with pytest.raises((TypeError, ValueError)) as refusal:
        PARAMETERS[parameter](cloud_tasks, given)
    or_else = "an aware datetime, or " if parameter == "drain(until=…)" else ""
    assert str(refusal.value) == (
        f"{parameter} takes {or_else}a duration such as timedelta(seconds=30) or '30s', but got {given!r}."
    )


@pytest.mark.filterwarnings("ignore::pytest_cloudtasks.CloudTasksWarning")
@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_negative_duration_is_rejected(cloud_tasks: FakeCloudTasks, parameter: str) -> None:
    """Time can't go backwards, and nothing takes less than no time."""
    with pytest.raises((TypeError, ValueError)) as refusal:
        PARAMETERS[parameter](cloud_tasks, timedelta(seconds=-1))
    least = (
        "more than zero" if parameter in ("delay_dispatch()", "forward(timeout=…)", "peak_rate()") else "zero or more"
    )
    assert str(refusal.value) == (
        f"{parameter} takes a duration of {least}, but got datetime.timedelta(days=-1, seconds=86399)."
    )


def test_a_text_matches_as_its_timedelta_does(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Delay, deadline and tolerance of a match are durations; a failure shows them as such."""
    enqueue("one", MAILER, schedule_time=START + timedelta(minutes=10), dispatch_deadline=timedelta(seconds=20))
    cloud_tasks.assert_enqueued(delay="10m", deadline="20s")
    cloud_tasks.assert_enqueued(delay="9m", within="1m")
    with pytest.raises(AssertionError, match="delay: 9 min"):
        cloud_tasks.assert_enqueued(delay="9m", within="59s")


# --- what advance() takes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_awaited", [False, True])
@pytest.mark.parametrize(
    ("length", "kind", "message"),
    [
        (
            {},
            TypeError,
            "advance() takes one of a duration, keywords such as hours=2, and to=instant, but got none of them.",
        ),
        *(
            (
                length,
                TypeError,
                "advance() takes one of a duration, keywords such as hours=2, and to=instant, but got more than one of"
                " them.",
            )
            for length in (
                {"by": timedelta(1), "hours": 1},
                {"by": timedelta(1), "to": START + timedelta(2)},
                {"hours": 0, "to": START + timedelta(2)},
            )
        ),
        ({"hours": float("nan")}, ValueError, "advance(hours=…) takes a finite number, but got nan."),
        ({"hours": float("inf")}, ValueError, "advance(hours=…) takes a finite number, but got inf."),
        ({"hours": "2"}, TypeError, "advance(hours=…) takes a finite number, but got '2'."),
        ({"minutes": True}, TypeError, "advance(minutes=…) takes a finite number, but got True."),
        ({"days": 10**400}, ValueError, "advance() takes less than 999999999 days, but got {'days': 1000"),
        (
            {"seconds": -1},
            ValueError,
            "advance() takes a duration of zero or more, but got datetime.timedelta(days=-1,",
        ),
        (
            {"by": START},
            TypeError,
            "advance() takes a duration such as timedelta(hours=2) or '2h', but got datetime.datetime(2030, 1, 1, 0, 0,"
            " tzinfo=datetime.timezone.utc). Pass an instant as to=….",
        ),
        ({"to": "2030-01-01"}, TypeError, "advance(to=…) takes an aware datetime, but got '2030-01-01'."),
    ],
)
def test_advance_takes_one_length(
    cloud_tasks: FakeCloudTasks, length: dict[str, Any], kind: type[Exception], message: str, is_awaited: bool
) -> None:
    """No value and several values are rejected, and so is a wrong number; no time passes."""

    async def awaited() -> None:
        await cloud_tasks.aio.advance(**length)

    with pytest.raises(kind) as refusal:
        asyncio.run(awaited()) if is_awaited else cloud_tasks.advance(**length)
    assert str(refusal.value).startswith(message)
    assert cloud_tasks.clock.elapsed == timedelta(0)


def test_keywords_of_zero_are_a_length(cloud_tasks: FakeCloudTasks) -> None:
    """Nothing passes, and that was asked for."""
    cloud_tasks.advance(hours=0)
    assert cloud_tasks.clock.elapsed == timedelta(0)
