from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc

from pytest_cloudtasks._clients.retry_waits import SkippedWaits
from pytest_cloudtasks._server.grpc_clock import MODULES, WireClock


def test_the_modules_are_all_of_grpcs_that_read_the_time() -> None:
    """grpc reads ``time.time()`` in these modules and no others, so a release that moves it fails here."""
    root = Path(grpc.__file__).parent
    readers = {
        f"grpc.{'.'.join(path.relative_to(root).with_suffix('').parts)}"
        for path in root.rglob("*.py")
        if "time.time()" in path.read_text(encoding="utf-8") and path.parent.name != "beta"  # nobody imports that
    }
    compiled = {"grpc._cython.cygrpc"}
    assert readers | compiled == set(MODULES)
    assert {import_module(name).time.__name__ for name in MODULES} == {"time"}  # type: ignore[attr-defined]


def test_only_time_is_replaced_in_grpcs_modules() -> None:
    """Only time() is replaced, once for any number of servers, and everything is restored after the last one."""
    before = [import_module(name).time for name in MODULES]  # type: ignore[attr-defined]
    clock = WireClock()
    clock.install(lambda: 12.5)
    clock.install(lambda: 99.0)
    for name in MODULES:
        module = import_module(name)
        assert module.time.time() == 12.5  # type: ignore[attr-defined]
        assert module.time.perf_counter is time.perf_counter  # type: ignore[attr-defined]
    clock.uninstall()
    assert import_module(MODULES[0]).time.time() == 12.5  # type: ignore[attr-defined]
    clock.uninstall()
    assert [import_module(name).time for name in MODULES] == before  # type: ignore[attr-defined]


def test_the_clients_retries_go_by_another_clock_while_they_are_kept() -> None:
    """A fake that ends meanwhile leaves their module proxies in place; the last server that ends removes them."""
    loop: Any = import_module("google.api_core.retry.retry_unary")
    before = loop.time
    waits = SkippedWaits()
    waits.keep(lambda: 5.0)
    waits.keep(lambda: 7.0)
    assert loop.time.monotonic() == 7.0
    waits.uninstall()
    waits.let_go()
    assert loop.time.monotonic() == 7.0
    waits.let_go()
    assert loop.time is before
    assert waits.monotonic is None
