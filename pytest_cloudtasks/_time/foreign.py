"""Clocks that the test itself stopped, with freezegun or time-machine: found, read and moved, never replaced.

Neither library says in its public API who is holding time at the moment. What is used of their insides is used here
only, and was checked against freezegun 1.5 (`freezegun.api.freeze_factories`, the functions of `uuid` that it keeps)
and time-machine 3.0 to 3.6 (`time_machine.traveller_stack`, at first `coordinates_stack`);
``tests/time/test_foreign.py`` fails when it moves.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

from .._text import safe_str
from .instants import to_datetime


class ForeignClock(Protocol):
    """A clock that somebody else holds."""

    source: object
    """The other library's own object: the same as long as the same hold lasts."""
    name: str
    ticks_by_process_time: bool
    """Whether it runs on by the process's clock, which a hold of ours underneath would stop."""

    def now(self) -> int:
        """Its instant, in nanoseconds since 1970; reading does not move it."""
        ...

    def move(self, to: int) -> None:
        """Move it, and with it the application's time."""
        ...


def move_forward(clock: ForeignClock, to: int) -> None:
    """Move it to the instant ``to``, unless it has run on to a later one by itself."""
    if clock.now() // 1_000 < to // 1_000:
        clock.move(to)


def active(ours: object | None, followed: object | None = None) -> ForeignClock | None:
    """The innermost clock that is not ``ours``, for a fake that has ``followed`` one until now.

    A fake that began within it, and has a time of its own, is passed over.
    """
    factories = freezers()
    if factories:
        return _Freezegun(factories[-1])
    stack = travellers()
    place = next((one for one in (ours, followed) if one is not None and one in stack), None)
    for traveller in reversed(stack):
        if traveller is ours:
            return None
        if place is None or traveller is place or not _OURS.get(traveller, False):
            return _TimeMachine(traveller)
    return None


_OURS: dict[object, bool] = {}
"""The holds that fakes have begun, and whether they did so within another's, for a time of their own."""


def is_ours(clock: ForeignClock) -> bool:
    """Whether it is the hold of a fake."""
    return clock.source in _OURS


def ours_begins(traveller: object, *, is_apart: bool) -> None:
    """A fake has begun this hold; one that ``is_apart`` is within another's."""
    _OURS[traveller] = is_apart


def ours_ends(traveller: object) -> None:
    """It has ended it."""
    _OURS.pop(traveller, None)


def following(traveller: object) -> ForeignClock:
    """A hold of time-machine's as a clock."""
    return _TimeMachine(traveller)


class _Freezegun:
    name = "freezegun"

    def __init__(self, factory: Any) -> None:
        self.source = factory
        self.ticks_by_process_time = _ticks_by_process_time(factory)

    def now(self) -> int:
        factory: Any = self.source
        # Calling a factory made with auto_tick_seconds would move it.
        frozen = factory() if self.ticks_by_process_time else factory.time_to_freeze
        epoch = to_datetime(0).replace(tzinfo=None)
        return (frozen - epoch) // timedelta(microseconds=1) * 1_000  # type: ignore[no-any-return]

    def move(self, to: int) -> None:
        if to // 1_000 != self.now() // 1_000:  # a move by nothing makes auto_tick_seconds take a step
            factory: Any = self.source
            factory.move_to(to_datetime(to).replace(tzinfo=None))


class _TimeMachine:
    name = "time-machine"
    ticks_by_process_time = False

    def __init__(self, traveller: Any) -> None:
        self.source = traveller

    def now(self) -> int:
        traveller: Any = self.source
        return traveller.time_ns()  # type: ignore[no-any-return]

    def move(self, to: int) -> None:
        traveller: Any = self.source
        by = (to - self.now()) // 1_000
        if by:
            traveller.shift(timedelta(microseconds=by))


def freezers() -> list[Any]:
    """The factories of freezegun's freezers in force, innermost last."""
    api: Any = sys.modules.get("freezegun.api")
    return [] if api is None else api.freeze_factories


def _ticks_by_process_time(factory: Any) -> bool:
    return not hasattr(factory, "step_width") and hasattr(factory, "start")


def travellers() -> list[Any]:
    """time-machine's holds in force, innermost last; the list is the library's own, and goes with them."""
    module = sys.modules.get("time_machine")
    if module is None:
        return []
    stack = getattr(module, "traveller_stack", None)
    return module.coordinates_stack if stack is None else stack  # type: ignore[no-any-return]


def innermost_traveller() -> object | None:
    """time-machine's hold in force, whoever began it."""
    stack = travellers()
    return stack[-1] if stack else None


def advice_on(error: BaseException) -> str | None:
    """What to do about ``error``, if it is time-machine's refusal to start within freezegun."""
    if not isinstance(error, RuntimeError) or "time-machine cannot start when freezegun is active" not in safe_str(
        error
    ):
        return None
    return (
        "time-machine does not start while freezegun holds time. Begin time-machine first, or hold time with one of the"
        " two: cloud_tasks follows and moves either."
    )


def forget_traveller(traveller: object) -> None:
    """Take a hold out from under a later one, which stays in force and cleans up when it ends."""
    stack = travellers()
    if traveller in stack:
        stack.remove(traveller)


@contextmanager
def freezers_kept() -> Iterator[None]:
    """A hold ends in this block, and freezers that began within it don't notice: freezegun takes it for the process."""
    api: Any = sys.modules.get("freezegun.api")
    if api is None:
        yield
        return
    ticking = [_Freezegun(factory) for factory in api.freeze_factories if _ticks_by_process_time(factory)]
    shown = [clock.now() for clock in ticking]
    yield
    for clock, instant in zip(ticking, shown, strict=True):
        clock.move(instant)  # it counts from the process's clock, which has just leapt
    for ours, theirs in (("_generate_time_safe", "real_uuid_generate_time"), ("_UuidCreate", "real_uuid_create")):
        if getattr(api, theirs, None) is None:
            setattr(api, theirs, getattr(uuid, ours, None))  # freezegun was imported under the hold, and saw none
        if api.freeze_factories:
            setattr(uuid, ours, None)
