from __future__ import annotations

import pytest

from pytest_cloudtasks._clients.router import Switchboard
from pytest_cloudtasks._messages.rpc_call import RpcCall


class Exchange:
    """A backend that redirects one address."""

    def __init__(self, address: str = "") -> None:
        self.address = address

    def receive(self, call: RpcCall) -> str:
        return self.address

    def redirects(self, address: str) -> bool:
        return address == self.address


def test_without_a_fake_there_is_no_backend() -> None:
    """A new switchboard connects nobody, refuses nothing, and lets no client go without credentials."""
    switchboard = Switchboard()
    assert switchboard.backend is None
    assert switchboard.refuse_outside is None
    assert switchboard.needs_no_credentials is False
    assert switchboard.redirects("localhost:8123") is False


def test_the_innermost_fake_answers() -> None:
    """Of nested fakes the last one entered gets the calls, and the one before it once that has left."""
    switchboard, outer, inner = Switchboard(), Exchange(), Exchange()
    switchboard.enter(outer)
    switchboard.enter(inner)
    assert switchboard.backend is inner
    switchboard.leave(inner)
    assert switchboard.backend is outer
    switchboard.leave(outer)
    assert switchboard.backend is None


def test_the_outer_fake_may_leave_first() -> None:
    """Fakes that end out of order leave the inner one in place."""
    switchboard, outer, inner = Switchboard(), Exchange(), Exchange()
    switchboard.enter(outer)
    switchboard.enter(inner)
    switchboard.leave(outer)
    assert switchboard.backend is inner


def test_a_fake_may_be_put_innermost() -> None:
    """It gets the calls of one that entered after it; one that is not there is not put anywhere."""
    switchboard, first, second = Switchboard(), Exchange(), Exchange()
    switchboard.enter(first)
    switchboard.enter(second)
    switchboard.put_innermost(first)
    switchboard.put_innermost(Exchange())
    assert switchboard.backend is first
    switchboard.leave(first)
    assert switchboard.backend is second


def test_a_fake_that_never_entered_cannot_leave() -> None:
    """Leaving without having entered is an error and disconnects nobody."""
    switchboard, present = Switchboard(), Exchange()
    switchboard.enter(present)
    with pytest.raises(ValueError):
        switchboard.leave(Exchange())
    assert switchboard.backend is present


def test_credentials_are_needed_unless_a_fake_is_active_or_they_are_deferred() -> None:
    """A client built inside a fake, or where credentials are deferred, gets by without any."""
    switchboard, backend = Switchboard(), Exchange()
    switchboard.enter(backend)
    assert switchboard.needs_no_credentials is True
    switchboard.leave(backend)
    assert switchboard.needs_no_credentials is False
    switchboard.defers_credentials = lambda: True
    assert switchboard.needs_no_credentials is True


def test_any_active_fake_may_redirect_an_address() -> None:
    """An address is redirected if one of the nested fakes wants it, the outer one too."""
    switchboard = Switchboard()
    switchboard.enter(Exchange("localhost:8123"))
    switchboard.enter(Exchange("localhost:9090"))
    assert switchboard.redirects("localhost:8123") is True
    assert switchboard.redirects("localhost:9090") is True
    assert switchboard.redirects("localhost:80") is False


def test_an_address_can_be_redirected_for_the_whole_session() -> None:
    """What the ini file redirects is redirected without any fake."""
    switchboard = Switchboard()
    switchboard.redirected_always = lambda address: address == "localhost:8123"
    assert switchboard.redirects("localhost:8123") is True
    assert switchboard.redirects("localhost:9090") is False
