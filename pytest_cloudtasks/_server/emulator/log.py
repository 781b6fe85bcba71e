"""The emulator's log: text or JSON lines. A separate thread writes them, so that a slow reader blocks nothing."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO
from unicodedata import category

from ..._diagnostics.timeline import Line, line_text, name_in
from ..._diagnostics.timeline_json import line_data
from ..._messages.rpc_call import IncomingCall
from ..._service.events import Event, EventKind
from ..._simulation.formatting import short_resource
from ..._text import counted
from ..._time.instants import to_datetime

_LIMIT = 1_000_000
"""Most bytes of lines that wait to be written."""
_PIECE = 65536
"""Most bytes of one write, but for its last line."""
_GATHERING = 0.02
"""Seconds in which the thread collects further lines before a write: waking a thread costs more than a line."""
_PATIENCE = 1.0
"""A flush gives up after so many seconds in which no byte was written."""
_LONGEST_END = 5.0
"""A flush gives up after so many seconds in any case."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that control a terminal, end a line, or reorder other characters."""
_encode = json.JSONEncoder(ensure_ascii=False).encode
Write = Callable[["bytes | memoryview"], "int | None"]


class Log:
    """Formats lines: ``text`` for people, ``json`` for programs, ``none`` for only the emulator's own messages."""

    def __init__(self, form: str, write: Callable[[str], None]) -> None:
        self._form = form
        self._write = write
        self._latest = 0
        """The queue's instant in the latest line."""

    def event(self, event: Event, diagnostic: str = "") -> None:
        """Log an event of the service; an attempt gets its line when it ends."""
        if self._form == "none" or event.kind is EventKind.TASK_DISPATCHED:
            return
        line = Line(0, event.at, event)
        if self._form == "json":
            data = {key: value for key, value in line_data(line).items() if not key.endswith("offset")}
            self._latest = event.at
            self._write(_json({**data, **({"diagnostic": diagnostic} if diagnostic else {})}))
        else:
            self._line(event.at, line_text(line) + (f" ({diagnostic})" if diagnostic else ""))

    def rejection(self, call: IncomingCall, at: int) -> None:
        """Log a call that the service rejected."""
        if self._form == "none":
            return
        error: Any = call.error
        code, name = error.code().name, name_in(call)
        subject = f" {short_resource(name)}" if name else ""
        text = f"{call.method}{subject} rejected: {code}: {error.details()}"
        self._line(at, text, event="rpc", rpc=call.method, name=name, code=code)

    def beginning(self, text: str, at: int, **more: Any) -> None:
        """Log the emulator's addresses: ``text`` for people, or ``more`` for programs."""
        if self._form == "json":
            self._line(at, "ready", event="server", **more)
        else:
            self._write(text)

    def line(self, text: str, at: int) -> None:
        """Log a message about the emulator itself, at the queue's instant ``at``."""
        self._line(at, text, event="server")

    def lost(self, lines: int) -> str:
        """Return the line that replaces so many ``lines`` that could not be written."""
        text = f"{counted(lines, 'line')} of the log could not be written: it was not read, or its disk is full"
        return self._formatted(self._latest, text, event="server", lost=lines)

    def _line(self, at: int, text: str, **more: Any) -> None:
        self._latest = at
        self._write(self._formatted(at, text, **more))

    def _formatted(self, at: int, text: str, **more: Any) -> str:
        if self._form == "json":
            return _json({"at": to_datetime(at).isoformat(), "text": text, **more})
        instant = to_datetime(at).isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
        return f"{instant}  {visible(text)}"


def visible(text: str) -> str:
    """Return ``text`` with escapes in place of control characters and others that affect a terminal."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode() if category(character) in _UNSEEN else character
        for character in text
    )


def _json(data: dict[str, Any]) -> str:
    """Return ``data`` as JSON on one line; characters that affect a terminal are escaped as well."""
    text = _encode(data)
    if text.isprintable():
        return text
    return "".join(_json_escape(character) if category(character) in _UNSEEN else character for character in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class LogWriter:
    """Writes lines in a separate thread, so that a log that nobody reads blocks nothing.

    Lines wait in memory up to a limit. Further lines are dropped, and so are those that can't be written. As soon as
    there is room again, one line has the number of lines that are missing.
    """

    def __init__(self, write: Write, lost: Callable[[int], str], limit: int = _LIMIT, encoding: str = "utf-8") -> None:
        """``write`` is the method of a raw file; ``lost`` returns the line for a number of missing lines."""
        self._raw = write
        self._lost = lost
        self._limit = limit
        self._encoding = encoding
        self._changed = threading.Condition()
        self._lines: deque[tuple[bytes, int]] = deque()
        """Lines that wait, each with the number of lines that it represents."""
        self._size = 0
        self._dropped = 0
        self._has_failed = False
        """True if the latest line could not be written; then the thread tries again only when a new one comes."""
        self._is_cut = False
        """True if the latest write ended in the middle of a line."""
        self._is_idle = False
        """True while the thread waits for a line."""
        self._is_writing = False
        self._flushing = 0
        """The number of threads that wait until every line is written."""
        self._is_closing = False
        self._written = 0
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> None:
        """Pass one or more lines to the thread, which writes them soon; the caller never waits."""
        line = self._encoded(text)
        with self._changed:
            # Once lines are missing, half of the room has to be free again. Otherwise every second line would be the
            # line about missing lines.
            limit = self._limit // 2 if self._dropped else self._limit
            if self._lines and self._size + len(line) > limit:
                self._dropped += 1
                return
            self._put_note()
            self._put(line, 1)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cloud-tasks-log", daemon=True)
                self._thread.start()
            if self._is_idle:
                self._is_idle = False
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until every line was written or has failed, or until nothing was written for a while."""
        ends_at = time.monotonic() + _LONGEST_END
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                while time.monotonic() < ends_at:
                    before = self._written
                    if self._changed.wait_for(self._is_done, _PATIENCE) or self._written == before:
                        return
            finally:
                self._flushing -= 1

    def close(self) -> None:
        """Flush, and stop the thread."""
        self.flush()
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def _is_done(self) -> bool:
        return not (self._lines or self._is_writing or self._owes_note())

    def _owes_note(self) -> bool:
        return self._dropped > 0 and not self._has_failed

    def _encoded(self, text: str) -> bytes:
        return f"{text}\n".replace("\n", os.linesep).encode(self._encoding, "backslashreplace")

    def _put(self, line: bytes, stands_for: int) -> None:
        self._lines.append((line, stands_for))
        self._size += len(line)

    def _put_note(self) -> None:
        if self._dropped:
            self._put(self._encoded(self._lost(self._dropped)), self._dropped)
            self._dropped = 0

    def _run(self) -> None:
        while piece := self._next_piece():
            self._write_piece(piece)

    def _next_piece(self) -> list[tuple[bytes, int]]:
        """Wait for lines, and return those to write next; an empty list at the end."""
        with self._changed:
            self._is_writing = False
            self._changed.notify_all()
            self._is_idle = True
            self._changed.wait_for(lambda: self._lines or self._owes_note() or self._is_closing)
            self._is_idle = False
            self._changed.wait_for(lambda: self._flushing or self._is_closing or self._size >= _PIECE, _GATHERING)
            if self._owes_note() and not self._lines:
                self._put_note()
            piece, size = [], 0
            while self._lines and size < _PIECE:
                piece.append(self._lines.popleft())
                size += len(piece[-1][0])
            self._size -= size
            self._is_writing = True
            return piece

    def _write_piece(self, piece: list[tuple[bytes, int]]) -> None:
        data = (os.linesep.encode() if self._is_cut else b"") + b"".join(line for line, _ in piece)
        done = 0
        try:
            while done < len(data):
                done += self._write_some(memoryview(data)[done:])
        except OSError:
            pass  # the disk is full, or the reader is gone: the next line tries again
        with self._changed:
            self._has_failed = done < len(data)
            missing, end = 0, len(data)
            for line, stands_for in reversed(piece):
                if end <= done:
                    break
                missing, end = missing + stands_for, end - len(line)
            if done:
                self._is_cut = missing > 0 and done > end
            self._dropped += missing

    def _write_some(self, data: memoryview) -> int:
        written = self._raw(data)
        if written is None:  # the pipe is full, and another process that shares it made it non-blocking
            time.sleep(0.05)
            return 0
        self._written += written
        return written


def raw_writer(stream: TextIO | None) -> Write:
    """Return a function that writes bytes past the buffers of ``stream``: their lock would block the process's end."""
    if stream is None:  # the process was started with a closed stdout
        return len
    stream.flush()
    buffer = stream.buffer
    write: Write = getattr(buffer, "raw", buffer).write
    return write
