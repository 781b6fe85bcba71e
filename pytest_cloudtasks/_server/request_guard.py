"""The checks that keep other sites' web pages out of a server on the developer's machine.

A page in the developer's browser can send requests to every port of the machine, so a server there has to check where
a request comes from:

- Host: with DNS rebinding, a page makes its host name resolve to this machine. The browser then treats the server as
  the page's own origin and lets it read every response. The requests still name that host, so the guard accepts only
  known host names.
- Origin and Sec-Fetch-Site: a browser sends which page made a request. The guard accepts only this server's own pages.
- Content-Type: a page may send a form, a text, or a body without a type without asking the server first. The guard
  accepts a body only as JSON: for JSON, the browser asks first and gets no permission.

Programs other than browsers pass these checks with the headers that they send anyway.

The emulator can also require a token, for networks that other people use. It protects the routes that show and control
the queues: those under ``/control`` (`Area.CONTROL`), which the page uses for its data and buttons. Clients of Cloud
Tasks send no such token, so Google's paths are protected only by the check of the Host, and gRPC not at all. Documents
(`Area.DOCUMENT`: the page itself, ``/healthz``, public keys) contain nothing secret, so a browser loads them without a
token. The page reads the token from its own address, ``/#token=…``, a part that browsers never send, and sends it as a
header.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Container
from enum import Enum

from .._messages.methods import route_of
from .._messages.rest_http import FORM, RestError, RestRequest
from .._targets.urls import is_loopback
from .host_names import AUTHORITY, host_name, is_wildcard

JSON = "application/json"
_AS_SENT = frozenset({"buffer_task", "upload_queue_yaml"})
"""RPCs whose HTTP body is data rather than a message."""
_URL = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_OWN_PAGE = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for requests of this server's own pages, and of the browser's user."""
_SHOWN = 100
"""Most characters of a header that an error shows."""


class Area(Enum):
    """The part of the server that a request is for, as far as the guard distinguishes it."""

    API = "api"
    """A path of Google's."""
    CONTROL = "control"
    """A route under ``/control``, which shows or controls the queues."""
    DOCUMENT = "document"
    """A route that contains nothing of the queues: the page without its data, public keys, ``/healthz``."""


class RequestGuard:
    """Rejects requests that a web page of another site may have sent, and those that lack the server's token.

    Args:
        hosts: Host names, normalized, that requests may name besides loopback names. The collection may grow later.
        how_to_allow: How users allow another name, with ``{}`` in its place: ``--allow-host {}``.
        token: The secret that requests for `Area.CONTROL` need; None if there is none. With a token, only requests for
            `Area.API` need a known host name, and not even those if they have the token, as the server's page does.
    """

    def __init__(self, hosts: Container[str], *, how_to_allow: str, token: str | None = None) -> None:
        self._hosts = hosts
        self._how_to_allow = how_to_allow
        self._token = token

    def check_sender(self, request: RestRequest, *, area: Area = Area.API, needs_host: bool = True) -> None:
        """Raise RestError if another site's page may have sent ``request``; the body isn't checked here.

        ``needs_host`` is true if the request's version of HTTP requires a Host header, which every browser sends.
        """
        hosts = _values(request, "host")
        if len(hosts) > 1:
            raise RestError(400, "INVALID_ARGUMENT", f"The request has {len(hosts)} Host headers. Send one.")
        if not hosts and needs_host:
            raise RestError(
                400, "INVALID_ARGUMENT", "The request has no Host header. Send one, such as `Host: 127.0.0.1`."
            )
        target = _URL.match(request.target)
        for host in [*hosts, *([target[2]] if target else [])]:
            self._check_host(host, any_name=self._allows_any_name(request, area))
        if self._token is not None and area is Area.CONTROL:
            _check_token(request, self._token)
        for origin in _values(request, "origin"):
            if not any(_is_origin_of(origin, host) for host in hosts):
                raise _denied(
                    f"The request was sent by a web page of the origin {_short(origin)!r}. Only this server's own pages"
                    " may send requests to it. Send the request from a program that is not a browser."
                )
        for site in _values(request, "sec-fetch-site"):
            if site.strip().lower() not in _OWN_PAGE:
                raise _denied(
                    f"The request was sent by a web page of another origin (Sec-Fetch-Site is {_short(site)!r}). Only"
                    " this server's own pages may send requests to it. Send the request from a program that is not a"
                    " browser, or type its address into the browser."
                )

    def _allows_any_name(self, request: RestRequest, area: Area) -> bool:
        """Return whether any host name is safe: a page that uses DNS rebinding doesn't have the token."""
        return self._token is not None and (area is not Area.API or _has_token(request, self._token))

    def _check_host(self, host: str, *, any_name: bool) -> None:
        match = AUTHORITY.fullmatch(host.strip())
        name = match and host_name(match[1])
        if name is None:
            raise RestError(
                400,
                "INVALID_ARGUMENT",
                f"The request's Host is {_short(host)!r}, which is not a host name or address. Send one such as"
                " `Host: 127.0.0.1`.",
            )
        if is_wildcard(name):
            raise _denied(
                f"The request's Host is {_short(host)!r}, which is an address to listen on. Call 127.0.0.1 or another"
                " address of the machine instead."
            )
        if not any_name and not is_loopback(name) and name not in self._hosts:
            raise _denied(
                f"The request's Host is {_short(host)!r}, and this server answers no requests for that name: a web page"
                f" could have sent it. If the name is yours, allow it with {self._how_to_allow.format(name)}."
            )


def lacks_json(request: RestRequest, *, is_api: bool) -> bool:
    """Return whether a body of ``request`` has to be JSON and its Content-Type is something else.

    ``is_api`` is true for a request to Cloud Tasks' API, and false for one of this server's own routes.
    """
    types = [value.partition(";")[0].strip().lower() for value in _values(request, "content-type")]
    if types == [JSON]:
        return False
    if not is_api:
        return True
    route = route_of(request.verb, request.path)
    if route is None or route.method.rpc in _AS_SENT:
        return False
    return not (types == [FORM] and request.method == "POST" and request.verb == "GET")


def not_json(request: RestRequest) -> RestError:
    """Return the error for a body that has to be JSON and whose Content-Type is something else."""
    types = ", ".join(_values(request, "content-type"))
    has = f"the Content-Type {_short(types)!r}" if types else "no Content-Type"
    return RestError(
        400,
        "INVALID_ARGUMENT",
        f"The request's body has {has}. This server takes a body only as JSON, because every web page can make a"
        " browser send other types. Send JSON with the header `Content-Type: application/json`, or send no body.",
    )


def _has_token(request: RestRequest, token: str) -> bool:
    """Return whether ``request`` has ``token``, in a time that doesn't depend on how much of it is right."""
    sent = _values(request, "authorization")
    if len(sent) != 1:
        return False
    scheme, _, value = sent[0].strip().partition(" ")
    return (
        hmac.compare_digest(value.strip().encode(errors="surrogateescape"), token.encode())
        and scheme.lower() == "bearer"
    )


def _check_token(request: RestRequest, token: str) -> None:
    if not _values(request, "authorization"):
        raise RestError(
            401,
            "UNAUTHENTICATED",
            "The request has no token, and this server was started with one. Send it in the header `Authorization:"
            " Bearer TOKEN`; in a browser, open this server's page with #token=TOKEN at the end of its address.",
        )
    if not _has_token(request, token):
        raise RestError(
            401,
            "UNAUTHENTICATED",
            "The request's token is not the one that this server was started with. Send that one in the header"
            " `Authorization: Bearer TOKEN`.",
        )


def _is_origin_of(origin: str, host: str) -> bool:
    """Return whether a page of ``origin`` was loaded from ``host``; a proxy may have added TLS."""
    match = _URL.fullmatch(origin.strip())
    return match is not None and _with_port(match[2], match[1]) == _with_port(host, match[1])


def _with_port(authority: str, scheme: str) -> tuple[str | None, str]:
    name, colon, port = authority.strip().rpartition(":")
    if not colon or "]" in port:
        name, port = authority.strip(), ""
    return host_name(name), port or _DEFAULT_PORTS[scheme.lower()]


def _values(request: RestRequest, name: str) -> list[str]:
    return [value for key, value in request.headers if key.lower() == name]


def _denied(sentence: str) -> RestError:
    return RestError(403, "PERMISSION_DENIED", sentence)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
