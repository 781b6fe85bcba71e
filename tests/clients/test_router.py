from __future__ import annotations

import pytest

from pytest_cloudtasks._clients.router import Router
from pytest_cloudtasks._messages.rpc_call import IncomingCall


class Exchange:
    """A backend that redirects one address."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.redirect_endpoints = (address,) if address else ()

    def receive(self, call: IncomingCall) -> str:
        return self.address


def test_without_a_fake_there_is_no_backend() -> None:
    """A new router sends no call anywhere, rejects nothing, and every client needs credentials."""
    router = Router()
    assert router.backend is None
    assert router.refuse_outside is None
    assert router.needs_no_credentials is False
    assert router.redirects("localhost:8123") is False


def test_the_innermost_fake_answers() -> None:
    """Of nested fakes the last one entered gets the calls, and the one before it once that has left."""
    router, outer, inner = Router(), Exchange(), Exchange()
    router.enter(outer)
    router.enter(inner)
    assert router.backend is inner
    router.leave(inner)
    assert router.backend is outer
    router.leave(outer)
    assert router.backend is None


def test_the_outer_fake_may_leave_first() -> None:
    """Fakes that end out of order leave the inner one in place."""
    router, outer, inner = Router(), Exchange(), Exchange()
    router.enter(outer)
    router.enter(inner)
    router.leave(outer)
    assert router.backend is inner


def test_a_fake_may_be_put_innermost() -> None:
    """It gets the calls of one that entered after it; a fake that has not entered is not moved."""
    router, first, second = Router(), Exchange(), Exchange()
    router.enter(first)
    router.enter(second)
    router.put_innermost(first)
    router.put_innermost(Exchange())
    assert router.backend is first
    router.leave(first)
    assert router.backend is second


def test_a_fake_that_never_entered_cannot_leave() -> None:
    """Leaving without having entered is an error and disconnects nobody."""
    router, present = Router(), Exchange()
    router.enter(present)
    with pytest.raises(ValueError):
        router.leave(Exchange())
    assert router.backend is present


def test_functions_are_called_when_the_last_fake_leaves() -> None:
    """A fake that leaves another one active calls none."""
    router, outer, inner = Router(), Exchange(), Exchange()
    left: list[object] = []
    router.on_last_leave.append(lambda: left.append(router.backend))
    router.enter(outer)
    router.enter(inner)
    router.leave(inner)
    assert left == []
    router.leave(outer)
    assert left == [None]


def test_credentials_are_needed_unless_a_fake_is_active_or_they_are_deferred() -> None:
    """A client built inside a fake, or where credentials are deferred, gets by without any."""
    router, backend = Router(), Exchange()
    router.enter(backend)
    assert router.needs_no_credentials is True
    router.leave(backend)
    assert router.needs_no_credentials is False
    router.defers_credentials = lambda: True
    assert router.needs_no_credentials is True


def test_any_active_fake_may_redirect_an_address() -> None:
    """An address is redirected if one of the nested fakes wants it, the outer one too."""
    router = Router()
    router.enter(Exchange("localhost:8123"))
    router.enter(Exchange("localhost:9090"))
    assert router.redirects("localhost:8123") is True
    assert router.redirects("localhost:9090") is True
    assert router.redirects("localhost:80") is False


def test_an_address_can_be_redirected_for_the_whole_session() -> None:
    """What the ini file redirects is redirected without any fake."""
    router = Router()
    router.redirected_always = ("localhost:8123",)
    assert router.redirects("localhost:8123") is True
    assert router.redirects("localhost:9090") is False
