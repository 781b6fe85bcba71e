"""`CallQueue` brings calls from the endpoints' threads to the event loop that owns the simulation.

The emulator's model has one owner: the event loop that `serving.serve` runs. The scheduler loop, time jumps,
the control endpoints and the answers of deliveries run there anyway. gRPC and REST calls arrive in threads of their
own; `CallQueue` hands them over, and the loop answers them one after the other. So nothing needs a lock, and no change
of the model is half done when other code looks at it.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import grpc

from ..._messages.grpc_errors import InProcessRpcError
from ..._messages.rpc_call import IncomingCall

_AT_ONCE = 100
"""Calls that are answered before deliveries and other requests get their turn."""


class CallQueue:
    """Hands calls over to the event loop in which it was made. It is what the endpoints call."""

    def __init__(self, answer: Callable[[IncomingCall], Any]) -> None:
        """``answer`` runs in the event loop and returns a call's response, or raises its error."""
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[IncomingCall, Future[Any]]] = deque()
        self._is_scheduled = False
        """Whether the loop will look at the calls that wait."""
        self._is_closed = False

    def receive(self, call: IncomingCall) -> Any:
        """Return the response to ``call``, or raise its error; from any thread but the event loop's."""
        answered: Future[Any] = Future()
        with self._lock:
            if self._is_closed:
                raise _stopped(call)
            self._waiting.append((call, answered))
            if not self._is_scheduled:
                self._is_scheduled = True
                self._loop.call_soon_threadsafe(self._answer_waiting)
        return answered.result()

    def close(self) -> None:
        """Refuse the calls that still wait, and all later ones."""
        with self._lock:
            self._is_closed = True
            left = list(self._waiting)
            self._waiting.clear()
        for call, answered in left:
            answered.set_exception(_stopped(call))

    def _answer_waiting(self) -> None:
        for _ in range(_AT_ONCE):
            with self._lock:
                if not self._waiting:
                    self._is_scheduled = False
                    return
                call, answered = self._waiting.popleft()
            try:
                response = self._answer(call)
            except BaseException as error:  # whatever it is, the caller gets it
                answered.set_exception(error)
            else:
                answered.set_result(response)
        self._loop.call_soon(self._answer_waiting)


def _stopped(call: IncomingCall) -> InProcessRpcError:
    text = f"The emulator is stopping and takes no more calls: {call.method} has changed nothing."
    return InProcessRpcError(grpc.StatusCode.UNAVAILABLE, text, (), random.Random(0))
