"""Whether the function that asks for a task reads the body of the answer, as its bytecode tells.

Google's messages can't be asked who has read them. What a function reads of an answer that it asks for itself can be
seen beforehand; what others do with the answer can not.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import NamedTuple

_BODIES = {"http_request": "body", "app_engine_http_request": "body", "pull_message": "payload"}
_COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


class _Read(NamedTuple):
    variable: str | None
    """Where the task comes from that the body is read of; None for the value of an expression."""
    what: str


def read_in(frame: FrameType) -> str | None:
    """What of a task's body the running function reads, as ``http_request.body``; None if nothing.

    A variable that has its value already is not where the answer to the present call will be.
    """
    for variable, what in _reads_of(frame.f_code):
        if variable is None:
            return what
        value = frame.f_locals.get(variable)
        if value is None and frame.f_globals.get(variable) is None:
            return what
    return None


def _reads_of(code: CodeType) -> Iterator[_Read]:
    """Every ``….http_request.body`` in ``code`` and its comprehensions."""
    window: list[dis.Instruction] = []
    for instruction in dis.get_instructions(code):
        window = [*window[-2:], instruction]
        part, last = (window[-2], window[-1]) if len(window) > 1 else (None, None)
        if part is None or last is None or part.opname != "LOAD_ATTR" or last.opname != "LOAD_ATTR":
            continue
        if _BODIES.get(part.argval) == last.argval:
            yield _Read(_variable(window[0]), f"{part.argval}.{last.argval}")
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and inner.co_name in _COMPREHENSIONS:
            for _, what in _reads_of(inner):
                yield _Read(None, what)


def _variable(instruction: dis.Instruction) -> str | None:
    """The name of the variable that an instruction loads; None if it loads none."""
    if not instruction.opname.startswith(("LOAD_FAST", "LOAD_NAME", "LOAD_DEREF", "LOAD_GLOBAL")):
        return None
    name = instruction.argval[-1] if isinstance(instruction.argval, tuple) else instruction.argval
    return name if isinstance(name, str) else None
