"""Every clock that a test can bring, in every form it comes in: followed and moved while it lasts, no trace left after.

The clocks, forms and dates make one session of small tests in a process of its own. Its last test looks at what is
left of them.
"""

from __future__ import annotations

from itertools import cycle, product
from textwrap import dedent

import pytest

DATES = ("1969-07-20 20:17:40", "1970-01-01 00:00:00", "2000-02-29 23:59:59", "2099-12-31 12:00:00")
CONTACTS = ("theirs_first", "ours_first", "held_from_start")
"""Which begins first: the clock of the test's; or the fake, by a fixture that touches it, or by the option start."""

CONFTEST = '''
import copyreg
import datetime
import os
import sys
import time
import unittest
import uuid

import freezegun.api
import pytest
import time_machine
from google.cloud import tasks_v2
from pytest_cloudtasks._messages import rpc_handlers  # these are loaded by the first use
from pytest_cloudtasks._pytest import fakes, hypothesis_examples

CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "gmtime", "localtime",
          "strftime", "sleep", "clock_gettime")
traces = {}


def parts():
    """Everything that freezegun and time-machine exchange, push or set."""
    return {
        **{f"time.{name}": getattr(time, name) for name in CLOCKS},
        "datetime.datetime": datetime.datetime,
        "datetime.date": datetime.date,
        "uuid._generate_time_safe": uuid._generate_time_safe,
        "uuid._UuidCreate": uuid._UuidCreate,
        "freezegun.api.real_uuid_generate_time": freezegun.api.real_uuid_generate_time,
        "copyreg.dispatch_table": set(copyreg.dispatch_table),
        "os.environ": os.environ.get("TZ"),
        "freezers": (*freezegun.api.freeze_factories, *freezegun.api.tick_flags, *freezegun.api.ignore_lists),
        "time-machine": tuple(getattr(time_machine, "traveller_stack", getattr(time_machine, "coordinates_stack", ()))),
    }


def wrong_clocks(folder):
    """The clocks that don't show the kernel's time: that is what a file gets when it is written."""
    mark = folder / "now"
    mark.write_text("now")
    now = mark.stat().st_mtime
    shown = {
        "time.time": time.time(),
        "time.time_ns": time.time_ns() / 1e9,
        "datetime.now": datetime.datetime.now(datetime.timezone.utc).timestamp(),
        "datetime.today": datetime.datetime.today().timestamp(),
        "time.monotonic": now + time.monotonic() - MONOTONIC[0] - (now - MONOTONIC[1]),
    }
    return [f"{name} is {value - now:+.1f} s off" for name, value in shown.items() if abs(value - now) > 5]


def pytest_configure(config):
    global BEFORE, MONOTONIC, FOLDER
    FOLDER = config.rootpath
    BEFORE, MONOTONIC = parts(), (time.monotonic(), time.time())


def pytest_collection_finish():
    """Everything is imported that the tests name, and all that freezegun itself loads by looking at every module."""
    global MODULES
    MODULES = {}
    while len(MODULES) != len(sys.modules):
        MODULES = dict(sys.modules)
        with freezegun.freeze_time("2000-01-01"):
            pass


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    """After all fixtures of a test, and the fake, have ended."""
    now = parts()
    if left := wrong_clocks(FOLDER) + [name for name, value in BEFORE.items() if now[name] != value]:
        traces[nodeid] = left


@pytest.fixture
def theirs_first(cloud_tasks):
    return cloud_tasks


@pytest.fixture
def ours_first(cloud_tasks):
    assert abs(cloud_tasks.clock.now().timestamp() - time.time()) < 5
    return cloud_tasks


@pytest.fixture
def held_from_start(cloud_tasks):
    return cloud_tasks


def pytest_collection_modifyitems(items):
    start = datetime.datetime(2050, 1, 1, tzinfo=datetime.timezone.utc)
    for item in items:
        if "held_from_start" in item.fixturenames:
            item.add_marker(pytest.mark.cloud_tasks(start=start))


@pytest.fixture
def anyio_backend():
    return "asyncio"
'''
STORY = '''
import time
from datetime import datetime, timedelta, timezone

from google.cloud import tasks_v2

from pytest_cloudtasks import current

URL = "https://worker.test/"
QUEUE = "projects/test-project/locations/us-central1/queues/work"
SLACK = timedelta(seconds=30)
client = tasks_v2.CloudTasksClient()
async_client = tasks_v2.CloudTasksAsyncClient()


def at(date):
    return datetime.fromisoformat(date).replace(tzinfo=timezone.utc)


def application():
    """What the application's clocks show: they agree."""
    shown = datetime.now(timezone.utc)
    assert abs(shown.timestamp() - time.time()) < 1
    return shown


def is_now(expected, ticks):
    """The queue and the application are where they should be; a clock that ticks may be a little further."""
    for shown in (current().clock.now(), application()):
        assert timedelta(0) <= shown - expected <= (SLACK if ticks else timedelta(0)), (shown, expected)


def task():
    return {"http_request": {"url": URL}, "schedule_time": datetime.now(timezone.utc) + timedelta(minutes=10)}


def runs_on(ticks):
    """A clock with tick=True goes on by itself."""
    seen = time.time()
    while ticks and time.time() == seen:
        pass


def check(began, ticks):
    """What is to be seen after an hour: both attempts, the first ten minutes in, and one time for all."""
    enqueued = current().assert_enqueued()
    current().assert_attempts(enqueued, [503, 200])
    late = enqueued.attempts[0].dispatch_time - began - timedelta(minutes=10)
    assert timedelta(0) <= late <= (SLACK if ticks else timedelta(0))
    is_now(began + timedelta(hours=1), ticks)
    runs_on(ticks)


def story(date, ticks):
    """Under a clock of the test's own, application and queue share its time, and the queue moves it."""
    began = at(date)
    is_now(began, ticks)
    current().route(URL).returns(503, 200)
    client.create_task(parent=QUEUE, task=task())
    current().advance(hours=1)
    check(began, ticks)


async def async_story(date, ticks):
    """The same, awaited; a handler sleeps in the queue's time."""
    began = at(date)
    is_now(began, ticks)

    async def handler(request):
        await current().aio.sleep(timedelta(seconds=20))
        return 503 if request.attempt_number == 1 else 200

    current().route(URL, handler=handler)
    await async_client.create_task(parent=QUEUE, task=task())
    await current().aio.advance(hours=1)
    check(began, ticks)


def afterwards(cloud_tasks):
    """When their clock has ended the queue stays where it is, and holds the application there."""
    stays = cloud_tasks.clock.now()
    is_now(stays, False)
    cloud_tasks.advance(seconds=1)
    is_now(stays + timedelta(seconds=1), False)
'''
FIRST_LINES = """
import sys
import unittest

import conftest
import freezegun.api
import pytest
import time_machine
from freezegun import freeze_time
from story import afterwards, async_story, at, story

"""
LAST = '''
def test_nothing_is_left(tmp_path):
    """The last test: every clock is the kernel's again, and every module and function its own."""
    assert conftest.traces == {}
    assert conftest.wrong_clocks(tmp_path) == []
    fakes = {id(value) for name, value in vars(freezegun.api).items() if name.lower().startswith("fake")}
    assert [
        f"{name}.{attribute}"
        for name, module in list(sys.modules.items())
        if not name.startswith("freezegun")
        for attribute, value in list(vars(module).items())
        if id(value) in fakes
    ] == []
    assert [name for name, module in conftest.MODULES.items() if sys.modules.get(name) is not module] == []
    assert sorted(sys.modules.keys() - conftest.MODULES.keys() - {"_sha2"}) == []  # hashlib's, of Python 3.12 on
'''
FREEZEGUN = {
    "decorator": """
        @freeze_time("{date}", **{options})
        def test_{name}({contact}):
            story("{date}", {ticks})
    """,
    "decorator_of_a_coroutine": """
        @pytest.mark.{runner}
        @freeze_time("{date}", **{options})
        async def test_{name}({contact}):
            await async_story("{date}", {ticks})
    """,
    "context_manager": """
        def test_{name}({contact}):
            with freeze_time("{date}", **{options}):
                story("{date}", {ticks})
            afterwards({contact})
    """,
    "start_and_stop": """
        def test_{name}({contact}):
            freezer = freeze_time("{date}", **{options})
            freezer.start()
            story("{date}", {ticks})
            freezer.stop()
            afterwards({contact})
    """,
    "class": """
        @freeze_time("{date}", **{options})
        class Test_{name}:
            def test(self, {contact}):
                story("{date}", {ticks})
    """,
    "unittest_class": """
        @freeze_time("{date}", **{options})
        @pytest.mark.usefixtures("{contact}")
        class Test_{name}(unittest.TestCase):
            def test(self):
                story("{date}", {ticks})
    """,
    "fixture": """
        @pytest.mark.freeze_time(**{options})
        def test_{name}({contact}, freezer):
            freezer.move_to("{date}")
            story("{date}", {ticks})
    """,
    "fixture_of_a_coroutine": """
        @pytest.mark.{runner}
        @pytest.mark.freeze_time(**{options})
        async def test_{name}({contact}, freezer):
            freezer.move_to("{date}")
            await async_story("{date}", {ticks})
    """,
    "marker": """
        @pytest.mark.freeze_time("{date}", **{options})
        def test_{name}({contact}):
            story("{date}", {ticks})
    """,
}
TIME_MACHINE = {
    "decorator": """
        @time_machine.travel(at("{date}"), **{options})
        def test_{name}({contact}):
            story("{date}", {ticks})
    """,
    "decorator_of_a_coroutine": """
        @pytest.mark.{runner}
        @time_machine.travel(at("{date}"), **{options})
        async def test_{name}({contact}):
            await async_story("{date}", {ticks})
    """,
    "context_manager": """
        def test_{name}({contact}):
            with time_machine.travel(at("{date}"), **{options}):
                story("{date}", {ticks})
            afterwards({contact})
    """,
    "start_and_stop": """
        def test_{name}({contact}):
            travel = time_machine.travel(at("{date}"), **{options})
            travel.start()
            story("{date}", {ticks})
            travel.stop()
            afterwards({contact})
    """,
    "unittest_class": """
        @time_machine.travel(at("{date}"), **{options})
        @pytest.mark.usefixtures("{contact}")
        class Test_{name}(unittest.TestCase):
            def test(self):
                story("{shown}", {ticks})
    """,
    "fixture": """
        def test_{name}({contact}, time_machine):
            time_machine.move_to(at("{date}"), **{options})
            story("{date}", {ticks})
    """,
    "fixture_of_a_coroutine": """
        @pytest.mark.{runner}
        async def test_{name}({contact}, time_machine):
            time_machine.move_to(at("{date}"), **{options})
            await async_story("{date}", {ticks})
    """,
    "marker": """
        @pytest.mark.time_machine(at("{date}"), **{options})
        def test_{name}({contact}):
            story("{date}", {ticks})
    """,
}
TABLE: tuple[tuple[str, dict[str, str], dict[str, dict[str, object]]], ...] = (
    ("freezegun", FREEZEGUN, {"frozen": {}, "ticking": {"tick": True}, "stepping": {"auto_tick_seconds": 0.001}}),
    ("time_machine", TIME_MACHINE, {"frozen": {"tick": False}, "ticking": {"tick": True}}),
)


def small_tests() -> list[str]:
    """A test for each tool, form, way of ticking and order of beginning.

    The dates are all there for clocks that stand, and take turns for those that tick; so do the runners of coroutines.
    """
    tests = []
    turns, runners = cycle(DATES), cycle(("asyncio", "anyio"))
    for tool, forms, kinds in TABLE:
        for (form, text), (kind, options), contact in product(forms.items(), kinds.items(), CONTACTS):
            for date in DATES if kind == "frozen" else (next(turns),):
                is_of_class = (tool, form) == (
                    "time_machine",
                    "unittest_class",
                )  # it begins before start, which moves it
                shown = "2050-01-01 00:00:00" if is_of_class and contact == "held_from_start" else date
                values = {
                    "date": date,
                    "shown": shown,
                    "options": options,
                    "ticks": kind != "frozen",
                    "contact": contact,
                }
                name = f"{tool}_{form}_{kind}_{date[:4]}_{contact}"
                tests.append(dedent(text).format(name=name, runner=next(runners), **values))
    return tests


@pytest.mark.needs("scopes of pytest-asyncio")
def test_every_clock_is_followed_and_leaves_no_trace(pytester: pytest.Pytester) -> None:
    """Each clock, in each form and at each date, is the queue's while it lasts; after all of them nothing is left."""
    pytester.makeini(
        """
        [pytest]
        addopts = -p no:randomly -p no:cacheprovider
        asyncio_default_fixture_loop_scope = function
        cloud_tasks_queues = work
        filterwarnings =
            error
            ignore:You are using a:FutureWarning
        """
    )
    tests = small_tests()
    pytester.makepyfile(conftest=CONFTEST, story=STORY, test_clocks=FIRST_LINES + "".join([*tests, LAST]))
    pytester.runpytest_subprocess().assert_outcomes(passed=len(tests) + 1)
