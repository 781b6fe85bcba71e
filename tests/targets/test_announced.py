from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import flask
import pytest
from flask.signals import got_request_exception

from pytest_cloudtasks._targets.announced import announced_exceptions


def announce(error: BaseException) -> None:
    """As Flask does it."""
    got_request_exception.send(flask, exception=error)


def test_what_is_announced_in_the_block_is_collected() -> None:
    """In the order of the announcements, each exception once."""
    one, two = KeyError("one"), KeyError("two")
    with announced_exceptions() as found:
        for error in (one, two, one):
            announce(error)
    assert found == [one, two]


def test_nothing_is_collected_afterwards() -> None:
    """When the block has ended, by an exception or not, nobody listens any more."""
    before = len(got_request_exception.receivers)
    with announced_exceptions() as found:
        assert len(got_request_exception.receivers) == before + 1
    with pytest.raises(KeyError), announced_exceptions():
        raise KeyError
    announce(KeyError("late"))
    assert found == []
    assert len(got_request_exception.receivers) == before


def test_a_request_within_a_request_collects_its_own() -> None:
    """A nested request's exceptions are not the outer one's."""
    inner_error, outer_error = KeyError("inner"), KeyError("outer")
    with announced_exceptions() as outer:
        with announced_exceptions() as inner:
            announce(inner_error)
        announce(outer_error)
    assert (inner, outer) == ([inner_error], [outer_error])


def test_requests_at_once_collect_their_own() -> None:
    """Of requests that overlap in one loop each collects what was announced in its own context, or in its threads."""

    async def request(error: KeyError) -> list[BaseException]:
        with announced_exceptions() as found:
            await asyncio.sleep(0)
            await asyncio.to_thread(announce, error)
            await asyncio.sleep(0)
            return found

    async def story() -> list[list[BaseException]]:
        return await asyncio.gather(request(one), request(two))

    one, two = KeyError("one"), KeyError("two")
    assert asyncio.run(story()) == [[one], [two]]


class DjangosSignal:
    """Django's signal does not say which exception: it is the one that is being handled."""

    def __init__(self) -> None:
        self.receivers: list[Any] = []

    def connect(self, receiver: Any, weak: bool = True) -> None:
        self.receivers.append(receiver)

    def disconnect(self, receiver: Any) -> None:
        self.receivers.remove(receiver)

    def send(self, sender: Any) -> None:
        for receiver in self.receivers:
            receiver(signal=self, sender=sender, request=None)


def test_djangos_announcement_names_no_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception being handled is collected, and none where none is."""
    module = ModuleType("django.core.signals")
    signal = module.got_request_exception = DjangosSignal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django.core.signals", module)
    error = KeyError("order")
    with announced_exceptions() as found:
        signal.send(None)
        try:
            raise error
        except KeyError:
            signal.send(None)
    assert found == [error]
    assert signal.receivers == []


def test_a_framework_that_is_not_loaded_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is imported in order to listen."""
    for name in ("flask.signals", "django.core.signals"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with announced_exceptions() as found:
        assert "flask.signals" not in sys.modules
        assert "django.core.signals" not in sys.modules
    assert found == []
