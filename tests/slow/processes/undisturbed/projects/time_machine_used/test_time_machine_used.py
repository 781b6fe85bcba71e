"""time-machine in all its forms, its fixture among them."""

import asyncio
import time
import unittest
from datetime import datetime, timedelta, timezone

import time_machine

DAY = datetime(2019, 4, 14, tzinfo=timezone.utc)


def now():
    return datetime.now(timezone.utc)


@time_machine.travel(DAY, tick=False)
def test_a_decorator():
    assert now() == DAY
    assert time.time() == 1555200000


def test_a_context():
    with time_machine.travel(DAY, tick=False) as travel:
        travel.shift(timedelta(hours=1))
        assert now() == DAY + timedelta(hours=1)
        with time_machine.travel(0, tick=True):
            assert now().year == 1970
    assert now().year > 2020


def test_a_fixture(time_machine):
    time_machine.move_to(DAY, tick=False)
    assert now() == DAY


def test_a_failure(time_machine):
    time_machine.move_to(DAY, tick=False)
    assert now() == DAY + timedelta(days=1)


@time_machine.travel(DAY, tick=False)
class TravellingCase(unittest.TestCase):
    def test_it(self):
        self.assertEqual(now(), DAY)


@time_machine.travel(DAY, tick=False)
def test_a_loop():
    assert asyncio.run(asyncio.wait_for(asyncio.sleep(0, now()), 5)) == DAY


def test_time_goes_on_afterwards():
    assert now().year > 2020
