"""The emulator's log: what its lines may contain, and that nothing stops the server if nobody reads them."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_cloudtasks._server.emulator.log import Log, LogWriter, raw_writer, visible
from pytest_cloudtasks._units import SECOND
from tests.each import each
from tests.patience import PATIENCE

AT = 1_700_000_000 * SECOND


@each(
    ("text", "shown"),
    [
        ("emails/one attempt 1 → 200", "emails/one attempt 1 → 200"),
        ("zoë 東京 🎉 \\", "zoë 東京 🎉 \\"),
        ("one\ntwo\r\n\tthree", "one\\ntwo\\r\\n\\tthree"),
        ("\x1b[31mred\x07\x00", "\\x1b[31mred\\x07\\x00"),
        ("\x7f\x85\x9b", "\\x7f\\x85\\x9b"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("abc\u202edef\u2066\u200f", "abc\\u202edef\\u2066\\u200f"),
        ("\ud800 \U000e0041", "\\ud800 \\U000e0041"),
    ],
)
def test_characters_that_affect_a_terminal_are_escaped(text: str, shown: str) -> None:
    """Control characters, line ends and changes of direction are escaped; other characters stay."""
    assert visible(text) == shown
    lines: list[str] = []
    Log("text", lines.append).line(text, AT)
    assert lines == [f"2023-11-14 22:13:20.000Z  {shown}"]


def test_a_line_of_json_has_no_control_characters() -> None:
    """It is one line of visible characters, and parses to the same value."""
    lines: list[str] = []
    text = "a\n\x7f\x9b\u2028\u202e\ud800\U000e0041é"
    Log("json", lines.append).line(text, AT)
    assert lines == [
        '{"at": "2023-11-14T22:13:20+00:00", "text": "a\\n\\u007f\\u009b\\u2028\\u202e\\ud800\\udb40\\udc41é", "event":'
        ' "server"}'
    ]
    assert json.loads(lines[0])["text"] == text


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (
            "text",
            "2023-11-14 22:13:20.000Z  2 lines of the log could not be written: it was not read, or its disk is full",
        ),
        (
            "json",
            '{"at": "2023-11-14T22:13:20+00:00", "text": "2 lines of the log could not be written: it was not read, or'
            ' its disk is full", "event": "server", "lost": 2}',
        ),
    ],
)
def test_missing_lines_are_counted(form: str, line: str) -> None:
    """The line that replaces them has the log's form, and the instant of the latest line."""
    log = Log(form, lambda _: None)
    log.line("stopping", AT)
    assert log.lost(2) == line


class Disk:
    """A file with planned results of writes: a number of bytes, None, or an error; then it accepts everything."""

    def __init__(self, *takes: int | OSError | None) -> None:
        self.content = b""
        self._takes = list(takes)

    def write(self, data: bytes | memoryview) -> int | None:
        """Write like a raw file."""
        takes = self._takes.pop(0) if self._takes else len(data)
        if isinstance(takes, OSError):
            raise takes
        self.content += bytes(data[: takes or 0])
        return takes


@contextmanager
def writing(disk: Disk, limit: int = 1_000) -> Iterator[LogWriter]:
    """Yield a writer to ``disk``, and close it at the end."""
    writer = LogWriter(disk.write, "{} lost".format, limit)
    try:
        yield writer
    finally:
        writer.close()


FULL = OSError(errno.ENOSPC, "No space left on device")


@each(
    ("takes", "content"),
    [
        ((), b"one\ntwo\nthree\nfour\n"),
        ((1, 2, 1), b"one\ntwo\nthree\nfour\n"),
        ((None, None), b"one\ntwo\nthree\nfour\n"),
        ((4, FULL), b"one\n1 lost\nthree\nfour\n"),
        ((FULL, FULL), b"2 lost\nthree\nfour\n"),
        ((4, 2, FULL), b"one\ntw\n1 lost\nthree\nfour\n"),
        ((4, 2, FULL, FULL), b"one\ntw\n2 lost\nfour\n"),
        ((4, 2, FULL, 4, FULL), b"one\ntw\n1 l\n2 lost\nfour\n"),
        ((4, FULL, FULL, FULL), b"one\n"),
        ((BrokenPipeError(errno.EPIPE, "Broken pipe"),) * 4, b""),
    ],
    ids=["all", "bit by bit", "would block", "full", "full twice", "cut", "cut twice", "cut note", "ever", "pipe"],
)
def test_a_line_that_cannot_be_written_is_counted(takes: tuple[int | OSError | None, ...], content: bytes) -> None:
    """The next line tries again, with the count of those that are missing before it; a cut line is ended first."""
    disk = Disk(*takes)
    with writing(disk) as writer:
        for line in ("one", "two", "three", "four"):
            writer.write(line)
            writer.flush()
    assert disk.content == content


class Unread(Disk):
    """A pipe that accepts nothing until it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = threading.Event()
        self.reading = threading.Event()

    def write(self, data: bytes | memoryview) -> int | None:
        """Block until somebody reads."""
        self.is_full.set()
        assert self.reading.wait(PATIENCE)
        return super().write(data)


def test_a_log_that_is_not_read_blocks_nothing() -> None:
    """Lines wait up to the limit; later ones are counted where they are missing."""
    pipe = Unread()
    with writing(pipe, limit=40) as writer:
        writer.write("line 0")
        assert pipe.is_full.wait(PATIENCE)
        for number in range(1, 10):
            writer.write(f"line {number}")
        pipe.reading.set()
        writer.flush()
        writer.write("line 10")
    lines = [f"line {number}" for number in range(6)]
    assert pipe.content.decode().splitlines() == [*lines, "4 lost", "line 10"]


def test_a_line_longer_than_the_limit_is_written() -> None:
    """It is not dropped if nothing else waits."""
    disk = Disk()
    with writing(disk, limit=10) as writer:
        writer.write("a" * 100)
    assert disk.content == b"a" * 100 + b"\n"


def test_a_log_is_encoded_as_its_reader_expects() -> None:
    """Characters that the encoding doesn't have are escaped."""
    disk = Disk()
    writer = LogWriter(disk.write, str, encoding="ascii")
    writer.write("→ é")
    writer.close()
    assert disk.content == b"\\u2192 \\xe9\n"


def test_a_log_without_a_stdout_is_written_nowhere() -> None:
    """A process that was started with a closed stdout has none."""
    writer = LogWriter(raw_writer(None), "{} lost".format)
    writer.write("line")
    writer.close()
