"""A wrong worker: it asks for retries without end."""

from __future__ import annotations

from collections.abc import Callable

from booking import Partner, enqueue
from flask import Flask, request


def create_careless_worker(airline: Partner, hotel: Partner, send: Callable[[str], None]) -> Flask:
    worker = Flask("travels")

    @worker.post("/steps/flight")
    def flight() -> str:
        trip = request.get_json()["trip"]
        airline.book(trip)
        enqueue("hotel", trip)
        return "done"

    @worker.post("/steps/hotel")
    def book_hotel() -> tuple[str, int]:
        trip = request.get_json()["trip"]
        try:
            hotel.book(trip)
        except ConnectionError:
            return "try again", 503  # after the last attempt the flight stays booked
        send(f"Trip {trip} is booked.")
        return "done", 200

    return worker
