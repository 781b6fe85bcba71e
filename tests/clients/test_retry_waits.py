from __future__ import annotations

import asyncio
import importlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import grpc
import pytest
from google.api_core import exceptions, retry
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.channel import LastError, last_error
from pytest_cloudtasks._clients.retry_waits import SkippedWaits, skipped_waits

QUEUE = "projects/p/locations/l/queues/q"
FOUND = tasks_v2.Queue(name=QUEUE)
LOOPS = {
    "google.api_core.retry.retry_base": ("time", "random"),
    "google.api_core.retry.retry_unary": ("time",),
    "google.api_core.retry.retry_unary_async": ("time", "asyncio"),
}
FIRST, FACTOR, LONGEST, IN_ALL = 0.1, 1.3, 10.0, 20.0
"""Google's default policy for the calls that it retries."""
RETRIED = ("get_queue", "list_queues", "delete_queue", "get_task", "list_tasks", "delete_task")


class LongestWaits(random.Random):
    """Draws the longest allowed wait each time, and records the request."""

    def __init__(self) -> None:
        super().__init__(0)
        self.asked: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append((a, b))
        return b


class NotedWaits(random.Random):
    """Records the waits that it draws."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.drawn: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.drawn.append(super().uniform(a, b))
        return self.drawn[-1]


class ForeignError(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """UNAVAILABLE as a channel of grpc's own raises it."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "Try again."

    def trailing_metadata(self) -> tuple[Any, ...]:
        return ()

    def result(self, timeout: float | None = None) -> Any:
        raise self

    initial_metadata = trailing_metadata
    is_active = time_remaining = cancel = add_callback = trailing_metadata


def default_waits() -> list[float]:
    """The waits of Google's policy when each is as long as it may be, up to the one that would pass the deadline."""
    waits: list[float] = []
    wait = FIRST
    while sum(waits) + wait <= IN_ALL:
        waits.append(wait)
        wait = min(wait * FACTOR, LONGEST)
    return waits


@pytest.fixture
def installed() -> Iterator[None]:
    """The module proxies are in place."""
    skipped_waits.install()
    yield
    skipped_waits.uninstall()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The sleeps that would have taken real time."""
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    return sleeps


def calls_of(backend: Any) -> list[str]:
    return [call.method for call in backend.calls]


def test_the_loops_are_where_they_were() -> None:
    """google.api_core's retry loops still read time, asyncio and random from modules of their own."""
    real = {"time": time, "asyncio": asyncio, "random": random}
    for name, used in LOOPS.items():
        module = importlib.import_module(name)
        for one in used:
            assert vars(module).get(one) is real[one], (
                f"google-api-core has moved what pytest_cloudtasks._clients.retry_waits replaces, {name}.{one}: find"
                " out what its retry loops wait with now, and say in that module which versions have it"
            )


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("transport", "code"), [("grpc", "UNAVAILABLE"), ("grpc", "DEADLINE_EXCEEDED"), ("rest", "UNAVAILABLE")]
)
def test_googles_policy_plays_out_in_no_time(
    scripted: Callable[..., Any], failing: Callable[..., Any], slept: list[float], transport: str, code: str
) -> None:
    """A call that fails for ever is tried as often as in 20 s of real waits, and ends in RetryError."""
    jitter = LongestWaits()
    backend = scripted(failing(code, jitter=jitter))
    waits = default_waits()
    with pytest.raises(exceptions.RetryError) as ended:
        tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE)
    assert len(backend.calls) == len(waits) + 1
    assert [high for _, high in jitter.asked] == pytest.approx([*waits, min(waits[-1] * FACTOR, LONGEST)])
    assert slept == []
    assert ended.value.message == "Timeout of 20.0s exceeded"
    assert isinstance(ended.value.cause, exceptions.GoogleAPICallError)
    assert ended.value.cause.grpc_status_code is grpc.StatusCode[code]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("rpc", RETRIED)
def test_a_call_succeeds_when_the_service_is_back(
    scripted: Callable[..., Any], failing: Callable[..., Any], slept: list[float], rpc: str
) -> None:
    """Reads and deletions are retried by default, and give what the service gives in the end."""
    found = {"list_queues": tasks_v2.ListQueuesResponse(), "list_tasks": tasks_v2.ListTasksResponse()}.get(rpc, FOUND)
    backend = scripted(failing("UNAVAILABLE"), failing("UNAVAILABLE"), found)
    request = {"parent": QUEUE} if rpc.startswith("list") else {"name": QUEUE}
    getattr(tasks_v2.CloudTasksClient(), rpc)(request=request)
    assert calls_of(backend) == [rpc] * 3
    assert slept == []


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("create_task", {"parent": QUEUE}),
        ("create_queue", {"parent": "projects/p/locations/l"}),
        ("run_task", {"name": f"{QUEUE}/tasks/t"}),
        ("purge_queue", {"name": QUEUE}),
    ],
)
def test_what_google_does_not_retry_fails_at_once(
    scripted: Callable[..., Any], failing: Callable[..., Any], rpc: str, request_: dict[str, Any]
) -> None:
    """Calls without a default retry raise the first error, as in production."""
    backend = scripted(failing("UNAVAILABLE"))
    with pytest.raises(exceptions.ServiceUnavailable) as raised:
        getattr(tasks_v2.CloudTasksClient(), rpc)(request=request_)
    assert str(raised.value) == "503 Try again."
    assert calls_of(backend) == [rpc]


@pytest.mark.needs("rest")
@pytest.mark.usefixtures("installed")
def test_a_gateway_timeout_over_rest_is_not_retried(scripted: Callable[..., Any], failing: Callable[..., Any]) -> None:
    """Over REST a 504 is a GatewayTimeout, which Google's policy does not retry, in production either."""
    backend = scripted(failing("DEADLINE_EXCEEDED"))
    with pytest.raises(exceptions.GatewayTimeout):
        tasks_v2.CloudTasksClient(transport="rest").get_queue(name=QUEUE)
    assert calls_of(backend) == ["get_queue"]


@pytest.mark.usefixtures("installed")
def test_a_policy_has_its_whole_time_whatever_was_skipped_before(
    scripted: Callable[..., Any], failing: Callable[..., Any]
) -> None:
    """Waits that one call skipped are not taken off the next call's deadline."""
    backend = scripted(failing("UNAVAILABLE", jitter=LongestWaits()))
    client = tasks_v2.CloudTasksClient()
    counts = []
    for _ in range(2):
        before = len(backend.calls)
        with pytest.raises(exceptions.RetryError):
            client.get_queue(name=QUEUE)
        counts.append(len(backend.calls) - before)
    assert counts == [len(default_waits()) + 1] * 2


@pytest.mark.usefixtures("installed")
def test_jitter_is_the_errors_own(scripted: Callable[..., Any], failing: Callable[..., Any]) -> None:
    """The same seed gives the same waits, and the process's own random numbers are left alone."""
    random.seed(1)
    untouched = random.getstate()

    def waits(seed: int) -> list[float]:
        jitter = NotedWaits(seed)
        scripted(failing("UNAVAILABLE", jitter=jitter))
        with pytest.raises(exceptions.RetryError):
            tasks_v2.CloudTasksClient().get_queue(name=QUEUE)
        return jitter.drawn[:10]

    by_seed = [waits(seed) for seed in range(3)]
    assert [len(drawn) for drawn in by_seed] == [10] * 3
    assert [waits(seed) for seed in range(3)] == by_seed
    assert by_seed[0] != by_seed[1] != by_seed[2]
    assert random.getstate() == untouched


@pytest.mark.usefixtures("installed")
def test_an_error_that_is_not_a_fakes_is_really_waited_for(
    monkeypatch: pytest.MonkeyPatch, scripted: Callable[..., Any], slept: list[float]
) -> None:
    """A real channel's error takes real sleeps, with jitter from the process's random numbers."""
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high / 2

    monkeypatch.setattr(random, "uniform", uniform)
    backend = scripted(ForeignError(), ForeignError(), FOUND)
    assert tasks_v2.CloudTasksClient().get_queue(name=QUEUE) == FOUND
    assert len(backend.calls) == 3
    assert slept == pytest.approx([FIRST / 2, FIRST * FACTOR / 2])
    assert [low for low, _ in drawn] == [0.0, 0.0]
    assert [high for _, high in drawn] == pytest.approx([FIRST, FIRST * FACTOR])


@pytest.mark.usefixtures("installed")
def test_another_clients_retry_really_waits(slept: list[float]) -> None:
    """A retry around anything else in the process sleeps as usual."""
    outcomes: Iterator[Any] = iter([exceptions.ServiceUnavailable("busy"), "done"])

    def call() -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert retry.Retry(initial=5, maximum=5, timeout=60)(call)() == "done"
    assert len(slept) == 1
    assert 0 <= slept[0] <= 5


@pytest.mark.usefixtures("installed")
def test_an_async_retry_skips_the_waits_after_a_fakes_error(
    monkeypatch: pytest.MonkeyPatch, failing: Callable[..., Any]
) -> None:
    """The async loop waits neither for a fake's error, and really for any other."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def call() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise exceptions.from_grpc_error(outcome) from outcome
        return str(outcome)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    policy = retry.AsyncRetry(initial=5, maximum=5, timeout=60)
    outcomes: Iterator[Any] = iter([failing("UNAVAILABLE"), failing("UNAVAILABLE"), "done"])
    assert asyncio.run(policy(call)()) == "done"
    assert waited == []
    outcomes = iter([ForeignError(), "done"])
    assert asyncio.run(policy(call)()) == "done"
    assert len(waited) == 1


def test_a_callers_own_policy_costs_no_time_and_moves_no_clock(slept: list[float]) -> None:
    """Retries that the caller asked for are skipped, too, after an error of the model; the queue's time stays."""
    policy = retry.Retry(
        predicate=retry.if_exception_type(exceptions.NotFound), initial=60, maximum=600, multiplier=2, timeout=3600
    )
    with FakeCloudTasks() as cloud_tasks:
        now = cloud_tasks.clock.now()
        with pytest.raises(exceptions.RetryError) as ended:
            tasks_v2.CloudTasksClient().get_queue(name=QUEUE, retry=policy)
        assert isinstance(ended.value.cause, exceptions.NotFound)
        assert len(cloud_tasks.rpcs) > 6
        assert cloud_tasks.clock.now() == now
        assert time.time() == now.timestamp()
    assert slept == []


def test_skipped_time_of_one_fake_does_not_count_in_the_next() -> None:
    """A policy whose loop begins before the first error of its test has its full time, whatever happened before."""
    patient = retry.Retry(predicate=retry.if_exception_type(exceptions.NotFound), initial=60, timeout=36_000)
    hasty = retry.Retry(predicate=retry.if_exception_type(exceptions.NotFound), initial=1, maximum=1, timeout=20)
    for policy in (hasty, patient, hasty):
        with FakeCloudTasks() as cloud_tasks:
            with pytest.raises(exceptions.RetryError):
                tasks_v2.CloudTasksClient().get_queue(name=QUEUE, retry=policy)
            assert len(cloud_tasks.rpcs) > 15


def test_a_fake_leaves_the_loops_as_they_were() -> None:
    """After the last fake the retry loops have the real modules again."""
    with FakeCloudTasks(), pytest.raises(exceptions.NotFound):
        tasks_v2.CloudTasksClient().get_queue(name=QUEUE)
    for name, used in LOOPS.items():
        for one in used:
            assert vars(importlib.import_module(name))[one] is importlib.import_module(one)


def test_installing_twice_is_installing_once() -> None:
    """A second install changes nothing, and one uninstall undoes it all."""
    waits = SkippedWaits()
    base = importlib.import_module("google.api_core.retry.retry_base")
    waits.install()
    proxy = base.time
    waits.install()
    assert base.time is proxy
    assert proxy is not time
    waits.uninstall()
    assert base.time is time
    waits.uninstall()
    assert base.time is time


# --- loops before google-api-core 2.16 -----------------------------------------------------------------------------


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of such a loop: it has its own ``time``, ``random`` and ``datetime_helpers``."""
    helpers, loop = ModuleType("google.api_core.datetime_helpers"), ModuleType("google.api_core.retry_async")
    vars(helpers)["utcnow"] = lambda: datetime(2020, 1, 1)
    vars(loop).update(time=time, asyncio=asyncio, random=random, datetime_helpers=helpers)
    monkeypatch.setitem(sys.modules, helpers.__name__, helpers)
    monkeypatch.setattr("pytest_cloudtasks._clients.retry_waits.datetime_helpers", helpers)
    monkeypatch.setitem(sys.modules, loop.__name__, loop)
    return loop


def retried(loop: Any, attempt: Callable[[], Any], delay: float) -> Any:
    """Call ``attempt`` twice as such a loop does: it draws first, and sleeps when the error is handled."""
    for _ in range(2):
        drawn = loop.random.uniform(0.0, delay)
        try:
            return attempt()
        except exceptions.GoogleAPICallError:
            pass
        loop.time.sleep(drawn)
    return None


@pytest.mark.parametrize("monotonic", [None, lambda: 1000.0], ids=["the process's clock", "a clock of its own"])
def test_an_older_loop_reads_its_deadline_off_the_same_clock(older: Any, monotonic: Callable[[], float] | None) -> None:
    """Before google-api-core 2.16 by ``datetime_helpers.utcnow``."""
    helpers = older.datetime_helpers
    waits = SkippedWaits()
    waits.monotonic = monotonic
    waits.install()
    now = older.datetime_helpers.utcnow()
    waits.uninstall()
    assert now == (datetime(2020, 1, 1) if monotonic is None else datetime(1970, 1, 1, 0, 16, 40))
    assert older.datetime_helpers is helpers


def test_an_older_loop_s_wait_is_drawn_again_by_the_error_s_own_jitter(
    older: Any, scripted: Callable[..., Any], failing: Callable[..., Any], slept: list[float]
) -> None:
    """It was drawn before there was an error, and nothing is slept."""
    jitter, waits = LongestWaits(), SkippedWaits()
    scripted(failing("UNAVAILABLE", jitter=jitter))
    client = tasks_v2.CloudTasksClient()
    waits.install()
    before = older.time.monotonic()
    retried(older, lambda: client.get_queue(name=QUEUE, retry=None), 3600.0)
    passed = older.time.monotonic() - before
    waits.uninstall()
    assert jitter.asked == [(0.0, 3600.0)] * 2
    assert passed >= 7200.0
    assert slept == []


def test_an_older_loop_really_waits_for_others(
    older: Any, scripted: Callable[..., Any], failing: Callable[..., Any], slept: list[float]
) -> None:
    """Also after an error of a fake that the application went past, and while it handles one."""
    scripted(failing("UNAVAILABLE"))
    client = tasks_v2.CloudTasksClient()

    def busy() -> Any:
        raise exceptions.ServiceUnavailable("busy")

    waits = SkippedWaits()
    waits.install()
    try:
        client.get_queue(name=QUEUE, retry=None)
    except exceptions.ServiceUnavailable:
        retried(older, busy, 5.0)
    waits.uninstall()
    assert len(slept) == 2
    assert all(0 <= one <= 5 for one in slept)


@pytest.mark.parametrize("is_a_fakes", [True, False], ids=["a fake's", "another"])
def test_an_older_async_loop_waits_for_others_alone(
    older: Any, failing: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, is_a_fakes: bool
) -> None:
    """After a fake's error nothing is awaited; after any other what was drawn."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def loop() -> None:
        drawn = older.random.uniform(5.0, 5.0)
        last_error.set(LastError(503, "busy", random.Random(0)) if is_a_fakes else None)
        await older.asyncio.sleep(drawn)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    waits = SkippedWaits()
    waits.install()
    asyncio.run(loop())
    waits.uninstall()
    assert waited == ([] if is_a_fakes else [5.0])


def test_an_older_loop_may_wait_for_a_time_of_its_own(older: Any, slept: list[float]) -> None:
    """What was not drawn is slept as it is."""
    waits = SkippedWaits()
    waits.install()
    last_error.set(None)
    older.time.sleep(3.0)
    waits.uninstall()
    assert slept == [3.0]


def test_loops_that_are_not_loaded_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of Google's is imported to be replaced."""
    gone = [name for name in sys.modules if name.startswith("google.api_core.")]
    for name in gone:
        monkeypatch.delitem(sys.modules, name)
    waits = SkippedWaits()
    waits.install()
    assert [name for name in sys.modules if name.startswith("google.api_core.")] == []
    waits.uninstall()


@pytest.mark.usefixtures("installed")
def test_a_module_proxy_is_the_real_module_otherwise() -> None:
    """Attributes that a proxy doesn't replace are the real module's."""
    base = importlib.import_module("google.api_core.retry.retry_base")
    assert base.time.time is time.time
    assert base.random.Random is random.Random
    assert base.time.__name__ == "time"
    with pytest.raises(AttributeError):
        _ = base.time.no_such_thing
