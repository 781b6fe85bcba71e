"""Callables that can't be what they are passed for: application factories, and handlers of other arguments."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

from .answers import WrongAnswer

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_INTERFACES = (2, 3)
"""The numbers of arguments with which WSGI and ASGI call an application."""


class FactoryCalled(WrongAnswer, TypeError):
    """Raised if a function of one argument, called with a request, returns an application."""

    def __init__(self, function: Any, app: object) -> None:
        name = name_of(function)
        super().__init__(
            f"The function {name} returned an application, {type(app).__name__}, instead of a response: it is an"
            f" application factory. Mount its result: mount(base_url, {name}(…))."
        )


def check_no_factory(app: Any, what: str) -> None:
    """Raise TypeError for an application factory. ``what`` is the method that takes the application.

    An application takes the arguments of its interface, and a function takes a request. A callable without required
    arguments is a factory, and so is a class that neither interface can call.
    """
    needed = _needed_arguments(app)
    if inspect.isclass(app):
        if needed not in (None, *_INTERFACES):
            arguments = "…" if needed else ""
            raise TypeError(
                f"{what} takes an application, but got the class {name_of(app)}, which is an application factory. Pass"
                f" an instance: {name_of(app)}({arguments})."
            )
    elif needed == 0:
        call = f"{name_of(app)}({'…' if isinstance(app, partial) else ''})"
        if inspect.iscoroutinefunction(app):
            call = f"await {call}"
        raise TypeError(
            f"{what} takes an application, but got {name_of(app)}, which needs no argument: it is an application"
            f" factory. Pass its result: {call}."
        )


def _needed_arguments(app: Any) -> int | None:
    """Return the number of positional arguments that ``app`` requires; None if it is unknown."""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    return sum(parameter.kind in _POSITIONAL and parameter.default is parameter.empty for parameter in parameters)


def takes_one_argument(function: Any) -> bool:
    """Whether ``function`` can be called with one value; True if it is unknown."""
    try:
        inspect.signature(function).bind(None)
    except ValueError:
        return True
    except TypeError:
        return False
    return True


def name_of(app: Any) -> str:
    """Return the name of a function or a class, or that of an object's class."""
    named = app.func if isinstance(app, partial) else app
    return getattr(named, "__name__", None) or type(named).__name__
