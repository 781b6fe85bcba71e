"""Every public method of the fake, with every value of one table for each of its parameters.

A method takes a value, or rejects it in a sentence of its own, and then nothing has changed. It never fails from
inside: what was raised was raised by a ``raise`` of the package, or by Python for a call that doesn't fit.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import linecache
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import tasks_v2

import pytest_cloudtasks
from pytest_cloudtasks import FakeCloudTasks, MatchArguments, retry_schedule
from pytest_cloudtasks._service.options import ServiceOptions

PACKAGE = str(Path(pytest_cloudtasks.__file__).parent)
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
URL = "https://app.test/"
OF_STRATEGIES = "data"
"""What Hypothesis gives to a test, which has tests of its own."""


class HostileError(Exception):
    """Raised by the values themselves, where it is theirs to answer."""


class Hostile:
    """Whatever one does with it raises."""

    def __repr__(self) -> str:
        raise HostileError

    __str__ = __bool__ = __len__ = __iter__ = __int__ = __float__ = __index__ = __repr__  # type: ignore[assignment]


class Incomparable(Hostile):
    def __eq__(self, other: object) -> bool:
        raise HostileError

    __lt__ = __le__ = __gt__ = __ge__ = __eq__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


class Unprintable:
    """No message can show it."""

    def __repr__(self) -> str:
        raise RuntimeError


def cyclic_list() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def cyclic_dict() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["receipts"] = found
    return found


@functools.cache
def nested() -> list[Any]:
    found: list[Any] = []
    for _ in range(10_000):
        found = [found]
    return found


VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "true": lambda: True,
    "false": lambda: False,
    "the text false": lambda: "false",
    "empty text": lambda: "",
    "text": lambda: "text",
    "a slash": lambda: "/",
    "a star": lambda: "*",
    "a glob": lambda: "*://*/*",
    "half a URL": lambda: "http://[",
    "a port": lambda: "http://a:99999999/",
    "a surrogate": lambda: "\ud800",
    "a surrogate in a URL": lambda: "https://a.test/\ud800",
    "NUL": lambda: "\0",
    "other digits": lambda: "²",
    "long text": lambda: "x" * 100_000,
    "bytes": lambda: b"\xff",
    "0": lambda: 0,
    "-1": lambda: -1,
    "200": lambda: 200,
    "huge": lambda: 10**30,
    "huge beyond text": lambda: 10**5000,
    "0.5": lambda: 0.5,
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "1e300": lambda: 1e300,
    "1e-300": lambda: 1e-300,
    "Decimal NaN": lambda: Decimal("sNaN"),
    "complex": lambda: 1j,
    "least instant": lambda: datetime.min.replace(tzinfo=timezone.utc),
    "greatest instant": lambda: datetime.max.replace(tzinfo=timezone.utc),
    "instant before the calendar": lambda: datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    "naive": lambda: datetime(2030, 1, 1),
    "date": lambda: date(2030, 1, 1),
    "longest": lambda: timedelta.max,
    "shortest": lambda: timedelta.min,
    "zero": lambda: timedelta(0),
    "a second": lambda: timedelta(seconds=1),
    "empty list": list,
    "list": lambda: [1, None, "a"],
    "range": lambda: range(10**12),
    "endless": itertools.count,
    "tuple": lambda: (503, "no headers"),
    "set": lambda: {"a"},
    "generator": lambda: (one for one in ("a", "b")),
    "cyclic list": cyclic_list,
    "cyclic dict": cyclic_dict,
    "nested": nested,
    "empty dict": dict,
    "dict": lambda: {"a": 1},
    "dict of numbers": lambda: {1: {2: 3}},
    "dict of surrogates": lambda: {"\ud800": "\ud800"},
    "object": object,
    "type": lambda: int,
    "error": lambda: ValueError,
    "a lambda": lambda: lambda: None,
    "pattern": lambda: re.compile("a"),
    "pattern of bytes": lambda: re.compile(b"a"),
    "hostile": Hostile,
    "incomparable": Incomparable,
    "unprintable": Unprintable,
    "list of unprintable": lambda: [Unprintable()],
    "dict of unprintable": lambda: {"max_attempts": Unprintable()},
    "names of unprintable": lambda: {Unprintable(): "a"},
}


def app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []


class Called(NamedTuple):
    """A method, how to get it from a fake, and what else it needs to be called."""

    name: str
    of: Callable[[FakeCloudTasks], Callable[..., Any]]
    needs: Callable[[FakeCloudTasks], dict[str, Any]] = lambda _: {}


def _receipt(fake: FakeCloudTasks) -> Any:
    return fake.tasks()[0]


NEEDS: dict[str, Callable[[FakeCloudTasks], dict[str, Any]]] = {
    "create_queue": lambda _: {"queue": "other"},
    "queue_path": lambda _: {"queue": "receipts"},
    "queue": lambda _: {"queue": "receipts"},
    "dispatch": lambda fake: {"task": _receipt(fake)},
    "assert_attempts": lambda fake: {"task": _receipt(fake), "expected": []},
    "assert_backoff": lambda fake: {"task": _receipt(fake), "delays": []},
    "assert_exhausted": lambda fake: {"task": _receipt(fake)},
    "assert_expired": lambda fake: {"task": _receipt(fake)},
    "fail_rpc": lambda _: {"rpc": "create_task", "error": "UNAVAILABLE"},
    "lose_rpc_response": lambda _: {"rpc": "create_task"},
    "delay_dispatch": lambda _: {"by": timedelta(seconds=1)},
    "route": lambda _: {"url": URL},
    "mount": lambda _: {"base_url": URL, "app": app},
    "mount_app_engine": lambda _: {"app": app},
    "forward": lambda _: {"base_url": URL},
    "sleep": lambda _: {"duration": timedelta(0)},
    "token": lambda _: {"audience": URL},
    "returns": lambda _: {"statuses": 200},
    "raises": lambda _: {"exception": TimeoutError},
    "takes": lambda _: {"duration": timedelta(0)},
    "send": lambda _: {"app": app},
    "getlist": lambda _: {"name": "Host"},
    "asend": lambda _: {"app": app},
    "assert_gives_up_within": lambda _: {"duration": timedelta(days=1)},
    "assert_survives_outage": lambda _: {"duration": timedelta(0)},
}
OWNERS: dict[str, Callable[[FakeCloudTasks], Any]] = {
    "": lambda fake: fake,
    "aio.": lambda fake: fake.aio,
    "clock.": lambda fake: fake.clock,
    "oidc.": lambda fake: fake.oidc,
    "queue().": lambda fake: fake.queue("receipts"),
    "route().": lambda fake: fake.route("https://other.test/"),
    "mount().": lambda fake: fake.mount("https://other.test/", app),
    "mount_app_engine().": lambda fake: fake.mount_app_engine(app),
    "forward().": lambda fake: fake.forward("https://other.test/"),
    "fail_rpc().": lambda fake: fake.fail_rpc("create_task", "UNAVAILABLE"),
    "task_request().": lambda fake: fake.task_request(),
    "retry_schedule().": lambda fake: retry_schedule({"max_attempts": 3}),
    "headers.": lambda fake: fake.task_request().headers,
}
OF_THE_USER = {"type", "error", "a lambda"}
"""Values that can be called: what they raise as an application is the application's own error."""
DRIVING = {"step", "dispatch_due", "advance", "drain", "dispatch"}


@functools.cache
def client() -> tasks_v2.CloudTasksClient:
    """One client for all tests: it reaches whichever fake is active."""
    return tasks_v2.CloudTasksClient()


@contextmanager
def running() -> Iterator[FakeCloudTasks]:
    """A fake with a task in its queue; at its end nothing is said about plans that never happened."""
    fake = FakeCloudTasks(queues=["receipts"], start=NOW, time="virtual")
    fake.__enter__()
    try:
        client().create_task(parent=fake.queue_path("receipts"), task={"http_request": {"url": URL}})
        fake.route(URL)
        yield fake
    finally:
        fake._exit.close()


def parameters_of(method: Callable[..., Any]) -> Iterator[str]:
    """The names of a method's parameters, those of a match among them."""
    for name, parameter in inspect.signature(method).parameters.items():
        yield from (MatchArguments.__annotations__ if "MatchArguments" in str(parameter.annotation) else [name])


def methods() -> Iterator[Any]:
    """Every method and each of its parameters, found by looking."""
    with running() as fake:
        for prefix, owner in OWNERS.items():
            there = owner(fake)
            for name in dir(type(there)):
                method = inspect.getattr_static(type(there), name)
                if name.startswith("_") or not inspect.isroutine(method):
                    continue
                for parameter in parameters_of(getattr(there, name)):
                    if parameter != OF_STRATEGIES:
                        yield pytest.param(prefix, name, parameter, id=f"{prefix}{name}-{parameter}")
    for parameter in inspect.signature(FakeCloudTasks).parameters:
        yield pytest.param("FakeCloudTasks", "", parameter, id=f"FakeCloudTasks-{parameter}")
    for parameter in inspect.signature(retry_schedule).parameters:
        yield pytest.param("retry_schedule", "", parameter, id=f"retry_schedule-{parameter}")


def called(fake: FakeCloudTasks, owner: str, name: str, parameter: str, value: Any) -> None:
    """Call the method with the value, and with what else it needs."""
    if owner == "FakeCloudTasks":
        with FakeCloudTasks(**{"start": NOW, "time": "virtual", parameter: value}):
            return
    if owner == "retry_schedule":
        retry_schedule(**{"retry_config": {"max_attempts": 3}, parameter: value})
        return
    method = getattr(OWNERS[owner](fake), name)
    arguments = {**NEEDS.get(name, lambda _: {})(fake), parameter: value}
    if takes_many_values(method.__func__):
        result = method(*arguments.values())
    elif parameter in ("fields", "named"):
        result = method(**{**arguments, parameter: value})
    else:
        result = method(**arguments)
    if inspect.isawaitable(result):
        asyncio.run(awaited(result))
    elif hasattr(result, "__enter__"):
        with result:
            pass


@functools.cache
def takes_many_values(function: Callable[..., Any]) -> bool:
    """Whether it has a parameter such as `*statuses`."""
    kinds = {one.kind for one in inspect.signature(function).parameters.values()}
    return inspect.Parameter.VAR_POSITIONAL in kinds


async def awaited(result: Any) -> None:
    await result


def seen(fake: FakeCloudTasks) -> Any:
    """What an error must not change."""
    return (
        len(fake._active.history),
        fake.clock.elapsed,
        [task.name for task in fake.tasks()],
        list(fake._active.targets._targets) if hasattr(fake._active.targets, "_targets") else [],
        len(list(fake._active.faults)),
        sorted(fake._active.service.queues),
    )


def is_raised_on_purpose(error: BaseException) -> bool:
    """Whether a ``raise`` of the package raised it, or Python for the call itself."""
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    file, line = frames[-1]
    if isinstance(error, TypeError) and file == __file__:
        return True
    if not file.startswith(PACKAGE):
        return False
    return "raise" in linecache.getline(file, line)


@pytest.mark.parametrize(("owner", "name", "parameter"), list(methods()))
def test_a_value_is_taken_or_rejected_in_a_sentence(owner: str, name: str, parameter: str) -> None:
    """No value of the table gets further than the method's own checks, or leaves anything changed that it shouldn't."""
    raw, values = [], iter(VALUES.items())
    is_left = True
    while is_left:
        with running() as fake:
            is_left = False
            before = seen(fake)
            for label, make in values:
                if name in ("send", "asend") and label in OF_THE_USER:
                    continue
                if parameter == "timeout" and label in ("0.5", "200"):  # fine, and waited for
                    continue
                wrong, is_over, before = outcome(fake, before, owner, name, parameter, make())
                raw += [f"{label}: {wrong}"] if wrong else []
                if is_over:
                    is_left = True
                    break
    assert raw == []


def outcome(
    fake: FakeCloudTasks, before: Any, owner: str, name: str, parameter: str, value: Any
) -> tuple[str, bool, Any]:
    """What is wrong with a call, whether the fake may be another one than before, and what is seen of it now."""
    try:
        called(fake, owner, name, parameter, value)
    except (HostileError, GoogleAPICallError):
        return "", False, seen(fake)
    except Exception as error:
        told = f"{type(error).__name__}: {str(error)[:200]}"
        if len(str(error)) > 4000:
            return f"a message of {len(str(error))} characters: {told}", False, before
        if isinstance(error, AssertionError) and name.startswith(("assert", "expect", "drain")):
            return "", False, before
        if isinstance(error, KeyError) or not is_raised_on_purpose(error):
            return told, False, before
        now = seen(fake)
        if owner in ("", "aio.", "oidc.", "clock.") and now != before:
            return f"something has changed, though {told}", True, now
        return "", False, now
    return "", name in DRIVING, seen(fake)


OF_A_QUEUE = (
    "rate_limits",
    "retry_config",
    "http_target",
    "app_engine_routing_override",
    "stackdriver_logging_config",
    "task_ttl",
    "pull_target",
    "state",
)


def inner_values() -> Iterator[Any]:
    """What takes a value within an argument: a service option, a field of a queue, an answer's header."""

    def made(**settings: Any) -> None:
        with FakeCloudTasks(start=NOW, time="virtual", **settings):
            pass

    def answered(value: Any) -> None:
        with running() as fake:
            fake.route(URL, handler=lambda _: (503, {"Retry-After": value}))
            fake.step()

    for option in ServiceOptions._fields:
        yield pytest.param(lambda value, name=option: made(service={name: value}), id=f"service-{option}")
    for field in OF_A_QUEUE:
        yield pytest.param(lambda value, name=field: made(queues={"a": {name: value}}), id=f"queues-{field}")
    yield pytest.param(answered, id="answer")
    for field in ("json", "headers", "oidc"):
        yield pytest.param(lambda value, name=field: nested_match(name, value), id=f"match-{field}")


def nested_match(name: str, value: Any) -> None:
    with running() as fake:
        fake.assert_not_enqueued(**{name: {"audience": value}})


@pytest.mark.parametrize("use", list(inner_values()))
def test_a_value_within_an_argument_is_taken_or_rejected_in_a_sentence(use: Callable[[Any], None]) -> None:
    """A part of a dict is checked as the whole is."""
    raw = []
    for label, make in VALUES.items():
        try:
            use(make())
        except (HostileError, GoogleAPICallError, AssertionError):
            continue
        except Exception as error:
            if isinstance(error, KeyError) or not is_raised_on_purpose(error) or len(str(error)) > 4000:
                raw.append(f"{label}: {type(error).__name__}: {str(error)[:200]}")
    assert raw == []
