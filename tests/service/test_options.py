"""The service options."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.options import ServiceOptions, SystemThrottle, burst_for
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, PushTarget
from pytest_cloudtasks._service.task import Outcome, OutcomeKind, TaskSpec, TaskState, response
from pytest_cloudtasks._service.validation import RPCS
from pytest_cloudtasks._units import DAY, HOUR, LATEST, MILLISECOND, SECOND
from tests.each import each

from .driving import (
    LOCATION,
    QUEUE,
    START,
    URL,
    RecordedService,
    add,
    always,
    assert_refused,
    dispatched_at,
    driver_with,
    numbered_ids,
    scripted,
    service_with,
    state_of,
)

# --- options ---


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


# --- service options ---


OTHER = f"{LOCATION}/queues/other"
SPEC = TaskSpec(HttpTarget(URL))


LIMITED = ("create_task", "buffer_task", "batch_create_tasks", "batch_delete_tasks", "get_queue")


@each("rpc", RPCS)
@each("timeout", [None, 0.5, 30.0])
def test_a_caller_may_wait_for_30_seconds(rpc: str, timeout: float | None) -> None:
    """Or give no time-out."""
    service_with().check_wait(rpc, START, timeout)


@each("rpc", sorted(RPCS.keys() - set(LIMITED)))
def test_other_rpcs_have_no_limit(rpc: str) -> None:
    """A caller of another RPC may wait any time."""
    service_with().check_wait(rpc, START, 600.0)


@pytest.mark.parametrize("rpc", LIMITED)
def test_a_longer_client_timeout_is_rejected(rpc: str) -> None:
    """The text has the deadline in Pacific time, and nothing changes."""
    service = service_with()
    assert_refused(
        service,
        Code.INVALID_ARGUMENT,
        "The request deadline is 2023-11-14T14:13:50.5-08:00. The deadline cannot be more than 30s in the future.",
        lambda: service.check_wait(rpc, START, 30.5),
    )


@pytest.mark.parametrize("timeout", [1e12, 1e300, float("inf"), float("nan")])
def test_a_wait_beyond_the_calendar_is_rejected_alike(timeout: float) -> None:
    """Its deadline is shown as the last instant of the year 9999."""
    service = service_with()
    assert_refused(
        service,
        Code.INVALID_ARGUMENT,
        "The request deadline is 9999-12-31T15:59:59.999999-08:00. The deadline cannot be more than 30s in the future.",
        lambda: service.check_wait("create_task", START, timeout),
    )


def test_waiting_longer_can_be_allowed() -> None:
    """By the service option enforce_rpc_deadline."""
    service = service_with(options=ServiceOptions(enforce_rpc_deadline=False))
    service.check_wait("create_task", START, 600.0)


def test_a_recreated_queue_may_not_exist() -> None:
    """With ghost_recreate CreateQueue succeeds while the name is reserved, and has made nothing."""
    service = service_with(options=ServiceOptions(ghost_recreate=True))
    service.delete_queue(START, QUEUE)
    before = state_of(service)
    assert service.create_queue(START, LOCATION, QUEUE, {}).name == QUEUE
    assert state_of(service) == before
    assert service.queues == {}


def test_missing_queues_can_have_the_errors_of_earlier_years() -> None:
    """With legacy_errors CreateTask has different errors for a queue that never existed and a deleted one, and changes
    nothing.
    """
    service = service_with(options=ServiceOptions(legacy_errors=True))
    service.delete_queue(START, QUEUE)
    for name, message in (
        (OTHER, "Queue does not exist."),
        (QUEUE, "The queue no longer exists, though a queue with this name existed recently."),
    ):
        assert_refused(
            service, Code.FAILED_PRECONDITION, message, lambda name=name: service.create_task(START, name, SPEC)
        )


def test_a_new_queue_can_take_a_while_to_be_found() -> None:
    """With queue_init_delay CreateTask rejects tasks until then, as if the queue didn't exist, and changes nothing."""
    service = service_with(options=ServiceOptions(queue_init_delay=SECOND))
    assert_refused(
        service,
        Code.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
        lambda: service.create_task(START + SECOND - 1, QUEUE, SPEC),
    )
    assert service.create_task(START + SECOND, QUEUE, SPEC).is_live


def test_a_purge_can_take_a_while() -> None:
    """With purge_delay tasks may be dispatched until then; later tasks of the queue are not affected."""
    driver = driver_with(always(response(500)), options=ServiceOptions(purge_delay=10 * SECOND))
    tried = add(driver, "tried", schedule_time=START + 9 * SECOND)
    waiting = add(driver, "waiting", schedule_time=START + 11 * SECOND)
    driver.service.purge_queue(START, QUEUE)
    later = add(driver, "later", schedule_time=START + 20 * SECOND)
    driver.advance(10 * SECOND - 1)
    assert tried.is_live

    driver.advance(1)

    assert dispatched_at(tried)[0] == 9 * SECOND
    assert [task.state for task in (tried, waiting)] == [TaskState.DELETED, TaskState.DELETED]
    assert waiting.ended_at == START + 10 * SECOND
    assert later.is_live
    assert driver.service.queues[QUEUE].purges == []


def test_a_second_purge_does_not_put_the_first_off() -> None:
    """With purge_delay tasks are removed by the first purge that applies to them, however many follow."""
    driver = driver_with(options=ServiceOptions(purge_delay=10 * SECOND))
    queue = driver.service.queues[QUEUE]
    task = add(driver, schedule_time=START + 60 * SECOND)
    driver.service.purge_queue(START, QUEUE)
    driver.service.purge_queue(START, QUEUE)
    driver.advance(5 * SECOND)
    driver.service.purge_queue(START + 5 * SECOND, QUEUE)

    driver.advance(5 * SECOND)

    assert (task.state, task.ended_at) == (TaskState.DELETED, START + 10 * SECOND)
    assert queue.purges == []


def test_remove_due_returns_whether_it_removed_anything() -> None:
    """A purge that takes effect counts, and nothing happens twice."""
    driver = driver_with(options=ServiceOptions(purge_delay=SECOND))
    add(driver, schedule_time=START + 5 * SECOND)
    driver.service.purge_queue(START, QUEUE)
    observe = driver.service.scheduler.remove_due
    assert [observe(START), observe(START + SECOND), observe(START + 2 * SECOND)] == [False, True, False]


@pytest.mark.parametrize(("is_success", "end"), [(False, TaskState.EXHAUSTED), (True, TaskState.SUCCEEDED)])
def test_304_can_end_a_task_well(is_success: bool, end: TaskState) -> None:
    """With treat_304_as_success; by default it is a failure."""
    options = ServiceOptions(treat_304_as_success=is_success)
    driver = driver_with(always(response(304)), {"retry_config": {"max_attempts": 1}}, options)
    task = add(driver)
    driver.drain()
    assert task.state is end


@pytest.mark.parametrize(("honour", "second"), [(True, 30 * SECOND), (False, 100 * MILLISECOND)])
def test_a_target_can_put_its_retry_off(honour: bool, second: int) -> None:
    """With honour_retry_after, to an instant past its backoff; an earlier one has no effect."""
    late = Outcome(OutcomeKind.RESPONSE, 503, retry_at=START + 30 * SECOND)
    early = Outcome(OutcomeKind.RESPONSE, 503, retry_at=START)
    driver = driver_with(scripted(late, early, response(200)), options=ServiceOptions(honour_retry_after=honour))
    task = add(driver)
    driver.drain()
    assert dispatched_at(task) == [0, second, second + 200 * MILLISECOND]


def test_a_retry_is_put_off_to_the_last_instant_at_the_most() -> None:
    """A Retry-After may be any number of seconds, but a schedule time ends with the years of Google's messages."""
    never = Outcome(OutcomeKind.RESPONSE, 503, retry_at=START + 10**12 * SECOND)
    driver = driver_with(always(never), options=ServiceOptions(honour_retry_after=True))
    task = add(driver)
    driver.drain()
    assert (dispatched_at(task), task.schedule_time) == ([0], LATEST)


@pytest.mark.parametrize(
    ("target", "status", "part"),
    [
        (HttpTarget(URL), 429, Fraction(1, 2)),
        (HttpTarget(URL), 503, Fraction(1, 2)),
        (HttpTarget(URL), 500, Fraction(1)),
        (AppEngineTarget(), 429, Fraction(1)),
        (AppEngineTarget(), 503, Fraction(1, 2)),
    ],
)
def test_answers_that_ask_for_less_halve_the_rate(target: PushTarget, status: int, part: Fraction) -> None:
    """With system_throttle: 429 and 503 of HTTP targets, and only 503 of App Engine."""
    driver = driver_with(
        always(response(status)),
        {"retry_config": {"max_attempts": 1}},
        ServiceOptions(system_throttle=SystemThrottle.SIMPLE),
    )
    driver.service.create_task(START, QUEUE, TaskSpec(target))
    driver.drain()
    assert driver.service.queues[QUEUE].throttle == part


def test_successes_bring_the_rate_back() -> None:
    """Each a tenth of the whole, and no more than the whole."""
    driver = driver_with(
        scripted(response(503), response(200)), options=ServiceOptions(system_throttle=SystemThrottle.SIMPLE)
    )
    queue = driver.service.queues[QUEUE]
    add(driver)
    driver.drain()
    assert queue.throttle == Fraction(6, 10)
    driver.handler = always(response(200))
    for _ in range(5):
        add(driver)
    driver.drain()
    assert queue.throttle == 1


def test_by_default_no_answer_changes_the_rate() -> None:
    """The numbers are only our choice, so the option is off by default."""
    driver = driver_with(scripted(response(503), response(200)))
    add(driver)
    driver.drain()
    assert driver.service.queues[QUEUE].throttle == 1


def test_a_location_has_a_thousand_queues() -> None:
    """The next one is rejected, and nothing changes; another location has its own thousand."""
    service = RecordedService(numbered_ids())
    for number in range(1000):
        service.create_queue(START, LOCATION, f"{LOCATION}/queues/q{number}", {})
    assert_refused(
        service,
        Code.RESOURCE_EXHAUSTED,
        "The project has 1000 queues in this location, and no more are allowed.",
        lambda: service.create_queue(START, LOCATION, f"{LOCATION}/queues/more", {}),
    )
    elsewhere = "projects/p/locations/elsewhere"
    assert service.create_queue(START, elsewhere, f"{elsewhere}/queues/q", {}).name == f"{elsewhere}/queues/q"
