"""A channel that answers without a network, for several test modules."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import grpc
from google.cloud import tasks_v2


class QueueChannel(grpc.Channel):  # type: ignore[misc]
    """A channel of the user's own: every call returns the queue with the channel's name."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.is_closed = False

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        queue = self.queue

        class Call(grpc.UnaryUnaryMultiCallable):  # type: ignore[misc]
            def __call__(self, request: Any, **options: Any) -> Any:
                return self.with_call(request, **options)[0]

            def with_call(self, request: Any, **options: Any) -> Any:
                return tasks_v2.Queue(name=queue), None

            def future(self, request: Any, **options: Any) -> Any:
                return SimpleNamespace(add_done_callback=lambda done: None)

        return Call()

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked for")

    stream_unary = stream_stream = subscribe = unsubscribe = unary_stream

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> QueueChannel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
