"""The log: a line for what happens, to read or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .._diagnostics.event_text import entry_text
from .._diagnostics.history import Entry
from .._diagnostics.timeline_json import entry_data
from .._messages.call import RpcCall
from .._service.events import Event, EventKind
from .._simulation.calls import name_in, short_resource
from .._time.instants import to_datetime


class Log:
    """Writes lines: ``text`` to read, ``json`` for programs, ``none`` but for what the server says of itself."""

    def __init__(self, form: str, write: Callable[[str], None]) -> None:
        self._form = form
        self._write = write

    def event(self, event: Event, remark: str = "") -> None:
        """Something that happened in the service; an attempt is told when it has ended."""
        if self._form == "none" or event.kind is EventKind.TASK_DISPATCHED:
            return
        entry = Entry(0, event.at, event)
        if self._form == "json":
            data = entry_data(entry)
            del data["offset"]
            self._json({**data, **({"remark": remark} if remark else {})})
        else:
            self._text(event.at, entry_text(entry) + (f" ({remark})" if remark else ""))

    def refusal(self, call: RpcCall, at: int) -> None:
        """A call that the service refused."""
        if self._form == "none":
            return
        error: Any = call.error
        code, name = error.code().name, name_in(call)
        subject = f" {short_resource(name)}" if name else ""
        text = f"{call.method}{subject} refused: {code}: {error.details()}"
        self._line(at, text, event="rpc", rpc=call.method, name=name, code=code)

    def beginning(self, text: str, at: int, **more: Any) -> None:
        """How the server can be reached: ``text`` to read, or ``more`` for programs."""
        if self._form == "json":
            self._line(at, "ready", event="server", **more)
        else:
            self._write(text)

    def line(self, text: str, at: int) -> None:
        """What the server says of itself, at the queue's instant ``at``."""
        self._line(at, text, event="server")

    def _line(self, at: int, text: str, **more: Any) -> None:
        if self._form == "json":
            self._json({"at": to_datetime(at).isoformat(), "text": text, **more})
        else:
            self._text(at, text)

    def _text(self, at: int, text: str) -> None:
        instant = to_datetime(at).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
        self._write(f"{instant}  {text}")

    def _json(self, data: dict[str, Any]) -> None:
        self._write(json.dumps(data, ensure_ascii=False))
