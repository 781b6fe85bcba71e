"""Functions that take a Flask request, as Cloud Run functions and Firebase have them, as WSGI applications.

Google runs such a function behind functions-framework. A function sees the path below its own URL, and its return value
becomes a response as in a Flask view.

Firebase's decorators for tasks and callables turn an exception of the function into a 500 themselves and log it,
without any other notice. But they make that response with Flask's own `make_response` while they handle the exception,
so it is visible there. Checked against firebase-functions 0.4.3 to 0.6; ``tests/targets/test_firebase.py`` fails when
it moves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from flask import Flask, Response

from .announced import announce
from .asgi import is_asgi
from .factories import FactoryCalled
from .wsgi import Function

_ENDPOINT = "__firebase_endpoint__"
"""The attribute by which Firebase's tools find the functions of a module, and how each is called."""


class FunctionApp:
    """A WSGI application that calls one function for every request.

    ``base_path`` is the path of the function's URL.
    """

    def __init__(self, function: Function, base_path: str = "") -> None:
        self._function = function
        self._base_path = base_path.rstrip("/")
        endpoint = getattr(function, _ENDPOINT, None)
        self._flask = _FirebaseFlask("function") if _answers_for_exceptions(endpoint) else Flask("function")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request. The function's exceptions propagate, except a response such as `abort(404)`."""
        path = environ["PATH_INFO"].removeprefix(self._base_path)
        environ = {**environ, "SCRIPT_NAME": self._base_path, "PATH_INFO": path or "/"}
        with self._flask.request_context(environ) as context:
            try:
                result = self._function(context.request)
                if isinstance(result, Flask) or (callable(result) and is_asgi(result)):
                    raise FactoryCalled(self._function, result)
            except FactoryCalled:
                raise
            except Exception as error:
                result = self._flask.handle_user_exception(error)  # raises what is no response
            response = result if isinstance(result, Response) else self._flask.make_response(result)
            return response(environ, start_response)


class _FirebaseFlask(Flask):
    """Announces the exception that one of Firebase's decorators answers."""

    def make_response(self, rv: Any) -> Response:
        """Return the response for what a view returns."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, _answers()):
            announce(error)
        return super().make_response(rv)


def _answers_for_exceptions(endpoint: Any) -> bool:
    triggers = ("taskQueueTrigger", "callableTrigger")
    return any(getattr(endpoint, trigger, None) is not None for trigger in triggers)


def _answers() -> tuple[type[BaseException], ...]:
    """Return the exceptions that a function raises to choose its answer: Firebase's HttpsError."""
    return (sys.modules["firebase_functions.https_fn"].HttpsError,)
