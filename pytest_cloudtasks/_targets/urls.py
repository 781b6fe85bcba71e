"""URLs: compared with targets, and as they are sent.

The service accepts anything after ``http://`` and ``https://`` when a task is created, so no function here rejects a
URL.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Any, NamedTuple

from .._service.request import encoded_url
from .._text import is_encodable, safe_repr

_URL = re.compile(r"([^:/?#]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_RELATIVE = re.compile(r"([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NUMBERS = re.compile(r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+)){0,3}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


_KEPT = 512
"""The number of URLs whose parts are cached. Most tasks of a test go to a few URLs."""


class WireUrl(NamedTuple):
    """The parts of a URL for a request: no credentials, no fragment, and everything encoded."""

    scheme: str
    host: str
    """In lower case, without the brackets of an IPv6 address."""
    port: int | None
    """The scheme's port by default; None for an invalid port."""
    authority: str
    """The Host header: host and port as in the URL."""
    path: str
    """Encoded; at least ``/``."""
    query: str
    """Encoded."""

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port


@lru_cache(maxsize=_KEPT)
def wire_url(url: str) -> WireUrl:
    """Return the parts of an absolute URL."""
    match = _URL.fullmatch(url)
    if match is None:
        path, _, query = url.partition("#")[0].partition("?")
        return WireUrl("", "", None, "", encoded_url(path) or "/", encoded_url(query))
    scheme, authority, path, query = match.groups("")
    host, port = _host_and_port(authority)
    number = _DEFAULT_PORTS.get(scheme.lower()) if not port else _number(port)
    written = f"{host}:{port}" if port else host
    return WireUrl(
        scheme.lower(), host.strip("[]").lower(), number, written, encoded_url(path) or "/", encoded_url(query)
    )


@lru_cache(maxsize=_KEPT)
def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a host is, None for a name. Nothing is looked up.

    Resolvers and browsers also accept IPv4 addresses in C's forms: 127.1, 0x7f000001 and 2130706433 all mean 127.0.0.1.
    """
    host = host.removesuffix(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _NUMBERS.fullmatch(host):
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or address alone; nothing is looked up."""
    address = ip_address(host)
    return host.removesuffix(".") == "localhost" if address is None else address.is_loopback


@lru_cache(maxsize=_KEPT)
def normal(url: str) -> str:
    """Return the same text for all URLs, absolute or relative, that lead to the same request.

    Scheme and host in lower case, no default port, ``/`` for an empty path, unreserved characters decoded and the rest
    encoded in capitals (RFC 3986, 6.2.2 and 6.2.3), no credentials, no fragment, no empty query.
    """
    match = _URL.fullmatch(url)
    if match is None:
        relative = _RELATIVE.fullmatch(url)
        assert relative is not None, "it matches any text"
        path, query = relative.groups("")
        return _path_and_query(path, query)
    scheme, authority, path, query = match.groups("")
    return f"{_normal_origin(scheme, authority)}{_path_and_query(path or '/', query)}"


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return a pattern that matches whole texts. A star stands for any characters, also for none."""
    return re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)


def normal_glob(glob: str) -> str:
    """Return a glob in the form that matches normal URLs. Its stars keep their positions."""
    match = re.fullmatch(r"([^:/?#*]*)://([^/?#*]*)(/.*)", glob, re.DOTALL)
    if match is None:
        return _normal_escapes(glob)
    scheme, authority, rest = match.groups()
    return f"{_normal_origin(scheme, authority)}{_normal_escapes(rest)}"


def _normal_origin(scheme: str, authority: str) -> str:
    scheme = scheme.lower()
    host, port = _host_and_port(authority)
    shown = f":{port}" if port and _number(port) != _DEFAULT_PORTS.get(scheme) else ""
    return f"{scheme}://{host.lower()}{shown}"


def _path_and_query(path: str, query: str) -> str:
    return _normal_escapes(path) + (f"?{_normal_escapes(query)}" if query else "")


def _normal_escapes(text: str) -> str:
    return _ESCAPE.sub(_normal_escape, encoded_url(text))


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _host_and_port(authority: str) -> tuple[str, str]:
    """Return host and port without credentials, with a host of other characters encoded as in DNS."""
    match = _AUTHORITY.fullmatch(authority.rpartition("@")[2])
    assert match is not None, "it matches any text"
    host, port = match.groups("")
    return _in_ascii(host), port


def _in_ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return encoded_url(host)


def _number(port: str) -> int | None:
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    return int(port) if is_port else None


_LEFT_OUT = {
    "*": ("*", ", or use route(), which takes globs"),
    "?": ("query string", ", or use route(), where it counts"),
    "#": ("fragment", "; it is never sent"),
}
"""The parts that a base URL can't have, and what to do instead."""


class Base:
    """A base URL, and whether it contains other URLs."""

    def __init__(self, url: str, what: str, *, takes_relative: bool = False) -> None:
        """Parse a base URL. ``what`` is the method that takes it; raises ValueError for a URL without a host.

        With ``takes_relative``, it may also begin with a slash and contain relative URIs.
        """
        parts = wire_url(url) if is_encodable(url) else None
        self.is_relative = takes_relative and parts is not None and url.startswith("/")
        has_host = parts is not None and parts.scheme in _DEFAULT_PORTS and parts.host and parts.port is not None
        if parts is None or not (has_host or self.is_relative):
            or_relative = ", or one of App Engine tasks such as /reports" if takes_relative else ""
            raise ValueError(
                f"{what} takes a base URL such as https://app.test{or_relative}, but got {safe_repr(url)}."
            )
        extra = next((mark for mark in "*?#" if mark in url), None)
        if extra is not None:
            without, instead = _LEFT_OUT[extra]
            raise ValueError(
                f"{what} takes a base URL, which covers every path and every query below it, but got"
                f" {safe_repr(url)}. Leave the {without} out{instead}."
            )
        self.url = url
        self._origin = parts.origin
        self._path = _normal_escapes(parts.path).rstrip("/")

    @property
    def length(self) -> int:
        """The length of its path; the longer, the more specific."""
        return len(self._path)

    def covers(self, url: str) -> bool:
        """Return whether ``url`` has the same origin, and begins with the same whole segments of the path."""
        parts = wire_url(url)
        path = _normal_escapes(parts.path)
        return parts.origin == self._origin and (path == self._path or path.startswith(f"{self._path}/"))


def server_url(url: Any, option: str) -> str:
    """Return the base URL of a server, without its last slash. Raises ValueError with a sentence for anything else."""
    parts = wire_url(url) if is_encodable(url) else None
    if (
        parts is None
        or parts.scheme not in _DEFAULT_PORTS
        or not parts.host
        or not parts.port
        or any(mark in url for mark in "@?#")
    ):
        raise ValueError(
            f"{option} takes the base URL of a server such as http://127.0.0.1:8080, but got {safe_repr(url)}."
        )
    return f"{parts.scheme}://{parts.authority}{parts.path.rstrip('/')}"
