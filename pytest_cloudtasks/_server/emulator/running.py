"""The running emulator: the endpoints, the scheduler loop and the signals in one event loop, which owns the model."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from ..._api.cli import program_and_version
from ..._simulation.simulation import Simulation
from ..._text import counted
from ..grpc_endpoint import asyncio_grpc_server
from ..host_names import is_wildcard
from ..relay import Relay
from ..request_guard import RequestGuard
from ..rest_endpoint import rest_application
from ..rest_runner import rest_runner
from .command_line import ServeOptions
from .control_api import Control
from .listening import AddressTaken
from .log import Log
from .page.routes import Page
from .scheduler_loop import SchedulerLoop
from .sender import Sender
from .starter import ending_with, ready_file

_EVERYWHERE = "  listens on all interfaces: anyone who can reach this machine may {}"
_MAY = "create tasks, jump and reset"
_MAY_WITHOUT_TOKEN = "create tasks; the page and /control need the token"


async def run(options: ServeOptions, log: Log, relay: Relay, rest_port: int) -> int:
    """Serve until a signal comes, behind a relay that listens on ``rest_port``; return the exit code."""
    Simulation(options.settings).check_queues()
    follows_redirects = options.settings.service.follow_redirects
    sender = Sender(options.destinations, follows_redirects=follows_redirects)
    scheduler = SchedulerLoop(options.settings, sender, log)
    with _signals() as signals:
        async with sender, _endpoints(options, scheduler, relay) as grpc_port:
            running = asyncio.create_task(scheduler.run())
            data = _ready_data(options, (rest_port if grpc_port is None else grpc_port, rest_port))

            def end(sentence: str) -> None:
                scheduler.say(sentence)
                signals.put_nowait(None)

            with ready_file(options.ready_file, data), ending_with(options.end_with, end):
                _announce(options, scheduler, log, data)
                await asyncio.wait([running, asyncio.create_task(signals.get())], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()  # the loop never ends by itself: this raises its error
            await _stop(scheduler, options, signals)
            running.cancel()
    return 0


async def _stop(scheduler: SchedulerLoop, options: ServeOptions, signals: asyncio.Queue[None]) -> None:
    """Wait for deliveries under way, until their grace time has passed or a second signal comes."""
    under_way = len(scheduler.under_way())
    waits = f"; {counted(under_way, 'attempt')} under way may take {options.grace:g} s more" if under_way else ""
    scheduler.say(f"stopping{waits}")
    ending = asyncio.create_task(scheduler.end(options.grace))
    again = asyncio.create_task(signals.get())
    await asyncio.wait([ending, again], return_when=asyncio.FIRST_COMPLETED)
    broken_off = await scheduler.break_off()
    ending.cancel()
    again.cancel()
    scheduler.say("stopped" + (f"; {counted(broken_off, 'attempt')} cancelled" if broken_off else ""))


@asynccontextmanager
async def _endpoints(options: ServeOptions, scheduler: SchedulerLoop, relay: Relay) -> AsyncIterator[int | None]:
    """Serve both endpoints until the block ends, and yield the port of gRPC, None if it has no separate one."""
    own_address = _own_address(options.host)
    guard = RequestGuard(options.allowed_hosts, how_to_allow="--allow-host {}", token=options.token)
    application = rest_application(scheduler, guard)
    Page(scheduler).add_to(application)
    Control(scheduler).add_to(application)
    runner = rest_runner(application)
    # If gRPC shares the port of REST, it still needs a private port for the relay.
    host, wanted = (own_address, 0) if options.grpc_port is None else (options.host, options.grpc_port)
    try:
        server, port = asyncio_grpc_server(scheduler, f"{_bracketed(host)}:{wanted}")
    except RuntimeError:
        raise AddressTaken("grpc-port", host, wanted) from None
    await server.start()
    await runner.setup()
    relay.open(runner.connections, (own_address, port))
    try:
        yield None if options.grpc_port is None else port
    finally:
        relay.close()
        await server.stop(0)
        await runner.cleanup()


@contextmanager
def _signals() -> Iterator[asyncio.Queue[None]]:
    """Yield a queue that gets an entry for each signal to stop; these signals no longer end the process themselves.

    A signal that arrives just before the loop begins to wait does not end that wait. Python therefore also writes to a
    socket that the loop reads. The loop's own ``add_signal_handler`` does that, too, but with it a second signal that
    comes after the loop's end would end the process.
    """
    arrived: asyncio.Queue[None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def note(*_: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    if sys.platform == "win32":  # its loop already has such a socket
        yield arrived
        return
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        loop.add_reader(reading, reading.recv, 4096)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield arrived
        finally:
            signal.set_wakeup_fd(-1)
            loop.remove_reader(reading)


def _ready_data(options: ServeOptions, ports: tuple[int, int]) -> dict[str, Any]:
    """Return the addresses and settings for a program that started the emulator."""
    host = _bracketed(_own_address(options.host))
    grpc, rest = (f"{host}:{port}" for port in ports)
    settings = options.settings
    return {
        "grpc": grpc,
        "rest": f"http://{rest}",
        "queues": [settings.queue_name(name) for name in settings.queues],
        "seed": settings.seed,
        "pid": os.getpid(),
        "environment": {"CLOUD_TASKS_EMULATOR_HOST": rest, "CLOUDTASKS_EMULATOR_HOST": rest},
    }


def _announce(options: ServeOptions, scheduler: SchedulerLoop, log: Log, data: dict[str, Any]) -> None:
    """Log the emulator's addresses, and the environment variables by which applications find it."""
    settings = options.settings
    everywhere = is_wildcard(options.host)
    none = "none yet; CreateTask creates them" if settings.auto_create_queues else "none yet; see --queue"
    lines = [
        f"{program_and_version()}: local Cloud Tasks emulator, seed {settings.seed}",
        f"  gRPC    {data['grpc']}",
        f"  REST    {data['rest']}",
        f"  page    {data['rest']}/{'#token=TOKEN' if options.token else ''}",
        *([_EVERYWHERE.format(_MAY_WITHOUT_TOKEN if options.token else _MAY)] if everywhere else []),
        *([f"  Firebase functions  {settings.firebase_functions}"] if settings.firebase_functions else []),
        *[f"  {'queues' if index == 0 else '      '}  {queue}" for index, queue in enumerate(data["queues"] or [none])],
        *(f"export {name}={value}" for name, value in data["environment"].items()),
        f"ready {json.dumps(data)}",
    ]
    log.beginning("\n".join(lines), scheduler.observe(), **data)


def _own_address(host: str) -> str:
    """Return the address by which this process can call itself when it listens on ``host``."""
    return ("::1" if ":" in host else "127.0.0.1") if is_wildcard(host) else host


def _bracketed(host: str) -> str:
    """Return a host in its form before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
