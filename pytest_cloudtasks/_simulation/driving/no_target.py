"""The error of a task whose URL has no target, with advice: a route that nearly matches, or how to add one."""

from __future__ import annotations

from ..._service.request import Routing
from ..._targets.base import Destination
from ..._targets.registry import Targets
from ..._targets.urls import is_loopback, normal, wire_url
from ..._text import did_you_mean, safe_repr
from ..exceptions import NoTarget


def no_target(problem: str, destination: Destination, targets: Targets) -> NoTarget:
    """Return the error of a task without a target: the ``problem``, its URL, similar routes, targets, and advice."""
    known = targets.describe()
    shown = "".join(f"\n  {line}" for line in known) if known else " none"
    return NoTarget(
        f"{problem}: {destination.method} {destination.url}.{_nearest(destination, targets)}"
        f"\nTargets of this test:{shown}\nAdd one with {_proposal(destination)}. Nothing was sent."
    )


def _proposal(destination: Destination) -> str:
    if destination.app_engine is None:
        parts = wire_url(destination.url)
        server = ", or, if a server listens there, with cloud_tasks.forward_loopback()"
        return (
            f"cloud_tasks.route({safe_repr(destination.url)}), or mount the application that serves it with"
            f" cloud_tasks.mount(base_url, app){server if parts.port and is_loopback(parts.host) else ''}"
        )
    mount = f"cloud_tasks.mount_app_engine({', '.join(['app', *_limits(destination.app_engine.routing)])})"
    return (
        f"cloud_tasks.route({safe_repr(destination.app_engine.relative_uri)}), or mount the App Engine"
        f" application that serves"
        f" it with {mount}"
    )


def _limits(routing: Routing) -> list[str]:
    named = {"service": routing.service, "version": routing.version, "instance": routing.instance}
    return [f"{name}={safe_repr(value)}" for name, value in named.items() if value]


def _nearest(destination: Destination, targets: Targets) -> str:
    """Return a hint about a route that nearly matches, or about the query string."""
    asked_for = [destination.url]
    if destination.app_engine is not None:
        asked_for.insert(0, destination.app_engine.relative_uri)
    near = targets.nearly(destination)
    if near:
        return f" {near}"
    urls = targets.urls()
    if any(normal(url) in map(normal, urls) for url in asked_for):
        return " The script of a route for that URL has ended with then_pass_through()."
    path = wire_url(destination.url).path
    if destination.app_engine is None and path in urls:
        return f" A route for {safe_repr(path)} answers App Engine tasks only; pass the whole URL to route()."
    for url in asked_for:
        without_query, mark, _ = url.partition("?")
        if mark and without_query in urls:
            return f" The query string counts: a route for '{without_query}*' matches any."
    base = next(
        (
            candidate
            for candidate in urls
            if candidate.endswith("/") and any(url.startswith(candidate) for url in asked_for)
        ),
        None,
    )
    if base is not None:
        return f" A route matches whole URLs: one for '{base}*' matches all below."
    return next(filter(None, (did_you_mean(url, urls) for url in asked_for)), "")
