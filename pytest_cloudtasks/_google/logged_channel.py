"""The generated transports' logged channel, gone past where nobody reads the log."""

from __future__ import annotations

import logging
from typing import Any

import grpc


class LoggedWhereAsked:
    """Stands for a transport's logged channel: calls go through it while its logger listens, and past it otherwise.

    Interceptors take a sixth of the time of a call, and those of the generated transports do nothing else.
    """

    def __init__(self, channel: grpc.Channel, logged: grpc.Channel, logger: logging.Logger) -> None:
        self._channel = channel
        self._logged = logged
        self._logger = logger

    def unary_unary(self, *args: Any, **kwargs: Any) -> LoggedCall:
        """The callable for one RPC."""
        direct, logged = self._channel.unary_unary(*args, **kwargs), self._logged.unary_unary(*args, **kwargs)
        return LoggedCall(direct, logged, self._logger)

    def close(self) -> None:
        """Close the channel."""
        self._logged.close()


class LoggedCall(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
    """One RPC of such a channel, in all the forms that grpc gives it.

    It is an object of a class of its own because tests replace ``type(client.transport.get_queue).__call__``, as
    those that Google generates do.
    """

    def __init__(self, direct: Any, logged: Any, logger: logging.Logger) -> None:
        self._direct = direct
        self._logged = logged
        self._listens = logger.isEnabledFor

    def __call__(self, request: Any, *args: Any, **options: Any) -> Any:
        """The response; raises what the channel raises."""
        return self._way()(request, *args, **options)

    def with_call(self, request: Any, *args: Any, **options: Any) -> Any:
        """The response and the call."""
        return self._way().with_call(request, *args, **options)

    def future(self, request: Any, *args: Any, **options: Any) -> Any:
        """The call as a future."""
        return self._way().future(request, *args, **options)

    def _way(self) -> Any:
        return self._logged if self._listens(logging.DEBUG) else self._direct
