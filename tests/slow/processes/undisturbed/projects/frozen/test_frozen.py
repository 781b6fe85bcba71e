"""freezegun in all its forms; nobody of the plugin's holds any time here."""

import datetime as dt
import time
import unittest
import uuid
from datetime import date, datetime, timedelta

import pytest
from freezegun import freeze_time

DAY = datetime(2019, 4, 14)


@pytest.fixture
def frozen():
    with freeze_time("2019-04-14") as clock:
        yield clock


@freeze_time("2019-04-14")
def test_a_decorator():
    assert datetime.utcnow() == DAY
    assert dt.datetime.now() == DAY
    assert date.today() == DAY.date()
    assert time.time() == 1555200000


def test_a_fixture(frozen):
    frozen.tick(timedelta(hours=1))
    assert datetime.now() == DAY + timedelta(hours=1)
    frozen.move_to("2018-01-01")
    assert datetime.now().year == 2018


def test_contexts_within_another():
    with freeze_time("2019-04-14"):
        with freeze_time("2017-01-01", tick=True):
            assert datetime.now().year == 2017
        assert datetime.now() == DAY
    assert datetime.now().year > 2020


def test_a_failure(frozen):
    assert datetime.now() == DAY + timedelta(days=1)


def test_time_goes_on_afterwards():
    before = time.monotonic()
    assert datetime.now().year > 2020
    assert time.monotonic() >= before
    assert uuid.uuid4() != uuid.uuid4()


@freeze_time("2019-04-14")
class FrozenCase(unittest.TestCase):
    def setUp(self):
        self.began = datetime.now()

    def test_set_up_is_frozen(self):
        self.assertEqual(self.began, DAY)


@pytest.mark.freeze_time("2019-04-14")
def test_the_marker_of_pytest_freezer():
    assert datetime.now() == DAY


def test_the_fixture_of_pytest_freezer(freezer):
    freezer.move_to("2019-04-14")
    assert datetime.now() == DAY
