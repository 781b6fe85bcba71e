"""ReservedNames."""

from __future__ import annotations

from pytest_cloudtasks._service.service import ReservedNames


def test_a_name_is_reserved_up_to_its_instant() -> None:
    """At the instant itself the name is free again; one that was never buried always was."""
    tombstones = ReservedNames()
    tombstones.reserve("a", 10)
    assert tombstones.holds("a", 9)
    assert not tombstones.holds("a", 10)
    assert not tombstones.holds("b", 9)


def test_a_reservation_that_has_ended_does_not_come_back() -> None:
    """What was free once stays free."""
    tombstones = ReservedNames()
    tombstones.reserve("a", 10)
    assert not tombstones.holds("a", 10)
    assert not tombstones.holds("a", 9)


def test_a_name_that_is_buried_again_is_reserved_for_longer() -> None:
    """The last burial counts."""
    tombstones = ReservedNames()
    tombstones.reserve("a", 10)
    tombstones.reserve("a", 20)
    assert tombstones.holds("a", 19)


def test_reservations_move_with_the_clock() -> None:
    """A clock that is set anew leaves as much of a reservation as there was."""
    tombstones = ReservedNames()
    tombstones.reserve("a", 10)
    tombstones.reserve("b", 20)
    tombstones.shift(-5)
    assert (tombstones.holds("a", 4), tombstones.holds("b", 14)) == (True, True)
    assert (tombstones.holds("a", 5), tombstones.holds("b", 15)) == (False, False)
