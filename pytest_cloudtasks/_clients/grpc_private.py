"""Private attributes of grpc's channels.

`address_of` reads ``grpc._channel.Channel._channel.target()``, checked against grpcio 1.50 to 1.85;
``tests/clients/test_grpc_private.py`` fails when it moves.
"""

from __future__ import annotations

from typing import Any


def address_of(channel: Any) -> str | None:
    """Return the ``host:port`` that a channel of grpc's own was opened to; None for anything else."""
    inner = getattr(channel, "_channel", None)
    while inner is not None:
        target = getattr(inner, "target", None)
        if target is not None:
            address = target() if callable(target) else target  # asyncio's channel has it as a value
            text = address.decode() if isinstance(address, bytes) else str(address)
            return text.rpartition("/")[2]
        inner = getattr(inner, "_channel", None)  # a channel with interceptors on it
    return None
