"""Book trips, with and without failures of the partners."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import booking
import pytest
from booking import Partner as PartnerProtocol
from careless import create_careless_worker
from flask import Flask

from pytest_cloudtasks import FakeCloudTasks

pytestmark = pytest.mark.cloud_tasks(
    queues={"trips": {"retry_config": {"max_attempts": booking.ATTEMPTS, "min_backoff": "10s"}}}
)


Worker = Callable[[PartnerProtocol, PartnerProtocol, Callable[[str], None]], Flask]


class Partner:
    """Refuse ``failures`` bookings."""

    def __init__(self) -> None:
        self.failures = 0
        self.booked: set[str] = set()

    def book(self, trip: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError("no answer")
        self.booked.add(trip)

    def cancel(self, trip: str) -> None:
        self.booked.remove(trip)


class Trips:
    def __init__(self, cloud_tasks: FakeCloudTasks, create: Worker = booking.create_worker) -> None:
        self.airline, self.hotel = Partner(), Partner()
        self.mails: list[tuple[timedelta, str]] = []
        self._clock = cloud_tasks.clock
        cloud_tasks.mount("https://travels.test", create(self.airline, self.hotel, self._send))

    def _send(self, mail: str) -> None:
        self.mails.append((self._clock.elapsed, mail))


@pytest.fixture
def trips(cloud_tasks: FakeCloudTasks) -> Trips:
    return Trips(cloud_tasks)


def steps(cloud_tasks: FakeCloudTasks) -> list[str]:
    """Return the steps of all attempts."""
    return [attempt.task.id.removeprefix("oslo-") for attempt in cloud_tasks.attempts()]


def test_a_trip_is_booked_and_its_customer_reminded_after_three_days(cloud_tasks: FakeCloudTasks, trips: Trips) -> None:
    """Each step enqueues the next, and the reminder waits for three days."""
    booking.start("oslo")
    cloud_tasks.drain()

    assert steps(cloud_tasks) == ["flight", "hotel", "confirmation", "reminder"]
    assert trips.mails == [
        (timedelta(0), "Trip oslo is booked."),
        (timedelta(days=3), "Trip oslo is not paid yet."),
    ]
    cloud_tasks.assert_empty()


def test_who_pays_is_not_reminded(cloud_tasks: FakeCloudTasks, trips: Trips) -> None:
    """Two days later the money comes, and the reminder is deleted."""
    booking.start("oslo")
    cloud_tasks.advance(timedelta(days=2))
    cloud_tasks.assert_enqueued(name="oslo-reminder", at=cloud_tasks.clock.now() + timedelta(days=1))
    booking.paid("oslo")
    cloud_tasks.drain()

    assert [mail for _, mail in trips.mails] == ["Trip oslo is booked."]
    cloud_tasks.assert_not_dispatched(name="oslo-reminder")


def test_a_partner_who_stumbles_is_asked_again(cloud_tasks: FakeCloudTasks, trips: Trips) -> None:
    """The hotel answers at the third attempt, 30 seconds later, and the saga goes on."""
    trips.hotel.failures = 2
    booking.start("oslo")
    cloud_tasks.drain(until=timedelta(hours=1))

    assert steps(cloud_tasks) == ["flight", "hotel", "hotel", "hotel", "confirmation"]
    assert trips.mails == [(timedelta(seconds=30), "Trip oslo is booked.")]


def check_a_trip_without_a_hotel_has_no_flight(cloud_tasks: FakeCloudTasks, trips: Trips) -> None:
    """After the last attempt another task cancels the flight."""
    trips.hotel.failures = booking.ATTEMPTS
    booking.start("oslo")
    cloud_tasks.drain()

    assert trips.airline.booked == set()
    assert steps(cloud_tasks) == ["flight", *["hotel"] * 4, "cancellation"]
    assert [mail for _, mail in trips.mails] == ["Trip oslo could not be booked."]
    cloud_tasks.assert_not_enqueued(name="oslo-reminder")


def test_a_trip_without_a_hotel_has_no_flight(cloud_tasks: FakeCloudTasks) -> None:
    """The cancellation is a task of its own."""
    check_a_trip_without_a_hotel_has_no_flight(cloud_tasks, Trips(cloud_tasks))


def test_a_careless_worker_is_caught(cloud_tasks: FakeCloudTasks) -> None:
    """A worker that only asks for retries leaves a flight without a hotel."""
    with pytest.raises(AssertionError, match="oslo"):
        check_a_trip_without_a_hotel_has_no_flight(cloud_tasks, Trips(cloud_tasks, create_careless_worker))


def test_an_impatient_customer_books_one_trip(cloud_tasks: FakeCloudTasks, trips: Trips) -> None:
    """The booking starts twice, and a response of the worker is lost."""
    cloud_tasks.lose_handler_response(name="oslo-flight")
    booking.start("oslo")
    booking.start("oslo")
    cloud_tasks.drain()

    assert steps(cloud_tasks) == ["flight", "hotel", "confirmation", "flight", "reminder"]
    assert len(trips.mails) == 2
