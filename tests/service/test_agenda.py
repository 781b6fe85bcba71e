"""The agenda."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cloudtasks._service.scheduler import Agenda


def drained(agenda: Agenda[str]) -> list[tuple[int, str]]:
    """All entries, taken off in their order."""
    entries = []
    while (first := agenda.first()) is not None:
        entries.append(first)
        agenda.remove(first[1])
    return entries


def test_an_empty_agenda_has_no_first_entry() -> None:
    """Nothing is to come where nothing was entered."""
    agenda: Agenda[str] = Agenda()
    assert agenda.first() is None
    assert agenda.at("a") is None


def test_the_earliest_entry_comes_first() -> None:
    """Instants decide the order, however they were entered."""
    agenda: Agenda[str] = Agenda()
    for at, key in [(30, "c"), (10, "a"), (20, "b")]:
        agenda.put(key, at, (0,))
    assert drained(agenda) == [(10, "a"), (20, "b"), (30, "c")]


def test_what_is_entered_up_to_an_instant() -> None:
    """Entries at the instant and before, by their latest instants, and none that were removed."""
    agenda: Agenda[str] = Agenda()
    for at, key in [(30, "c"), (10, "a"), (20, "b"), (5, "d"), (5, "c")]:
        agenda.put(key, at, (0,))
    agenda.put("d", 40, (0,))
    agenda.remove("a")
    assert [sorted(agenda.up_to(at)) for at in (4, 5, 20, 40)] == [[], ["c"], ["b", "c"], ["b", "c", "d"]]


def test_entries_of_one_instant_come_by_rank_and_then_in_the_order_they_were_entered() -> None:
    """The rank breaks ties, and what was entered first breaks the ties of ranks."""
    agenda: Agenda[str] = Agenda()
    for rank, key in [((2, 0), "late"), ((1, 5), "second"), ((1, 4), "first"), ((2, 0), "last")]:
        agenda.put(key, 10, rank)
    assert [key for _, key in drained(agenda)] == ["first", "second", "late", "last"]


def test_looking_at_the_first_entry_leaves_it() -> None:
    """The first entry can be asked for again and again."""
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 10, (0,))
    assert agenda.first() == agenda.first() == (10, "a")


def test_a_key_that_is_entered_again_has_moved() -> None:
    """A key has at most one entry: the last, be it earlier or later than the one before."""
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 10, (0,))
    agenda.put("b", 20, (0,))
    agenda.put("a", 30, (0,))
    assert agenda.at("a") == 30
    agenda.put("b", 5, (0,))
    assert drained(agenda) == [(5, "b"), (30, "a")]


def test_a_key_that_is_entered_as_it_is_keeps_its_place() -> None:
    """An entry that changes nothing does not go behind others of its instant and rank."""
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 10, (0,))
    agenda.put("b", 10, (0,))
    agenda.put("a", 10, (0,))
    assert [key for _, key in drained(agenda)] == ["a", "b"]


def test_a_removed_key_is_gone_and_can_come_back() -> None:
    """Removal takes an entry off; removing what is not there is no error."""
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 10, (0,))
    agenda.remove("a")
    agenda.remove("a")
    assert agenda.first() is None
    assert agenda.at("a") is None
    agenda.put("a", 10, (0,))
    assert agenda.first() == (10, "a")


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.none() | st.integers(0, 9))))
def test_the_agenda_is_a_sorted_table(deeds: list[tuple[str, int | None]]) -> None:
    """After any entering and removing (None) it is what a plain table would be, sorted."""
    agenda: Agenda[str] = Agenda()
    table: dict[str, int] = {}
    for key, at in deeds:
        if at is None:
            agenda.remove(key)
            table.pop(key, None)
        else:
            agenda.put(key, at, (ord(key),))
            table[key] = at
        assert agenda.first() == min(((at, key) for key, at in table.items()), default=None)
    assert drained(agenda) == sorted((at, key) for key, at in table.items())
