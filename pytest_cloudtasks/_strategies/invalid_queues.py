"""Queues with exactly one thing wrong, each with the error that it gets."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .._service import errors
from .invalid import pair_of
from .invalid_settings import BEYOND, Spoilt, spoilt_queues
from .names import MAX_QUEUE_ID
from .settings import LOCATION
from .validity import checked_location
from .versions import Version


@st.composite
def _queue_name(draw: DrawFn, parent: str) -> Spoilt:
    what = draw(st.sampled_from(["format", "id", "length", "parent"]))
    if what == "format":
        return {"name": draw(st.sampled_from(["", "0", "queues/0", f"{parent}/0"]))}, errors.QUEUE_NAME_FORMAT.error()
    if what == "parent":
        name = f"{parent}-other/queues/0"
        return {"name": name}, errors.QUEUE_OUTSIDE_PARENT.error(name=name, parent=parent)
    bad = draw(st.sampled_from(["", "a_b", "a b", "é"])) if what == "id" else "0" * (MAX_QUEUE_ID + draw(BEYOND))
    return {"name": f"{parent}/queues/{bad}"}, errors.QUEUE_ID_FORMAT.error(id=bad)


@st.composite
def invalid_queues(
    draw: DrawFn, *, parent: str = LOCATION, version: Version = "v2", as_dict: bool = False
) -> tuple[Any, Exception]:
    """Pairs of a queue with exactly one thing wrong, and the exception of Google's client that CreateQueue gets.

    ``parent`` is the location's full name that the queue is created in. Shrinks to a queue with a negative rate.
    Evidence: as the refusal's, in the table of errors.
    """
    where = checked_location("invalid_queues", parent)
    fields, wrong = draw(spoilt_queues(version) | _queue_name(where))
    return pair_of(version, "Queue", ({"name": f"{where}/queues/0", **fields}, wrong), as_dict)
