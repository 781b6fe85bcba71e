from __future__ import annotations

from typing import Any

import grpc
import pytest

from pytest_cloudtasks._clients.grpc_private import address_of


def test_the_address_is_where_it_was() -> None:
    """grpc still keeps a channel's target where this package reads it."""
    moved = (
        "grpc has moved what pytest_cloudtasks._clients.grpc_private reads, Channel._channel.target(): find the new"
        " place, and say in that module which versions have it"
    )
    with grpc.insecure_channel("localhost:8123") as channel:
        target = getattr(getattr(channel, "_channel", None), "target", None)
        assert callable(target), moved
        assert b"localhost:8123" in bytes(target()), moved


@pytest.mark.parametrize("target", ["localhost:8123", "dns:///localhost:8123", "ipv4:127.0.0.1:8123"])
def test_a_channels_address_is_what_it_was_opened_to(target: str) -> None:
    """The address is host and port, without the scheme and authority of a resolver."""
    with grpc.insecure_channel(target) as channel:
        assert address_of(channel) == ("ipv4:127.0.0.1:8123" if target.startswith("ipv4") else "localhost:8123")


def test_a_secure_channel_has_an_address_too() -> None:
    """A channel with TLS tells its address as one without does."""
    with grpc.secure_channel("cloudtasks.googleapis.com:443", grpc.ssl_channel_credentials()) as channel:
        assert address_of(channel) == "cloudtasks.googleapis.com:443"


@pytest.mark.parametrize("what", [None, object(), "localhost:8123"], ids=["nothing", "an object", "a text"])
def test_anything_else_has_no_address(what: object) -> None:
    """Only a channel of grpc's own has an address."""
    assert address_of(what) is None


def test_interceptors_do_not_hide_the_address() -> None:
    """A channel with interceptors on it, one or several layers of them, has the address of the channel beneath."""

    class Nothing(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            return continuation(details, request)

    with grpc.insecure_channel("localhost:8123") as channel:
        intercepted = grpc.intercept_channel(channel, Nothing(), Nothing())
        assert address_of(intercepted) == "localhost:8123"
        assert address_of(grpc.intercept_channel(intercepted, Nothing())) == "localhost:8123"
