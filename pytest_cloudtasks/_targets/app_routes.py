"""The routes of an application: what a request could have reached, for a hint about an answer of 404.

Flask, Starlette with FastAPI, and Django are asked by their own public routing, none of which this module imports.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def paths_of(app: Any) -> list[str]:
    """Return the paths of an application's routes, as far as it lists them publicly."""
    try:
        if (rules := getattr(app, "url_map", None)) is not None:
            return [str(rule.rule) for rule in rules.iter_rules()]
        return list(_starlette_paths(getattr(app, "routes", ())))
    except Exception:  # another framework gives these names another meaning
        return []


def _starlette_paths(routes: Iterable[Any], base: str = "") -> Iterator[str]:
    for route in routes:
        path = base + getattr(route, "path", "")
        if hasattr(route, "routes"):
            yield from _starlette_paths(route.routes, path)
        elif hasattr(route, "path"):
            yield path


def has_route(app: Any, host: str, path: str) -> bool | None:
    """Return whether ``app`` has a route for a path, whatever its method; None if that is unknown."""
    try:
        if (rules := getattr(app, "url_map", None)) is not None:
            return _flask_has(rules, host, path)
        if (routes := getattr(app, "routes", None)) is not None:
            headers = [(b"host", host.encode())]
            scope = {"type": "http", "method": "POST", "path": path, "root_path": "", "headers": headers}
            return _starlette_has(routes, scope)
        handlers = sys.modules.get("django.core.handlers.base")
        if handlers is not None and isinstance(app, handlers.BaseHandler):
            return _django_has(path)
    except Exception:  # another framework gives these names another meaning
        return None
    return None


def _flask_has(rules: Any, host: str, path: str) -> bool:
    try:
        rules.bind(host).match(path, method="POST")
    except Exception as error:
        status = getattr(error, "code", None)  # 404, 405, or that of a redirect to a path with a slash
        if status is None:
            raise
        return bool(status != 404)
    return True


def _starlette_has(routes: Iterable[Any], scope: Mapping[str, Any]) -> bool | None:
    for route in routes:
        match, inner = route.matches({**scope})
        if match.name == "NONE":
            continue
        if not hasattr(route, "routes"):
            return True
        # A mount matches whatever is below its path; an application without routes may have anything there.
        return _starlette_has(route.routes, {**scope, **inner}) if route.routes else None
    return False


def _django_has(path: str) -> bool:
    urls = sys.modules["django.urls"]
    try:
        urls.resolve(path)
    except urls.Resolver404:
        return False
    return True
