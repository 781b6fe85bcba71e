"""Around a client's wrapped methods, which put its policies to use: what the channel must know, and what it need not.

What is used of google-api-core's wrapped methods beyond calling them: ``_retry`` and ``_timeout``, their default
policies (checked against google-api-core 1.34 to 2.44). ``tests/clients/test_wrapped_methods.py`` fails when they move.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from google.api_core.gapic_v1.method import DEFAULT

from .channel import caller_retry

TimeOut = Callable[[Callable[..., Any]], Callable[..., Any]]
"""A policy of google-api-core's: it decorates what makes one attempt."""


def noting_retry(call: Callable[..., Any]) -> Callable[..., Any]:
    """``call``, with its ``retry`` argument kept where the channel finds it."""
    of_one_attempt = timeout_of_one_attempt(call)

    @functools.wraps(call)
    def noted(*args: Any, **kwargs: Any) -> Any:
        retry = kwargs.get("retry", DEFAULT)
        if retry is DEFAULT and of_one_attempt is not None and kwargs.get("timeout") is DEFAULT:
            kwargs["timeout"] = of_one_attempt
        if retry is caller_retry.get():  # which is quickly told, and mostly so
            return call(*args, **kwargs)
        token = caller_retry.set(retry)
        try:
            return call(*args, **kwargs)
        finally:
            caller_retry.reset(token)

    return noted


def noting_retry_async(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same for ``call``, a coroutine function."""
    of_one_attempt = timeout_of_one_attempt(call)

    @functools.wraps(call)
    async def noted(*args: Any, **kwargs: Any) -> Any:
        retry = kwargs.get("retry", DEFAULT)
        if retry is DEFAULT and of_one_attempt is not None and kwargs.get("timeout") is DEFAULT:
            kwargs["timeout"] = of_one_attempt
        if retry is caller_retry.get():  # which is quickly told, and mostly so
            return await call(*args, **kwargs)
        token = caller_retry.set(retry)
        try:
            return await call(*args, **kwargs)
        finally:
            caller_retry.reset(token)

    return noted


def timeout_of_one_attempt(call: Callable[..., Any]) -> TimeOut | None:
    """The default time-out of a method that repeats no attempt by default; None for any other method.

    google-api-core would take off what earlier attempts have needed, and reads the clock twice for each call; while
    time is held that is a fifth of the call. Where there are no earlier attempts nothing is ever taken off.
    """
    seconds = getattr(call, "_timeout", None)
    if getattr(call, "_retry", DEFAULT) is not None or not isinstance(seconds, (int, float)):
        return None
    return lambda attempt: functools.partial(attempt, timeout=seconds)
