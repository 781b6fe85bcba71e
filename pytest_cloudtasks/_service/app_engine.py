"""App Engine routing: which host a task is sent to.

The queue's app_engine_routing_override is for all its App Engine tasks, whatever their own routing. Evidence:
documented. That it counts as it stands when the task is dispatched, and that a task which was created under an
override keeps that when the queue has none any more, is our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .request import AppEngineTarget, Routing, Target

OVERRIDE = "app_engine_routing_override"
"""The queue's setting, with the fields of a `Routing`."""


def with_host(routing: Routing, queue_name: str, host_suffix: str) -> Routing:
    """Instance, version, service and project make the host, narrowest first. Evidence: documented, reported."""
    project = queue_name.split("/")[1]
    parts = [routing.instance, routing.version, routing.service, project, host_suffix]
    return Routing(routing.service, routing.version, routing.instance, ".".join(part for part in parts if part))


def override_with_host(given: Mapping[str, str], queue_name: str, host_suffix: str) -> Mapping[str, str]:
    """A queue's override with its host, which is the service's to fill in; nothing if it overrides nothing."""
    fields = {name: given[name] for name in ("service", "version", "instance") if given.get(name)}
    if not fields:
        return {}
    return {**fields, "host": with_host(Routing(**fields), queue_name, host_suffix).host}


def at_execution(target: Target, override: Mapping[str, Any] | None) -> Target:
    """What a dispatch sends: ``target`` by the routing of its queue, as it stands then."""
    if not override or not isinstance(target, AppEngineTarget):
        return target
    return AppEngineTarget(target.relative_uri, target.method, target.headers, target.body, Routing(**override))
