"""Listening on the port of REST, and the errors if that is not possible."""

from __future__ import annotations

import socket

from ..relay import Relay
from .command_line import ServeOptions


class AddressTaken(Exception):
    """Raised if the address is in use or doesn't belong to this machine."""

    def __init__(self, option: str, host: str, port: int) -> None:
        super().__init__(
            f"The server can't listen on {host}:{port}: the address is in use, or does not belong to this machine."
            f" Choose another with --{option}, or 0 for a free one."
        )


class UnknownHost(Exception):
    """Raised if the host's name doesn't resolve to an address."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server can't listen on {host!r}: the host's name doesn't resolve to an address. Choose another with"
            " --host, such as 127.0.0.1."
        )


async def listen(relay: Relay, options: ServeOptions) -> int:
    """Listen on the port of REST, and return it."""
    try:
        return await relay.listen(host=options.host, port=options.rest_port)
    except (socket.gaierror, UnicodeError):  # the latter for a name that can't be encoded
        raise UnknownHost(options.host) from None
    except OSError:
        option = "port" if options.grpc_port is None else "rest-port"
        raise AddressTaken(option, options.host, options.rest_port) from None
