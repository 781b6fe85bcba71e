"""External clocks: time that the test itself holds, with freezegun or time-machine. They are followed and moved.

Neither library has a public API for who is holding time at the moment. Only this module uses their private parts. It
was checked against freezegun 1.5 (`freezegun.api.freeze_factories`, the functions of `uuid` that it keeps) and
time-machine 3.0 to 3.6 (`time_machine.traveller_stack`, at first `coordinates_stack`);
``tests/time/test_external.py`` fails when it moves.
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


class ExternalClock(Protocol):
    """A clock that another library holds."""

    source: object
    """The other library's own object: the same as long as the same hold lasts."""
    name: str
    ticks_by_process_time: bool
    """Whether it advances with the process's clock, which a hold of ours underneath would stop."""

    def now(self) -> int:
        """Return its instant, in nanoseconds since 1970. Reading does not move it."""
        ...

    def move(self, to: int) -> None:
        """Move it, and with it the application's time."""
        ...


def move_forward(clock: ExternalClock, to: int) -> None:
    """Move the clock to the instant ``to``, unless it has already passed it."""
    if clock.now() // 1_000 < to // 1_000:
        clock.move(to)


def active(ours: object | None, followed: object | None = None) -> ExternalClock | None:
    """Return the innermost clock that is not ``ours``, for a fake that has ``followed`` one until now.

    Skip the hold of a fake that began within it with a time of its own.
    """
    factories = freezers()
    if factories:
        return _Freezegun(factories[-1])
    stack = time_machine_stack()
    known = next((source for source in (ours, followed) if source is not None and source in stack), None)
    for source in reversed(stack):
        if source is ours:
            return None
        if known is None or source is known or not _OURS.get(source, False):
            return _TimeMachine(source)
    return None


_OURS: dict[object, bool] = {}
"""The holds of fakes. The value is whether the fake has a time of its own within another fake's hold."""


def is_ours(clock: ExternalClock) -> bool:
    """Return whether a fake holds this clock."""
    return clock.source in _OURS


def ours_begins(source: object, *, is_apart: bool) -> None:
    """Register a hold that a fake has begun; ``is_apart`` says that it has its own time within another fake's."""
    _OURS[source] = is_apart


def ours_ends(source: object) -> None:
    """Unregister a hold that its fake has ended."""
    _OURS.pop(source, None)


def following(source: object) -> ExternalClock:
    """Return a hold of time-machine as a clock."""
    return _TimeMachine(source)


class _Freezegun:
    name = "freezegun"

    def __init__(self, factory: Any) -> None:
        self.source = factory
        self.ticks_by_process_time = _ticks_by_process_time(factory)

    def now(self) -> int:
        factory: Any = self.source
        # Calling a factory made with auto_tick_seconds moves it.
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

    def __init__(self, source: Any) -> None:
        self.source = source

    def now(self) -> int:
        source: Any = self.source
        return source.time_ns()  # type: ignore[no-any-return]

    def move(self, to: int) -> None:
        source: Any = self.source
        by = (to - self.now()) // 1_000
        if by:
            source.shift(timedelta(microseconds=by))


def freezers() -> list[Any]:
    """Return the factories of freezegun's active freezers, innermost last."""
    api: Any = sys.modules.get("freezegun.api")
    return [] if api is None else api.freeze_factories


def _ticks_by_process_time(factory: Any) -> bool:
    return not hasattr(factory, "step_width") and hasattr(factory, "start")


def time_machine_stack() -> list[Any]:
    """Return time-machine's active holds, innermost last. The list is the library's own and changes with them."""
    module = sys.modules.get("time_machine")
    if module is None:
        return []
    stack = getattr(module, "traveller_stack", None)
    return module.coordinates_stack if stack is None else stack  # type: ignore[no-any-return]


def innermost_hold() -> object | None:
    """Return time-machine's active hold, whoever began it."""
    stack = time_machine_stack()
    return stack[-1] if stack else None


def advice_on(error: BaseException) -> str | None:
    """Return what to do about ``error`` if time-machine has refused to start within freezegun."""
    if not isinstance(error, RuntimeError) or "time-machine cannot start when freezegun is active" not in safe_str(
        error
    ):
        return None
    return (
        "time-machine can't start while freezegun holds time. Start time-machine first, or use only one of the two:"
        " cloud_tasks follows and moves either."
    )


def forget_hold(source: object) -> None:
    """Remove a hold from beneath a later one, which stays active and cleans up when it ends."""
    stack = time_machine_stack()
    if source in stack:
        stack.remove(source)


@contextmanager
def freezers_kept() -> Iterator[None]:
    """Keep freezers at their instant while a hold beneath them ends; freezegun takes it for the process's clock."""
    api: Any = sys.modules.get("freezegun.api")
    if api is None:
        yield
        return
    ticking = [_Freezegun(factory) for factory in api.freeze_factories if _ticks_by_process_time(factory)]
    shown = [clock.now() for clock in ticking]
    yield
    for clock, instant in zip(ticking, shown, strict=True):
        clock.move(instant)  # it counts from the process's clock, which has just jumped
    for ours, theirs in (("_generate_time_safe", "real_uuid_generate_time"), ("_UuidCreate", "real_uuid_create")):
        if getattr(api, theirs, None) is None:
            setattr(
                api, theirs, getattr(uuid, ours, None)
            )  # freezegun was imported under the hold, where uuid has none
        if api.freeze_factories:
            setattr(uuid, ours, None)
