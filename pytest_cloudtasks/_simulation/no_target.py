"""The message for a task that has nowhere to go."""

from __future__ import annotations

from .._service.request import Routing
from .._targets.base import Destination
from .._targets.registry import Targets
from .._targets.urls import normal
from .._text import did_you_mean, safe_repr
from .exceptions import NoTarget


def no_target(what: str, destination: Destination, targets: Targets) -> NoTarget:
    """``what`` says which task; then come its URL, what may have been meant, the targets, and what to add."""
    known = targets.describe()
    shown = "".join(f"\n  {one}" for one in known) if known else " none"
    return NoTarget(
        f"{what}: {destination.method} {destination.url}.{_nearest(destination, targets.urls())}"
        f"\nTargets of this test:{shown}\nAdd one with {_proposal(destination)}. Nothing was sent."
    )


def _proposal(destination: Destination) -> str:
    if destination.app_engine is None:
        return (
            f"cloud_tasks.route({safe_repr(destination.url)}), or mount the application that serves it with"
            " cloud_tasks.mount(base_url, app)"
        )
    mount = f"cloud_tasks.mount_app_engine({', '.join(['app', *_limits(destination.app_engine.routing)])})"
    return (
        f"cloud_tasks.route({safe_repr(destination.app_engine.relative_uri)}), or mount the App Engine"
        f" application that serves"
        f" it with {mount}"
    )


def _limits(routing: Routing) -> list[str]:
    given = {"service": routing.service, "version": routing.version, "instance": routing.instance}
    return [f"{name}={safe_repr(value)}" for name, value in given.items() if value]


def _nearest(destination: Destination, urls: list[str]) -> str:
    """The URL that was meant, or the hint that a route's URL counts with its query string."""
    asked_for = [destination.url]
    if destination.app_engine is not None:
        asked_for.insert(0, destination.app_engine.relative_uri)
    if any(normal(url) in map(normal, urls) for url in asked_for):
        return (
            " A route for that URL is there, and does not take the task: for its method, its queue, or a"
            " then_pass_through() at the end of its script."
        )
    for url in asked_for:
        without_query, mark, _ = url.partition("?")
        if mark and without_query in urls:
            return f" The query string counts: a route for '{without_query}*' answers with any."
    return next(filter(None, (did_you_mean(url, urls) for url in asked_for)), "")
