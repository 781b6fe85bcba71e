"""The generated transports' logged channel, gone past where nobody reads the log."""

from __future__ import annotations

import logging
from typing import Any

import grpc

from .channel import LateBoundCall, LateBoundChannel


class LoggedWhereAsked:
    """Stands for a transport's logged channel: calls go through it while its logger listens, and past it otherwise."""

    def __init__(self, channel: LateBoundChannel, logged: grpc.Channel, logger: logging.Logger) -> None:
        self._channel = channel
        self._logged = logged
        self._logger = logger

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *args: Any, **kwargs: Any
    ) -> LateBoundCall:
        """The callable for one RPC."""
        codecs = request_serializer, response_deserializer
        logged = self._logged.unary_unary(method, *codecs, *args, **kwargs)
        return LateBoundCall(self._channel, method, *codecs, logged, self._logger)

    def close(self) -> None:
        """Close the channel."""
        self._logged.close()
