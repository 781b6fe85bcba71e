"""Several clocks at once: the fake's own hold, freezegun and time-machine, begun and ended in every order."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import permutations
from pathlib import Path
from typing import Any

import freezegun.api
import pytest
import time_machine
from freezegun import freeze_time

from pytest_cloudtasks import FakeCloudTasks, TargetRequest
from pytest_cloudtasks._time.external import innermost_hold
from tests.each import each

URL = "https://worker.test/"
HOUR = timedelta(hours=1)
YEAR_2000, YEAR_2010, YEAR_2020 = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2000, 2010, 2020))


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """Whatever a test has begun and ended: the process's clocks are the kernel's again."""
    before = uuid.__dict__["_generate_time_safe"], datetime, time.time
    yield
    assert (freezegun.api.freeze_factories, innermost_hold()) == ([], None)
    assert (uuid.__dict__["_generate_time_safe"], sys.modules["datetime"].__dict__["datetime"], time.time) == before
    assert freezegun.api.real_uuid_generate_time is before[0]
    mark = tmp_path / "now"
    mark.write_text("now")
    assert abs(mark.stat().st_mtime - time.time()) < 60


@pytest.fixture
def fake() -> Iterator[FakeCloudTasks]:
    with FakeCloudTasks(queues=["work"]) as cloud_tasks:
        yield cloud_tasks


def enqueue(cloud_tasks: FakeCloudTasks, **fields: Any) -> None:
    task = {"http_request": {"url": URL}, **fields}
    cloud_tasks.client().create_task(parent=cloud_tasks.queue_path("work"), task=task)


def application() -> datetime:
    return datetime.now(timezone.utc)


# --- begun and ended in every order ------------------------------------------------------------------------------

ALL = ("fake", "freezegun", "time-machine")
BEGINNINGS = [order for order in permutations(ALL) if order.index("time-machine") < order.index("freezegun")]
"""time-machine does not start within freezegun."""


class Clocks:
    """The fake, a freezer in the year 2000 and time-machine in 2010, to begin and to end one by one."""

    def __init__(self) -> None:
        self.fake = FakeCloudTasks(queues=["work"])
        freezer, travel = freeze_time("2000-01-01"), time_machine.travel(YEAR_2010.timestamp(), tick=False)
        self.begin = {"fake": self.begin_fake, "freezegun": freezer.start, "time-machine": travel.start}
        self.end = {"fake": self.end_fake, "freezegun": freezer.stop, "time-machine": travel.stop}

    def begin_fake(self) -> None:
        self.fake.__enter__()
        self.fake.clock.now()

    def end_fake(self) -> None:
        self.fake.__exit__(None, None, None)


@each("ending", list(permutations(ALL)), ids=" then ".join)
@each("beginning", BEGINNINGS, ids=" then ".join)
def test_clocks_begin_and_end_in_any_order(beginning: tuple[str, ...], ending: tuple[str, ...]) -> None:
    """The innermost clock of the test's is in force as long as it lasts; then the one beneath; then the fake's own."""
    clocks = Clocks()
    running: set[str] = set()

    def look() -> None:
        if "fake" not in running:
            return
        before = clocks.fake.clock.now()
        year = 2000 if "freezegun" in running else 2010 if "time-machine" in running else before.year
        assert (before.year, application()) == (year, before)
        enqueue(clocks.fake)
        clocks.fake.drain()
        clocks.fake.advance(HOUR)
        assert (clocks.fake.clock.now(), application()) == (before + HOUR, before + HOUR)

    for name in beginning:
        clocks.begin[name]()
        running.add(name)
        if name == "fake":
            clocks.fake.route(URL)
        look()
    for name in ending:
        clocks.end[name]()
        running.remove(name)
        look()


@pytest.mark.parametrize("tick", [False, True])
def test_a_freezer_outlives_the_fake_it_began_in(tick: bool) -> None:
    """When the fake ends first, the freezer shows what it showed, and goes on as it did."""
    freezer = freeze_time("2000-01-01", tick=tick)
    with FakeCloudTasks(start=YEAR_2020):
        freezer.start()
        shown = application()
    assert timedelta(0) <= application() - shown < timedelta(seconds=30)
    while tick and application() == shown:
        pass
    freezer.stop()


def test_uuids_stay_frozen_when_the_fake_ends_first() -> None:
    """uuid1() has the freezer's time until the freezer ends, not the system's."""
    freezer = freeze_time("2000-01-01")
    with FakeCloudTasks(start=YEAR_2020):
        freezer.start()
    stamp = uuid.uuid1().time
    freezer.stop()
    assert timedelta(microseconds=stamp // 10) == YEAR_2000 - datetime(1582, 10, 15, tzinfo=timezone.utc)


def test_a_freezer_that_begins_within_a_freezer(fake: FakeCloudTasks) -> None:
    """The inner one is moved while it lasts; then the unchanged outer one is followed again."""
    with freeze_time("2000-01-01") as outer:
        fake.advance(HOUR)
        with freeze_time("2010-01-01") as inner:
            fake.advance(HOUR)
            assert fake.clock.now() == application() == YEAR_2010 + HOUR
        assert fake.clock.now() == application() == YEAR_2000 + HOUR
        assert (inner(), outer()) == (datetime(2010, 1, 1, 1), datetime(2000, 1, 1, 1))
    assert fake.clock.now() == application() == YEAR_2000 + HOUR


def test_a_fake_within_a_fake_follows_the_same_clock(fake: FakeCloudTasks) -> None:
    """Both share the freezer's time, and what the inner one passes has passed for the outer one."""
    fake.clock.now()
    with freeze_time("2000-01-01"), FakeCloudTasks() as inner:
        inner.advance(HOUR)
        assert fake.clock.now() == inner.clock.now() == application() == YEAR_2000 + HOUR
    assert fake.clock.now() == application() == YEAR_2000 + HOUR


YEAR_2031, YEAR_2035 = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2031, 2035))


@pytest.mark.parametrize("start", [YEAR_2000, YEAR_2035], ids=["earlier", "later"])
def test_a_fake_with_a_start_within_a_fake_has_a_time_of_its_own(start: datetime) -> None:
    """The outer one does not move meanwhile, its tasks wait, and the application returns to its time afterwards."""
    with FakeCloudTasks(start=YEAR_2031, queues=["work"]) as outer:
        route = outer.route(URL)
        enqueue(outer, schedule_time=YEAR_2031 + HOUR)
        with FakeCloudTasks(start=start) as inner:
            assert inner.clock.now() == application() == start
            inner.advance(HOUR)
            assert application() == start + HOUR
            assert (outer.clock.now(), len(outer.tasks())) == (YEAR_2031, 1)
        assert outer.clock.now() == application() == YEAR_2031
        outer.advance(HOUR)
        assert outer.clock.now() == application() == YEAR_2031 + HOUR
    assert len(route.calls) == 1


def test_the_outer_one_may_be_driven_meanwhile() -> None:
    """It moves its own time, and the application's is the inner one's until that ends."""
    with FakeCloudTasks(start=YEAR_2031) as outer:
        with FakeCloudTasks(start=YEAR_2000) as inner:
            outer.advance(HOUR)
            assert (outer.clock.now(), inner.clock.now()) == (YEAR_2031 + HOUR, YEAR_2000)
            assert application() == YEAR_2000
        assert outer.clock.now() == application() == YEAR_2031 + HOUR


def test_a_fake_in_between_follows_the_outer_one() -> None:
    """A fake in between has the outer one's time; one that begins in the inner one has the inner one's."""
    with FakeCloudTasks(start=YEAR_2031) as outer, FakeCloudTasks() as between:
        assert between.clock.now() == YEAR_2031
        with FakeCloudTasks(start=YEAR_2000) as inner, FakeCloudTasks() as within:
            assert within.clock.now() == YEAR_2000
            within.advance(HOUR)
            assert inner.clock.now() == application() == YEAR_2000 + HOUR
            assert between.clock.now() == outer.clock.now() == YEAR_2031
            between.advance(HOUR)
            assert between.clock.now() == outer.clock.now() == YEAR_2031 + HOUR
            assert application() == YEAR_2000 + HOUR
        assert application() == YEAR_2031 + HOUR


# --- clocks that tick, or that a handler moves -------------------------------------------------------------------

TICKING: dict[str, Callable[[], Any]] = {
    "freezegun": lambda: freeze_time("2000-01-01", tick=True),
    "freezegun by steps": lambda: freeze_time("2000-01-01", auto_tick_seconds=15),
    "time-machine": lambda: time_machine.travel(YEAR_2000.timestamp(), tick=True),
}


@pytest.mark.parametrize("begin", TICKING.values(), ids=TICKING)
def test_a_clock_that_ticks_never_goes_back(fake: FakeCloudTasks, begin: Callable[[], Any]) -> None:
    """If it has passed an event, that is dispatched late; if it has passed a method's end, the method ends there."""
    seen: list[datetime] = []

    def handler(request: TargetRequest) -> None:
        begun = time.time()
        while time.time() == begun:
            pass
        seen.append(application())
        if request.attempt_number == 1 and len(seen) < 3:
            enqueue(fake)

    fake.route(URL, handler=handler)
    with begin():
        enqueue(fake)
        assert fake.advance(seconds=0).attempts >= 1
        fake.drain()
        seen.append(application())
        assert fake.clock.now() >= seen[-1]
    assert seen == sorted(seen)
    assert len(seen) == 4


def test_a_tick_dispatches_nothing_by_itself(fake: FakeCloudTasks) -> None:
    """What the test's own clock has passed goes out at the next driving method, at that driving method's instant."""
    route = fake.route(URL)
    with freeze_time("2000-01-01") as freezer:
        enqueue(fake, schedule_time=application() + HOUR)
        freezer.tick(2 * HOUR)
        assert (fake.clock.now(), route.calls) == (YEAR_2000 + 2 * HOUR, [])
        fake.dispatch_due()
    (attempt,) = fake.attempts()
    assert (attempt.schedule_time, attempt.dispatch_time) == (YEAR_2000 + HOUR, YEAR_2000 + 2 * HOUR)


@pytest.mark.parametrize("tool", ["freezegun", "time-machine"])
def test_a_handler_may_move_the_clock_forward(fake: FakeCloudTasks, tool: str) -> None:
    """What comes next is late, and sees the instant to which the clock was moved."""
    seen: list[datetime] = []
    travel = time_machine.travel(YEAR_2000.timestamp(), tick=False)
    with freeze_time("2000-01-01") if tool == "freezegun" else travel as clock:

        def handler(request: TargetRequest) -> None:
            seen.append(application())
            (clock.tick if tool == "freezegun" else clock.shift)(HOUR)

        fake.route(URL, handler=handler)
        enqueue(fake)
        enqueue(fake, schedule_time=application() + timedelta(minutes=1))
        summary = fake.advance(minutes=5)
        assert fake.clock.now() == application() == YEAR_2000 + 2 * HOUR
    assert (summary.attempts, seen) == (2, [YEAR_2000, YEAR_2000 + HOUR])
    assert [attempt.dispatch_time for attempt in fake.attempts()] == seen


# --- tools that fight --------------------------------------------------------------------------------------------


def refused(fake: FakeCloudTasks) -> str:
    """The text with which the next touch is rejected; nothing has moved."""
    before = fake.timeline()
    with pytest.raises(pytest.fail.Exception) as caught:
        fake.advance(HOUR)
    assert fake.timeline() == before
    assert fake._active.failures.messages == [str(caught.value)]
    fake._active.failures.messages.clear()
    return str(caught.value)


def test_time_machine_takes_over_from_a_freezer_with_an_earlier_instant(fake: FakeCloudTasks) -> None:
    """The queue moves the freezer, not the hold beneath; the error names both, and says what to do."""
    fake.route(URL)
    with time_machine.travel(YEAR_2000.timestamp(), tick=False) as travel:
        with freeze_time("2000-01-01"):
            fake.advance(HOUR)
            enqueue(fake)
        assert refused(fake) == (
            "time-machine has taken over from freezegun and shows 2000-01-01T00:00:00+00:00, which is before the"
            " queue's 2000-01-01T01:00:00+00:00: tasks are waiting, which can't go back in time. Hold time with one of"
            " the two in a test, or let time-machine show the queue's instant or a later one when it takes over."
        )
        travel.shift(HOUR)
        assert fake.drain().succeeded == 1
        assert fake.clock.now() == YEAR_2000 + HOUR


def test_a_freezer_takes_over_from_time_machine_with_an_earlier_instant(fake: FakeCloudTasks) -> None:
    """The reverse is rejected likewise."""
    fake.route(URL)
    with time_machine.travel(YEAR_2010.timestamp(), tick=False):
        enqueue(fake)
        with freeze_time("2000-01-01"):
            assert refused(fake) == (
                "freezegun has taken over from time-machine and shows 2000-01-01T00:00:00+00:00, which is before the"
                " queue's 2010-01-01T00:00:00+00:00: tasks are waiting, which can't go back in time. Hold time with one"
                " of the two in a test, or let freezegun show the queue's instant or a later one when it takes over."
            )
        assert fake.drain().succeeded == 1


@pytest.mark.parametrize("is_there", ["tasks are waiting", "attempts are under way"])
def test_a_clock_that_goes_back_is_an_error(fake: FakeCloudTasks, is_there: str) -> None:
    """With one tool the error names it; a removed task's attempt blocks the jump as tasks do."""
    fake.route(URL).takes(timedelta(minutes=5))
    enqueue(fake)
    fake.clock.now()
    if is_there == "attempts are under way":
        fake.dispatch_due()
        fake.client().purge_queue(name=fake.queue_path("work"))
    now = fake.clock.now()
    with freeze_time("2000-01-01"):
        assert refused(fake) == (
            "freezegun shows 2000-01-01T00:00:00+00:00, which is before the queue's"
            f" {now.isoformat()}: {is_there}, which can't go back in time. Freeze time before the first task is"
            " created, or move it forwards."
        )
    assert fake.advance(HOUR).attempts == (is_there == "tasks are waiting")
    assert fake.clock.now() == application() == now + HOUR


def test_tools_that_agree_may_take_turns(fake: FakeCloudTasks) -> None:
    """Tasks wait through all changes, if each new clock shows the instant of the one before, or a later one."""
    fake.route(URL)
    with time_machine.travel(YEAR_2000.timestamp(), tick=False) as travel:
        enqueue(fake, schedule_time=YEAR_2000 + 3 * HOUR)
        with freeze_time("2000-01-01 01:00"):
            assert fake.advance(HOUR).attempts == 0
            travel.shift(2 * HOUR)
        assert fake.advance(minutes=59).attempts == 0
        assert fake.advance(minutes=1).succeeded == 1
    assert fake.clock.now() == application() == YEAR_2000 + 3 * HOUR


def test_time_machine_does_not_start_within_freezegun(pytester: pytest.Pytester) -> None:
    """That is time-machine's own error; the report of a test with a fake says what to do, and the rest goes on."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider\n")
    pytester.makepyfile(
        """
        from datetime import datetime

        def test_both(freezer, time_machine, cloud_tasks):
            freezer.move_to("2000-01-01")
            assert cloud_tasks.clock.now().year == 2000
            time_machine.move_to("2010-01-01")

        def test_the_other_way_round(time_machine, cloud_tasks, request):
            time_machine.move_to("2010-01-01", tick=False)
            request.getfixturevalue("freezer").move_to("2000-01-01")
            cloud_tasks.advance(hours=1)
            assert cloud_tasks.clock.now().isoformat() == "2000-01-01T01:00:00+00:00"

        def test_afterwards(cloud_tasks):
            assert cloud_tasks.clock.now().year > 2020
        """
    )
    result = pytester.runpytest("-rN")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E   *RuntimeError: time-machine cannot start when freezegun is active.",
            "*- Cloud Tasks: clocks -*",
            "time-machine can't start while freezegun holds time. Start time-machine first, or use only one of the"
            " two: cloud_tasks follows and moves either.",
        ]
    )


# --- what is imported meanwhile ----------------------------------------------------------------------------------
