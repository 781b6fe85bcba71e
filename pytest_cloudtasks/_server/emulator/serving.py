"""The function ``serve``: it listens first, and then imports what it runs, which takes most of the start-up time."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from typing import TextIO

from ..._text import counted
from ..._time.clock import WallClock
from ..relay import Relay
from .command_line import ServeOptions
from .listening import AddressTaken, UnknownHost, listen
from .log import Log, LogWriter, raw_writer
from .starter import CannotWrite


def serve(options: ServeOptions) -> int:
    """Serve until a signal comes, and return the exit code."""
    _allow_many_sockets()
    writer = LogWriter(raw_writer(sys.stdout), lambda lines: log.lost(lines), encoding=_encoding(sys.stdout))
    log = Log(options.log_format, writer.write)
    errors = LogWriter(raw_writer(sys.stderr), _lost_errors, encoding=_encoding(sys.stderr))
    logging.basicConfig(handlers=[_Errors(errors)], level=logging.WARNING, format="%(message)s")
    try:
        return asyncio.run(_serve(options, log))
    except (AddressTaken, UnknownHost, CannotWrite) as error:
        errors.write(str(error))
        return 1
    finally:
        writer.close()
        errors.close()


async def _serve(options: ServeOptions, log: Log) -> int:
    relay = Relay(on_tls=lambda sentence: log.line(sentence, WallClock.wall_now()))
    try:
        rest_port = await listen(relay, options)
        from .running import run  # imports aiohttp, grpc and Google's client: connections wait meanwhile

        return await run(options, log, relay, rest_port)
    finally:
        relay.close()


class _Errors(logging.Handler):
    """Passes the libraries' log records to the writer, so that they can't block the server if nobody reads them."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self._writer.write(self.format(record))


def _lost_errors(lines: int) -> str:
    return f"{counted(lines, 'message')} could not be written: they were not read, or the disk is full."


def _encoding(stream: TextIO | None) -> str:
    return "utf-8" if stream is None else stream.encoding


def _allow_many_sockets() -> None:
    """Raise the limit of open files as far as the system permits: a queue may have a thousand requests under way."""
    try:
        import resource  # Windows doesn't have this module
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
