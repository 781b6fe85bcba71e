"""Options for a program that starts the emulator: a file when it is ready, and an end together with the program."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_LOOKS = 1.0
"""Seconds between two checks of the parent, on systems that don't report its end."""


class CannotWrite(Exception):
    """Raised if the ready file can't be written."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(f"The server can't write {path}: {error.strerror}. Choose another path with --ready-file.")


@contextmanager
def ready_file(path: str | None, data: Mapping[str, Any]) -> Iterator[None]:
    """Keep ``data`` as JSON in the file at ``path`` while the block runs.

    A reader finds the complete file or none: it is written under another name and then renamed.
    """
    if path is None:
        yield
        return
    file = Path(path)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(data) + "\n", "utf-8")
        beside.replace(file)
    except OSError as error:
        raise CannotWrite(path, error) from None
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def ending_with(what: str | None, end: Callable[[str], None]) -> Iterator[None]:
    """Call ``end`` in the running event loop, with the reason, once the parent process or the standard input has ended.

    ``what`` is ``parent``, ``stdin``, or None for neither.
    """
    loop = asyncio.get_running_loop()
    if what == "stdin":
        threading.Thread(target=_read_to_the_end, args=(loop, end), name="cloud-tasks-stdin", daemon=True).start()
        yield
    elif what == "parent":
        with _watching_parent(loop, lambda: end("the parent process has ended")):
            yield
    else:
        yield


def _read_to_the_end(loop: asyncio.AbstractEventLoop, end: Callable[[str], None]) -> None:
    with suppress(OSError):  # closed counts as ended
        while os.read(0, 65536):
            pass
    with suppress(RuntimeError):  # the loop has already ended
        loop.call_soon_threadsafe(end, "the standard input has ended")


@contextmanager
def _watching_parent(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> Iterator[None]:
    parent = os.getppid()
    try:
        descriptor = os.pidfd_open(parent)
    except (AttributeError, OSError):  # only Linux has these, and a sandbox may forbid them
        looking = asyncio.ensure_future(_look_for(parent, end))
        try:
            yield
        finally:
            looking.cancel()
        return

    def ended() -> None:
        loop.remove_reader(descriptor)
        end()

    loop.add_reader(descriptor, ended)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _look_for(parent: int, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        await asyncio.sleep(_LOOKS)
    end()
