"""The heap of instants that the scheduler uses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks._service.scheduler import Timetable


def drained(timetable: Timetable[str]) -> list[tuple[int, str]]:
    """All entries, taken off in their order."""
    entries = []
    while (first := timetable.first()) is not None:
        entries.append(first)
        timetable.remove(first[1])
    return entries


def test_an_empty_agenda_has_no_first_entry() -> None:
    """Nothing is to come where nothing was entered."""
    timetable: Timetable[str] = Timetable()
    assert timetable.first() is None


def test_the_earliest_entry_comes_first() -> None:
    """Instants decide the order, however they were entered."""
    timetable: Timetable[str] = Timetable()
    for at, key in [(30, "c"), (10, "a"), (20, "b")]:
        timetable.put(key, at, (0,))
    assert drained(timetable) == [(10, "a"), (20, "b"), (30, "c")]


def test_keys_that_do_not_count_are_passed_over_and_stay() -> None:
    """The first of some keys leaves the others where they are."""
    timetable: Timetable[str] = Timetable()
    for at, key in [(30, "c"), (10, "a"), (20, "b")]:
        timetable.put(key, at, (0,))
    timetable.remove("b")
    assert timetable.first(lambda key: key == "c") == (30, "c")
    assert timetable.first(lambda key: key == "b") is None
    assert drained(timetable) == [(10, "a"), (30, "c")]


def test_entries_of_one_instant_come_by_rank_and_then_in_the_order_they_were_entered() -> None:
    """The rank breaks ties, and what was entered first breaks the ties of ranks."""
    timetable: Timetable[str] = Timetable()
    for rank, key in [((2, 0), "late"), ((1, 5), "second"), ((1, 4), "first"), ((2, 0), "last")]:
        timetable.put(key, 10, rank)
    assert [key for _, key in drained(timetable)] == ["first", "second", "late", "last"]


def test_looking_at_the_first_entry_leaves_it() -> None:
    """The first entry can be asked for again and again."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    assert timetable.first() == timetable.first() == (10, "a")


def test_a_key_that_is_entered_again_has_moved() -> None:
    """A key has at most one entry: the last, be it earlier or later than the one before."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    timetable.put("b", 20, (0,))
    timetable.put("a", 30, (0,))
    timetable.put("b", 5, (0,))
    assert drained(timetable) == [(5, "b"), (30, "a")]


def test_a_key_that_is_entered_as_it_is_keeps_its_place() -> None:
    """An entry that changes nothing does not go behind others of its instant and rank."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    timetable.put("b", 10, (0,))
    timetable.put("a", 10, (0,))
    assert [key for _, key in drained(timetable)] == ["a", "b"]


def test_a_removed_key_is_gone_and_can_come_back() -> None:
    """Removal takes an entry off; removing what is not there is no error."""
    timetable: Timetable[str] = Timetable()
    timetable.put("a", 10, (0,))
    timetable.remove("a")
    timetable.remove("a")
    assert timetable.first() is None
    timetable.put("a", 10, (0,))
    assert timetable.first() == (10, "a")


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.none() | st.integers(0, 9))))
def test_the_agenda_is_a_sorted_table(deeds: list[tuple[str, int | None]]) -> None:
    """After any entering and removing (None) it is what a plain table would be, sorted."""
    timetable: Timetable[str] = Timetable()
    table: dict[str, int] = {}
    for key, at in deeds:
        if at is None:
            timetable.remove(key)
            table.pop(key, None)
        else:
            timetable.put(key, at, (ord(key),))
            table[key] = at
        assert timetable.first() == min(((at, key) for key, at in table.items()), default=None)
    assert drained(timetable) == sorted((at, key) for key, at in table.items())
