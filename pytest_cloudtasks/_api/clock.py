"""``cloud_tasks.clock``, the queue's time, and the arguments of ``advance()``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import isfinite

from .._arguments import checked_call
from .._attributes import NamesAttributes
from .._simulation.simulation import Simulation
from .._text import safe_repr
from .._time.instants import Duration, duration_of, from_datetime, to_datetime, to_timedelta


class ClockView(NamesAttributes):
    """The queue's clock. It is also the application's, unless the option ``time`` is ``"virtual"``."""

    _shown_as = "cloud_tasks.clock"

    def __init__(self, synced: Callable[[], Simulation]) -> None:
        self._synced = synced

    @checked_call
    def now(self) -> datetime:
        """Return the queue's instant, as an aware datetime in UTC."""
        return to_datetime(self._synced().clock.now)

    @property
    def elapsed(self) -> timedelta:
        """The queue's time since the start, as a timedelta."""
        return to_timedelta(self._synced().clock.elapsed)

    def __repr__(self) -> str:
        return f"<clock at {self.now().isoformat()}, {self.elapsed} elapsed>"


def length_of_advance(
    by: Duration | None, to: datetime | None, **keywords: float | None
) -> tuple[int | None, int | None]:
    """Return what ``advance()`` is to pass: a duration or an instant, in nanoseconds; the other one is None."""
    numbers = {name: number for name, number in keywords.items() if number is not None}
    count = (by is not None) + (to is not None) + bool(numbers)
    if count != 1:
        raise TypeError(
            "advance() takes one of a duration, keywords such as hours=2, and to=instant, but got"
            f" {'none' if count == 0 else 'more than one'} of them."
        )
    if to is not None:
        return None, from_datetime(to, what="advance(to=…)")
    if isinstance(by, datetime):
        raise TypeError(
            f"advance() takes a duration such as timedelta(hours=2) or '2h', but got {safe_repr(by)}. Pass an instant"
            " as to=…."
        )
    return duration_of(_sum(numbers) if by is None else by, what="advance()"), None


def _sum(numbers: dict[str, float]) -> timedelta:
    for name, number in numbers.items():
        is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
        if not is_number or (isinstance(number, float) and not isfinite(number)):
            raise (ValueError if is_number else TypeError)(
                f"advance({name}=…) takes a finite number, but got {safe_repr(number)}."
            )
    try:
        return timedelta(**numbers)
    except OverflowError:
        raise ValueError(f"advance() takes less than 999999999 days, but got {safe_repr(numbers)}.") from None
