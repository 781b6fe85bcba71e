"""What waits in pull queues: messages for whoever leases them. Only v2beta2 takes any."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .._service.request import MAX_TAG
from .fields_or_strategy import Given, chosen, is_callers, longest, mostly
from .requests import Fields, bodies
from .validity import check_task
from .versions import Version, message

PULLING: Version = "v2beta2"
"""The version whose queues and tasks these are."""
_TAG_CHARACTERS = "0123456789" + string.ascii_letters + "-_."
_tags = mostly(st.text(_TAG_CHARACTERS, max_size=8), longest(_TAG_CHARACTERS, MAX_TAG - 1))


@st.composite
def pull_fields(draw: DrawFn, payload: Given[bytes] = ..., tag: Given[str] = ...) -> Fields:
    """The fields of a PullMessage."""
    fields = {"payload": chosen(draw, payload, bodies), "tag": chosen(draw, tag, _tags)}
    return {name: value for name, value in fields.items() if value not in (None, b"", "")}


@st.composite
def pull_messages(draw: DrawFn, *, payload: Given[bytes] = ..., tag: Given[str] = ..., as_dict: bool = False) -> Any:
    """PullMessage messages that the service accepts in a pull queue, or dicts of their fields; v2beta2's.

    Shrinks to an empty message without a tag. Evidence: documented limits.
    """
    fields = draw(pull_fields(payload, tag))
    if is_callers(payload, tag):
        check_task(PULLING, {"pull_message": fields})
    return fields if as_dict else message(PULLING, "PullMessage", fields)
