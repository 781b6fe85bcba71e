"""Advice on missing Google credentials."""

from __future__ import annotations

import sys
from types import TracebackType

from .._simulation.exceptions import chain_of

_SEARCHES = ("gcloud.aio.auth",)
"""Libraries that fetch tokens themselves, whose errors are those of their HTTP library."""


def is_missing(error: BaseException) -> bool:
    """Return whether ``error`` or one of its causes is about missing credentials or tokens."""
    return any(_is_google_auths(cause) or _comes_from_a_search(cause.__traceback__) for cause in chain_of(error))


def advice_outside(error: BaseException, in_test: bool) -> str:
    """Return what to do about missing credentials outside a fake; "" for any other error."""
    if not is_missing(error):
        return ""
    if in_test:
        return (
            "No fake is active here, so google-auth looked for credentials on this machine. Use the cloud_tasks"
            " fixture: its fake answers requests for tokens. With the option google_auth, google.auth.default() finds"
            " credentials, too: @pytest.mark.cloud_tasks(google_auth=True)."
        )
    return (
        "No test is running, so no fake is active and google-auth looked for credentials on this machine. With"
        " cloud_tasks_google_auth = true in the ini file, google.auth.default() finds those of Cloud Run during the"
        " whole run. Using them needs a fake."
    )


def advice_inside(error: BaseException) -> str | None:
    """Return what to do if `google.auth` found no credentials while a fake is active."""
    if not any(
        type(cause).__name__ == "DefaultCredentialsError" and _is_google_auths(cause) for cause in chain_of(error)
    ):
        return None
    return (
        "google.auth.default() looked for credentials on this machine. With the option google_auth it finds those of"
        " Cloud Run: @pytest.mark.cloud_tasks(google_auth=True), or cloud_tasks_google_auth = true in the ini file."
    )


def _is_google_auths(error: BaseException) -> bool:
    exceptions = sys.modules.get("google.auth.exceptions")
    names = ("DefaultCredentialsError", "RefreshError", "TransportError")
    return any(isinstance(error, getattr(exceptions, name, ())) for name in names)


def _comes_from_a_search(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        if f"{traceback.tb_frame.f_globals.get('__name__')}.".startswith(tuple(f"{name}." for name in _SEARCHES)):
            return True
        traceback = traceback.tb_next
    return False
