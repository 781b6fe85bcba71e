"""Names and addresses of hosts, normalized for comparisons."""

from __future__ import annotations

import re

from .._targets.urls import ip_address

AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[^\[\]]*)?\]|[^\s\[\]:/?#@\\,*]+)(?::[0-9]*)?")
"""A Host header: a host, which is a group, and an optional port."""


def allowed_host(host: str, what: str) -> str:
    """Return the host in ``host``, the value of the option ``what``, normalized. Raises ValueError if it is none."""
    name = host_name(host) if isinstance(host, str) else None
    if name is None:
        raise ValueError(
            f"{what} takes a host name or an address without scheme and port, such as tasks or 192.168.1.20, but got"
            f" {host!r}."
        )
    if is_wildcard(name):
        raise ValueError(
            f"{what} takes the name or address by which clients call the server, and {host} is an address to listen"
            " on. Pass the name instead, such as tasks or 192.168.1.20."
        )
    return name


def host_name(host: str) -> str | None:
    """Return a host name or address, normalized for comparisons; None for anything else.

    A name becomes lower-case ASCII without a dot at its end. An IPv6 address gets its short form without brackets and
    zone.
    """
    written = host.strip("[]").partition("%")[0] if ":" in host else host.removesuffix(".")
    address = ip_address(written)
    if address is not None:
        return str(address)
    match = AUTHORITY.fullmatch(host)
    if match is None or match[1] != host or host.startswith("["):
        return None
    try:
        return host.removesuffix(".").encode("idna").decode().lower() or None
    except UnicodeError:
        return None


def is_wildcard(host: str) -> bool:
    """Return whether ``host`` means all addresses of a machine, such as ``0.0.0.0``."""
    address = ip_address(host)
    return address is not None and address.is_unspecified
