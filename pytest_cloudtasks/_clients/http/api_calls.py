"""Requests of Cloud Tasks' REST API as calls to a fake."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from ..._messages import rest
from ..._messages.grpc_errors import InProcessRpcError
from ..._messages.rest_http import RestRequest, RestResponse
from ..._messages.rpc_call import IncomingCall
from ..channel import remember
from ..router import Backend
from . import api_discovery


def answer(request: RestRequest, backend: Backend) -> RestResponse:
    """Return the response of ``backend``."""

    async def receive(call: IncomingCall) -> Any:
        return backend.receive(call)

    return rest.result_of(_answer(request, receive))


async def answer_async(request: RestRequest, backend: Backend) -> RestResponse:
    """Return the response of ``backend``. It may first await handlers of the application."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # in trio's loop, handlers of asyncio can't be awaited
        return answer(request, backend)

    async def receive(call: IncomingCall) -> Any:
        response, first = backend.receive_async(call)
        await _let_others_run(first)
        if first is not None:
            await first
        return response

    return await _answer(request, receive)


async def _answer(request: RestRequest, receive: rest.Receive) -> RestResponse:
    async def receive_and_remember(call: IncomingCall) -> Any:
        try:
            return await receive(call)
        except InProcessRpcError as error:
            remember(error)
            raise

    return api_discovery.of_service(request) or await rest.answer_async(request, receive_and_remember)


async def _let_others_run(first: Any) -> None:
    """Let other coroutines run once, as a network would. If that is cancelled, ``first`` is never awaited."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if inspect.iscoroutine(first):
            first.close()
        raise
