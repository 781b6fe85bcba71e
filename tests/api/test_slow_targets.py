"""Targets that take their time, each way to take it: slots, deadlines, and what becomes of answers that come late.

Every story is told for each way in which a target can be busy, with the sync methods and the awaitable ones by turns.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import Attempt, BlockedReason, FakeCloudTasks, Summary, TargetRequest, TaskState

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
KEY = "pytest_cloudtasks.request"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])


def seconds(duration: timedelta) -> float:
    return duration.total_seconds()


def name_of(request: TargetRequest) -> str:
    return request.headers["X-CloudTasks-TaskName"]


# --- the verbs, and the ways to be busy --------------------------------------------------------------------------


class Verbs:
    """The driving methods by one name each: the sync ones, or the awaitable ones run in one event loop."""

    def __init__(self, fake: FakeCloudTasks, loop: asyncio.AbstractEventLoop | None) -> None:
        self._fake = fake
        self._loop = loop

    def _run(self, verb: str, *args: Any, **named: Any) -> Any:
        if self._loop is None:
            return getattr(self._fake, verb)(*args, **named)
        return self._loop.run_until_complete(getattr(self._fake.aio, verb)(*args, **named))

    def step(self) -> Attempt | None:
        return self._run("step")  # type: ignore[no-any-return]

    def dispatch_due(self, *args: Any) -> Summary:
        return self._run("dispatch_due", *args)  # type: ignore[no-any-return]

    def advance(self, seconds: float) -> Summary:
        return self._run("advance", seconds=seconds)  # type: ignore[no-any-return]

    def drain(self, **named: Any) -> Summary:
        return self._run("drain", **named)  # type: ignore[no-any-return]

    def dispatch(self, name: str) -> Attempt:
        return self._run("dispatch", name)  # type: ignore[no-any-return]


@pytest.fixture
def verbs(request: pytest.FixtureRequest, cloud_tasks: FakeCloudTasks) -> Iterator[Verbs]:
    if request.param == "sync":
        yield Verbs(cloud_tasks, None)
        return
    loop = asyncio.new_event_loop()
    yield Verbs(cloud_tasks, loop)
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.close()


Work = Callable[[TargetRequest], tuple[float, int]]
"""What a request meets with: how many seconds it takes, and the HTTP status."""
Busy = Callable[[FakeCloudTasks, Work], None]


def by_request(fake: FakeCloudTasks, work: Work) -> None:
    """A plain handler that says how long it takes."""

    def handler(request: TargetRequest) -> int:
        takes, status = work(request)
        request.takes(timedelta(seconds=takes))
        return status

    fake.route(MAILER, handler=handler)


def by_sleeping(fake: FakeCloudTasks, work: Work) -> None:
    """An async handler that sleeps in the queue's time."""

    async def handler(request: TargetRequest) -> int:
        takes, status = work(request)
        await fake.aio.sleep(timedelta(seconds=takes))
        return status

    fake.route(MAILER, handler=handler)


def by_wsgi(fake: FakeCloudTasks, work: Work) -> None:
    """A WSGI application that finds the request in its environ."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = environ[KEY]
        takes, status = work(request)
        request.takes(timedelta(seconds=takes))
        start_response(f"{status} Whatever", [])
        return []

    fake.mount("https://mailer.test", app)


def asgi(fake: FakeCloudTasks, work: Work, *, sleeps: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"  # refuses the lifespan
        request = scope["extensions"][KEY]["request"]
        takes, status = work(request)
        if sleeps:
            await fake.aio.sleep(timedelta(seconds=takes))
        else:
            request.takes(timedelta(seconds=takes))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    fake.mount("https://mailer.test", app)


def by_asgi(fake: FakeCloudTasks, work: Work) -> None:
    """An ASGI application that finds the request in its scope."""
    asgi(fake, work, sleeps=False)


def by_sleeping_asgi(fake: FakeCloudTasks, work: Work) -> None:
    """An ASGI application that sleeps in the queue's time."""
    asgi(fake, work, sleeps=True)


WAYS = {
    "request.takes": by_request,
    "aio.sleep": by_sleeping,
    "WSGI": by_wsgi,
    "ASGI": by_asgi,
    "ASGI and aio.sleep": by_sleeping_asgi,
}


PAIRS = [
    ("sync", "request.takes"),
    ("aio", "aio.sleep"),
    ("sync", "WSGI"),
    ("aio", "ASGI"),
    ("sync", "ASGI and aio.sleep"),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test with each kind of slow target, alternately with sync and awaitable methods; run one in all
    combinations.
    """
    names = {"verbs", "busy"} & set(metafunc.fixturenames)
    if names == {"verbs"}:
        metafunc.parametrize("verbs", ["sync", "aio"], indirect=True)
    elif names:
        is_first = metafunc.function is test_a_busy_target_holds_its_slot
        pairs = [(verbs, way) for verbs in ("sync", "aio") for way in WAYS] if is_first else PAIRS
        metafunc.parametrize(("verbs", "busy"), pairs, indirect=True)


@pytest.fixture
def busy(request: pytest.FixtureRequest) -> Busy:
    return WAYS[request.param]


def taking(**named: float) -> Work:
    """Every task takes as many seconds as are given by its name, and succeeds."""
    return lambda request: (named[name_of(request)], 200)


@functools.cache
def client() -> tasks_v2.CloudTasksClient:
    """One client for all tests: it reaches whichever fake is active."""
    return tasks_v2.CloudTasksClient()


def told(cloud_tasks: FakeCloudTasks) -> list[str]:
    """The timeline from the first dispatch on."""
    lines = cloud_tasks.timeline().splitlines()
    return lines[next(i for i, line in enumerate(lines) if "attempt" in line) :]


# --- the dispatch deadline ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("takes", "result"), [(15, 200), (15.000001, "DEADLINE_EXCEEDED")])
def test_an_answer_at_the_deadline_is_in_time(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy, takes: float, result: object
) -> None:
    """An answer at the deadline itself counts; without an answer by then, the attempt ends."""
    busy(cloud_tasks, taking(one=takes))
    enqueue("one", dispatch_deadline="15s")
    verbs.step()
    verbs.advance(15)
    (attempt,) = cloud_tasks.assert_enqueued().attempts
    assert (attempt.result, attempt.response_time) == (result, START + timedelta(seconds=15))


def test_a_late_answer_is_dropped(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy) -> None:
    """The retry follows from the deadline, and what the target says later changes nothing."""
    busy(cloud_tasks, lambda request: (20, 200) if request.attempt_number == 1 else (0, 404))
    cloud_tasks.create_queue("twice", retry_config={"max_attempts": 2})
    enqueue("one", queue="twice", dispatch_deadline="15s")
    summary = verbs.drain()

    assert told(cloud_tasks) == [
        "+0:00:00      twice/one attempt 1 dispatched",
        "+0:00:15      twice/one attempt 1 → DEADLINE_EXCEEDED after 15 s, retry in 0.1 s",
        "+0:00:15.100  twice/one attempt 2 → 404, exhausted: max_attempts 2",
    ]
    assert (summary.attempts, summary.failed, summary.succeeded, summary.exhausted) == (2, 2, 0, 1)


def test_the_retry_of_a_late_answer_runs_while_the_first_handler_does(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs
) -> None:
    """As in production the first handler still runs when the second begins; each ends in its own time."""
    seen: list[tuple[str, int, float]] = []

    async def handler(request: TargetRequest) -> None:
        number = request.attempt_number
        seen.append(("begins", number, seconds(cloud_tasks.clock.elapsed)))
        await cloud_tasks.aio.sleep(timedelta(seconds=20 if number == 1 else 2))
        seen.append(("ends", number, seconds(cloud_tasks.clock.elapsed)))

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one", dispatch_deadline="15s")
    verbs.drain()
    assert seen == [("begins", 1, 0), ("begins", 2, 15.1), ("ends", 2, 17.1), ("ends", 1, 20)]


def test_a_late_exception_still_fails_the_test(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs) -> None:
    """The service has no use for it, the test has: it is raised at its instant, and is on record."""

    async def handler(request: TargetRequest) -> None:
        if request.attempt_number == 1:
            await cloud_tasks.aio.sleep(timedelta(seconds=20))
            raise ZeroDivisionError("late")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one", dispatch_deadline="15s")
    with pytest.raises(ZeroDivisionError, match="late") as raised:
        verbs.drain()
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, ["DEADLINE_EXCEEDED", 200])
    assert (task.attempts[0].exception, seconds(cloud_tasks.clock.elapsed)) == (raised.value, 20)


def test_an_exception_of_a_target_that_takes_its_time(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs
) -> None:
    """With request.takes it is raised at the dispatch; past the deadline the attempt ends there all the same."""

    def handler(request: TargetRequest) -> None:
        request.takes(timedelta(seconds=20))
        raise ZeroDivisionError("early")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one", dispatch_deadline="15s")
    with pytest.raises(ZeroDivisionError, match="early"):
        verbs.drain()
    assert seconds(cloud_tasks.clock.elapsed) == 0
    attempt = verbs.step()
    assert attempt is not None
    assert (attempt.result, seconds(cloud_tasks.clock.elapsed)) == ("DEADLINE_EXCEEDED", 15)


# --- rate and concurrency ----------------------------------------------------------------------------------------


def begun(cloud_tasks: FakeCloudTasks) -> list[tuple[str, float]]:
    """Which task went out when, in the order of dispatch."""
    return [(one.task.id, seconds(one.dispatch_time - START)) for one in cloud_tasks.attempts()]


def test_a_busy_target_holds_its_slot(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy) -> None:
    """The next in line goes when the first of those under way is done; never more than allowed are under way."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 2})
    busy(cloud_tasks, taking(a=10, b=4, c=4, d=1, e=1))
    for name in "abcde":
        enqueue(name, queue="narrow")
    summary = verbs.drain()

    assert begun(cloud_tasks) == [("a", 0), ("b", 0), ("c", 4), ("d", 8), ("e", 9)]
    assert (summary.attempts, summary.succeeded, summary.blocked) == (5, 5, ())
    assert (cloud_tasks.queue("narrow").peak_concurrency, seconds(cloud_tasks.clock.elapsed)) == (2, 10)


def test_other_queues_have_slots_of_their_own(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """A queue whose slots are taken keeps nobody else waiting."""
    cloud_tasks.create_queue("narrow", rate_limits={"max_concurrent_dispatches": 1})
    busy(cloud_tasks, taking(a=10, b=10, c=3))
    for name, queue in (("a", "narrow"), ("b", "narrow"), ("c", "reports")):
        enqueue(name, queue=queue)
    verbs.drain()
    assert begun(cloud_tasks) == [("a", 0), ("c", 0), ("b", 10)]


@pytest.mark.parametrize(
    ("takes", "instants"), [(0.25, [0, 1, 2, 3]), (2.5, [0, 2.5, 5, 7.5])], ids=["rate is narrower", "slot is narrower"]
)
@pytest.mark.cloud_tasks(service={"burst_size": 1})
def test_a_dispatch_takes_a_token_and_a_slot(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy, takes: float, instants: list[float]
) -> None:
    """It goes at the first instant at which both are there."""
    cloud_tasks.create_queue("one", rate_limits={"max_concurrent_dispatches": 1, "max_dispatches_per_second": 1})
    busy(cloud_tasks, lambda request: (takes, 200))
    for name in "abcd":
        enqueue(name, queue="one")
    verbs.drain()
    assert [at for _, at in begun(cloud_tasks)] == instants


@pytest.mark.cloud_tasks(service={"burst_size": 2})
def test_tokens_gather_while_slots_are_taken(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """A queue that waits for a slot spends no token: afterwards a burst goes out, and then one a second."""
    cloud_tasks.create_queue("one", rate_limits={"max_concurrent_dispatches": 1, "max_dispatches_per_second": 1})
    busy(cloud_tasks, taking(a=10, b=0, c=0, d=0, e=0))
    for name in "abcde":
        enqueue(name, queue="one")
    verbs.drain()
    assert begun(cloud_tasks) == [("a", 0), ("b", 10), ("c", 10), ("d", 11), ("e", 12)]


def test_a_deadline_frees_the_slot(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy) -> None:
    """The service counts an attempt as over at its deadline, though the target goes on."""
    cloud_tasks.create_queue("one", rate_limits={"max_concurrent_dispatches": 1}, retry_config={"max_attempts": 1})
    busy(cloud_tasks, taking(a=60, b=0))
    enqueue("a", queue="one", dispatch_deadline="15s")
    enqueue("b", queue="one")
    verbs.drain()
    assert begun(cloud_tasks) == [("a", 0), ("b", 15)]


def test_a_retry_waits_in_the_queue_again(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """A task that failed gives its slot up, and waits behind those that were due before its retry is."""
    cloud_tasks.create_queue("one", rate_limits={"max_concurrent_dispatches": 1}, retry_config={"min_backoff": "1s"})
    busy(cloud_tasks, lambda request: (3, 503 if name_of(request) == "a" and request.attempt_number == 1 else 200))
    for name in "abc":
        enqueue(name, queue="one")
    verbs.drain()
    assert begun(cloud_tasks) == [("a", 0), ("b", 3), ("c", 6), ("a", 9)]


# --- tasks and queues that go while they are running -------------------------------------------------------------

ENDINGS: dict[str, Callable[[FakeCloudTasks], object]] = {
    "DeleteTask": lambda fake: client().delete_task(name=f"{fake.queue_path('receipts')}/tasks/one"),
    "PurgeQueue": lambda fake: client().purge_queue(name=fake.queue_path("receipts")),
    "DeleteQueue": lambda fake: client().delete_queue(name=fake.queue_path("receipts")),
}


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_answer_to_a_removed_task_is_ignored(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy, ending: str, status: int
) -> None:
    """The attempt continues to its end, and the outcome is dropped: no success, no retry."""
    busy(cloud_tasks, lambda request: (5, status))
    enqueue("one")
    verbs.dispatch_due()
    ENDINGS[ending](cloud_tasks)
    summary = verbs.drain()

    task = cloud_tasks.assert_enqueued()
    assert (task.state, cloud_tasks.tasks()) == (TaskState.DELETED, [])
    assert (summary.attempts, summary.succeeded, summary.failed, summary.exhausted) == (0, 0, 0, 0)
    cloud_tasks.assert_attempts(task, [status])
    assert told(cloud_tasks)[-1] == (
        f"+0:00:05  receipts/one attempt 1 → {status} after 5 s, dropped: the task was deleted"
    )


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_handler_goes_on_when_its_task_is_gone(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, ending: str
) -> None:
    """The handler does not notice; it runs to its end, and its exception fails the test."""
    done: list[float] = []

    async def handler(request: TargetRequest) -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=5))
        done.append(seconds(cloud_tasks.clock.elapsed))
        raise ZeroDivisionError("no such order")

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    verbs.dispatch_due()
    ENDINGS[ending](cloud_tasks)
    with pytest.raises(ZeroDivisionError, match="no such order"):
        verbs.drain()
    assert done == [5]
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500])
    assert verbs.drain().attempts == 0


@pytest.mark.parametrize("ending", ["DeleteTask", "PurgeQueue"])
def test_a_removed_task_holds_its_slot_until_it_is_answered(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy, ending: str
) -> None:
    """max_concurrent_dispatches counts requests under way, even those of removed tasks."""
    mask = {"paths": ["rate_limits.max_concurrent_dispatches"]}
    queue = {"name": cloud_tasks.queue_path("receipts"), "rate_limits": {"max_concurrent_dispatches": 1}}
    client().update_queue(queue=queue, update_mask=mask)
    busy(cloud_tasks, taking(one=5, two=0))
    enqueue("one")
    verbs.dispatch_due()
    ENDINGS[ending](cloud_tasks)
    enqueue("two")
    assert [(one.task.id, one.reason) for one in verbs.dispatch_due().blocked] == [("two", BlockedReason.CONCURRENCY)]
    verbs.drain()
    assert begun(cloud_tasks) == [("one", 0), ("two", 5)]


def test_a_handler_may_delete_its_own_task(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """That is how a task is kept from its retry."""

    def work(request: TargetRequest) -> tuple[float, int]:
        ENDINGS["DeleteTask"](cloud_tasks)
        return 5, 503

    busy(cloud_tasks, work)
    enqueue("one")
    assert verbs.drain().attempts == 1
    assert cloud_tasks.assert_enqueued().state is TaskState.DELETED


@pytest.mark.cloud_tasks(service={"purge_delay": "30s"})
@pytest.mark.parametrize(("takes", "state"), [(20, TaskState.SUCCEEDED), (40, TaskState.DELETED)])
def test_a_purge_that_takes_its_time(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy, takes: float, state: TaskState
) -> None:
    """Until it takes effect a running task may succeed; from then on its answer is dropped."""
    busy(cloud_tasks, taking(one=takes))
    enqueue("one")
    verbs.dispatch_due()
    ENDINGS["PurgeQueue"](cloud_tasks)
    verbs.drain()
    assert cloud_tasks.assert_enqueued().state is state
    assert seconds(cloud_tasks.clock.elapsed) == takes


def test_pausing_lets_attempts_under_way_finish(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """One succeeds; the other's retry waits, and goes out when the queue is resumed, late."""
    busy(cloud_tasks, lambda request: (5, 503 if name_of(request) == "two" and request.attempt_number == 1 else 200))
    enqueue("one")
    enqueue("two")
    verbs.dispatch_due()
    client().pause_queue(name=cloud_tasks.queue_path("receipts"))
    summary = verbs.drain()
    assert (summary.attempts, summary.succeeded, summary.failed) == (0, 1, 1)
    assert [(one.task.id, one.reason) for one in summary.blocked] == [("two", BlockedReason.PAUSED)]
    assert seconds(cloud_tasks.clock.elapsed) == 5

    verbs.advance(60)
    client().resume_queue(name=cloud_tasks.queue_path("receipts"))
    assert verbs.drain().succeeded == 1
    assert begun(cloud_tasks) == [("one", 0), ("two", 0), ("two", 65)]


def test_a_task_expires_while_it_is_running(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """31 days after its creation it is removed, and the answer that comes then is dropped."""
    busy(cloud_tasks, taking(one=20))
    client().pause_queue(name=cloud_tasks.queue_path("receipts"))
    enqueue("one")
    verbs.advance(31 * 86_400 - 10)
    client().resume_queue(name=cloud_tasks.queue_path("receipts"))
    verbs.dispatch_due()
    summary = verbs.drain()

    assert (summary.attempts, summary.succeeded, summary.expired) == (0, 0, 1)
    assert cloud_tasks.assert_enqueued().state is TaskState.EXPIRED
    assert told(cloud_tasks)[-2:] == [
        "+31d 0:00:00   receipts/one expired: its retention of 31 days is over",
        "+31d 0:00:10   receipts/one attempt 1 → 200 after 20 s, dropped: the task had expired",
    ]


# --- RunTask -----------------------------------------------------------------------------------------------------


def run_task(cloud_tasks: FakeCloudTasks) -> None:
    client().run_task(name=f"{cloud_tasks.queue_path('receipts')}/tasks/one")


@pytest.mark.parametrize(
    ("takes", "outcomes", "state", "next_at"),
    [
        # (seconds of the queue's own attempt, of RunTask's, which begins a second later), how they end
        ((9, 2), (200, 200), TaskState.SUCCEEDED, None),
        ((9, 2), (503, 200), TaskState.SUCCEEDED, None),
        ((9, 2), (200, 503), TaskState.SUCCEEDED, None),
        ((9, 2), (503, 503), TaskState.SCHEDULED, 9.2),
        ((2, 9), (200, 200), TaskState.SUCCEEDED, None),
        ((2, 9), (503, 200), TaskState.SUCCEEDED, None),
        ((2, 9), (200, 503), TaskState.SUCCEEDED, None),
        ((2, 9), (503, 503), TaskState.SCHEDULED, 10.2),
        ((3, 2), (200, 503), TaskState.SUCCEEDED, None),
        ((3, 2), (503, 503), TaskState.SCHEDULED, 3.2),
        ((20, 2), (200, 503), TaskState.SCHEDULED, 15.2),
        ((2, 20), (503, 200), TaskState.SCHEDULED, 16.2),
    ],
)
def test_two_attempts_in_flight(
    cloud_tasks: FakeCloudTasks,
    enqueue: Enqueue,
    verbs: Verbs,
    busy: Busy,
    takes: tuple[float, float],
    outcomes: tuple[int, int],
    state: TaskState,
    next_at: float | None,
) -> None:
    """A success of either ends the task; after two failures the retry is due one backoff after the later response."""
    work = dict(enumerate(zip(takes, outcomes, strict=True), start=1))
    busy(cloud_tasks, lambda request: work.get(request.attempt_number, (0, 200)))
    enqueue("one", dispatch_deadline="15s")
    verbs.dispatch_due()
    verbs.advance(1)
    run_task(cloud_tasks)
    assert verbs.dispatch_due().attempts == 1
    client().pause_queue(name=cloud_tasks.queue_path("receipts"))
    verbs.drain()

    task = cloud_tasks.assert_enqueued()
    ends = [min(takes[0], 15), 1 + min(takes[1], 15)]
    assert [seconds(one.response_time - START) for one in task.attempts if one.response_time] == ends
    assert (task.state, cloud_tasks.queue("receipts").peak_concurrency) == (state, 2)
    if next_at is not None:
        assert seconds(task.schedule_time - START) == next_at
        resumed_at = seconds(cloud_tasks.clock.elapsed)
        client().resume_queue(name=cloud_tasks.queue_path("receipts"))
        third = verbs.step()
        assert third is not None
        assert seconds(third.dispatch_time - START) == max(next_at, resumed_at)


@pytest.mark.parametrize(("takes", "next_at"), [(7, 47), (12, 52)])
def test_a_failed_run_counts_from_the_response(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy, takes: float, next_at: float
) -> None:
    """The retry is due min_backoff after the response to RunTask's attempt, whenever the task was scheduled before."""
    cloud_tasks.create_queue("slow", retry_config={"min_backoff": "10s"})
    busy(cloud_tasks, lambda request: (takes, 503 if request.attempt_number == 1 else 200))
    name = enqueue("one", queue="slow", schedule_time=START + timedelta(hours=1))
    verbs.advance(30)
    client().run_task(name=name)
    verbs.drain()
    assert begun(cloud_tasks) == [("one", 30), ("one", next_at)]


def test_dispatch_on_a_running_task(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy) -> None:
    """It is a second attempt in flight, as by RunTask."""
    busy(cloud_tasks, lambda request: (5 if request.attempt_number == 1 else 2, 200))
    name = enqueue("one")
    verbs.dispatch_due()
    assert verbs.dispatch(name).number == 2
    verbs.drain()
    assert told(cloud_tasks)[2:] == [
        "+0:00:02  receipts/one attempt 2 (forced) → 200 after 2 s",
        "+0:00:05  receipts/one attempt 1 → 200 after 5 s, dropped: the task had succeeded",
    ]


# --- retry limits ------------------------------------------------------------------------------------------------


def test_max_retry_duration_counts_what_attempts_take(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """The age runs from the first dispatch to the end of the attempt."""
    limits = {"max_attempts": 1, "max_retry_duration": "60s", "min_backoff": "1s"}
    cloud_tasks.create_queue("aging", retry_config=limits)
    busy(cloud_tasks, lambda request: (25, 503))
    enqueue("one", queue="aging")
    summary = verbs.drain()
    assert (summary.attempts, summary.failed, summary.exhausted) == (3, 3, 1)
    assert told(cloud_tasks) == [
        "+0:00:00  aging/one attempt 1 dispatched",
        "+0:00:25  aging/one attempt 1 → 503 after 25 s, retry in 1 s",
        "+0:00:26  aging/one attempt 2 dispatched",
        "+0:00:51  aging/one attempt 2 → 503 after 25 s, retry in 2 s",
        "+0:00:53  aging/one attempt 3 dispatched",
        "+0:01:18  aging/one attempt 3 → 503 after 25 s, exhausted: max_attempts 1 and max_retry_duration 60 s",
    ]


# --- what the verbs say while attempts are under way -------------------------------------------------------------


def test_summaries_count_running_attempts_and_blocked_tasks(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, busy: Busy
) -> None:
    """A running attempt is neither succeeded nor failed nor blocked; tasks that wait for its slot are blocked."""
    cloud_tasks.create_queue("one", rate_limits={"max_concurrent_dispatches": 1})
    busy(cloud_tasks, taking(a=10, b=10, later=0))
    enqueue("a", queue="one")
    enqueue("b", queue="one")
    enqueue("later", queue="one", schedule_time=START + timedelta(hours=1))

    def told_by(summary: Summary) -> tuple[int, int, list[tuple[str, BlockedReason]]]:
        return summary.attempts, summary.succeeded, [(one.task.id, one.reason) for one in summary.blocked]

    assert told_by(verbs.dispatch_due()) == (1, 0, [("b", BlockedReason.CONCURRENCY)])
    assert told_by(verbs.advance(9)) == (0, 0, [("b", BlockedReason.CONCURRENCY)])
    assert told_by(verbs.advance(1)) == (1, 1, [])
    assert told_by(verbs.drain(until=timedelta(seconds=5))) == (0, 0, [])
    assert told_by(verbs.drain(queue="reports")) == (0, 1, [])
    assert seconds(cloud_tasks.clock.elapsed) == 20
    assert told_by(verbs.drain()) == (1, 1, [])


def test_steps_go_from_dispatch_to_answer(cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs) -> None:
    """Each step is one dispatch or one answer; a handler that goes on to sleep again is a step, too."""

    async def handler(request: TargetRequest) -> None:
        await cloud_tasks.aio.sleep(timedelta(seconds=2))
        await cloud_tasks.aio.sleep(timedelta(seconds=3))

    cloud_tasks.route(MAILER, handler=handler)
    enqueue("one")
    steps = []
    while (attempt := verbs.step()) is not None:
        steps.append((seconds(cloud_tasks.clock.elapsed), attempt.result))
    assert steps == [(0, None), (2, None), (5, 200)]


@pytest.mark.parametrize("where", ["route", "mount"])
def test_a_target_can_always_take_its_time(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, verbs: Verbs, where: str
) -> None:
    """takes() on a route or a mount is for every request, but for one that says otherwise itself."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["HTTP_X_CLOUDTASKS_TASKNAME"] == "two":
            environ[KEY].takes(timedelta(seconds=1))
        start_response("200 OK", [])
        return []

    def handler(request: TargetRequest) -> None:
        if name_of(request) == "two":
            request.takes(timedelta(seconds=1))

    if where == "route":
        cloud_tasks.route(MAILER, handler=handler).takes(timedelta(seconds=7))
    else:
        cloud_tasks.mount("https://mailer.test", app).takes(timedelta(seconds=7))
    for name in ("one", "two"):
        enqueue(name)
    verbs.drain()
    ends = {one.task.id: one.response_time for one in cloud_tasks.attempts()}
    assert ends == {"one": START + timedelta(seconds=7), "two": START + timedelta(seconds=1)}
