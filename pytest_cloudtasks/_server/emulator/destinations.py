"""The class `Destinations`, which decides to which server a task's request goes, and which requests are not sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..._service.task import Outcome, OutcomeKind, RpcStatus
from ..._targets.urls import Base, is_loopback, server_url, wire_url
from ..host_names import host_name, is_wildcard

_FORWARD = re.compile(r"(https?://[^=]+)=(https?://.+)", re.IGNORECASE)


@dataclass(frozen=True)
class NotSent(Outcome):
    """The outcome of an attempt whose request was not sent; ``sentence`` contains the reason and what to do."""

    sentence: str = ""

    @property
    def rpc_status(self) -> RpcStatus:
        """The code that the attempt's response_status carries. Evidence: our choice."""
        return RpcStatus.PERMISSION_DENIED

    @property
    def message(self) -> str:
        """The text of response_status. Evidence: our choice."""
        return f"PERMISSION_DENIED(7): {self.sentence}"


def not_sent(sentence: str) -> NotSent:
    """Return the outcome of an attempt whose request is not sent, with the reason in ``sentence``."""
    return NotSent(OutcomeKind.NO_RESPONSE, sentence=sentence)


class Route(NamedTuple):
    """The URL that a request goes to."""

    url: str
    is_forwarded: bool
    """True if this is another server than the one that the task names."""
    is_verified: bool = True
    """True if a certificate of the server has to be valid."""


class Forwarding:
    """A rule of ``--forward``: requests to URLs under a base go to another server."""

    def __init__(self, text: str) -> None:
        """Parse ``text``, which is ``BASE=TO``; raises ValueError with a sentence for anything else."""
        match = _FORWARD.fullmatch(text)
        if match is None:
            raise ValueError(
                f"--forward takes BASE=TO, two base URLs such as https://worker.test=http://127.0.0.1:8080, but got"
                f" {text!r}."
            )
        self.base = Base(match[1], "--forward")
        self.to = server_url(match[2], "--forward")


class Destinations:
    """Finds the server for each request: a forwarding's, App Engine's, or the one that its URL names."""

    def __init__(
        self,
        forwardings: Sequence[Forwarding] = (),
        app_engine: str | None = None,
        firebase_functions: str = "",
        *,
        insecure: Collection[str] = (),
        allow_remote: bool = False,
    ) -> None:
        """``app_engine`` and ``firebase_functions`` are the base URLs of the servers that get such tasks.

        ``insecure`` has the normalized names of hosts whose certificates aren't verified.
        """
        self._forwardings = sorted(forwardings, key=lambda forwarding: -forwarding.base.length)
        self._app_engine = app_engine
        self._functions = Base(firebase_functions, "--firebase-functions") if firebase_functions else None
        self._insecure = insecure
        self._allow_remote = allow_remote

    def route(self, url: str, *, is_app_engine: bool) -> Route | NotSent:
        """Return the route of the request for ``url``. A server that an option names may be on any machine."""
        parts = wire_url(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        for forwarding in self._forwardings:
            if forwarding.base.covers(url):
                return self._to(forwarding.to + path, is_forwarded=True)
        if is_app_engine:
            if self._app_engine is None:
                return not_sent(
                    "There is no server for App Engine tasks. Start this one with --app-engine-host and the URL of your"
                    " application, such as http://127.0.0.1:8080."
                )
            return self._to(self._app_engine + path, is_forwarded=True)
        if parts.scheme not in ("http", "https") or not parts.host or not parts.port:
            return not_sent(f"{url} is not a URL that a request can be sent to.")
        is_named = self._functions is not None and self._functions.covers(url)
        if not self._allow_remote and not is_named and not is_loopback(parts.host):
            base = f"{parts.scheme}://{parts.authority}"
            if is_wildcard(parts.host):
                return not_sent(
                    f"{parts.host} is an address to listen on, not one to send to. Create tasks for 127.0.0.1, or send"
                    f" what goes there to a server here with --forward {base}=http://127.0.0.1:{parts.port}."
                )
            return not_sent(
                f"{parts.host} is not a loopback address, and this server sends to no other. Send what goes there to a"
                f" server here with --forward {base}=http://127.0.0.1:8080, or allow any address with --allow-remote."
            )
        return self._to(f"{parts.scheme}://{parts.authority}{path}", is_forwarded=False)

    def _to(self, url: str, *, is_forwarded: bool) -> Route:
        is_verified = not self._insecure or host_name(wire_url(url).host) not in self._insecure
        return Route(url, is_forwarded, is_verified)
