"""Which RPC a REST request is: verb and path of every method, for each version of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from .api_versions import TYPES
from .http_rules import BODIES, HTTP_RULES, SECOND_PATHS
from .rpc_table import Method, methods_of


class Route(NamedTuple):
    """What a path leads to."""

    method: Method
    values: Mapping[str, str]
    """Fields that the path has set."""
    body: str | None
    """The field that the body is; "*" for the whole request, None where the query has what the path hasn't."""


class _Rule(NamedTuple):
    verb: str
    pattern: re.Pattern[str]
    fields: tuple[str, ...]
    method: Method

    @property
    def body(self) -> str | None:
        return BODIES.get(self.method.rpc, "*" if self.verb == "POST" else None)


def route_of(verb: str, path: str) -> Route | None:
    """The RPC that a request asks for, by its ``path`` as it came; None for a path that leads nowhere.

    Names may be percent-encoded in whole or in part: no ID has a character that would mean something else then.
    """
    plain = unquote(path)
    for rule in _rules():
        if rule.verb == verb and (match := rule.pattern.fullmatch(plain)) is not None:
            return Route(rule.method, dict(zip(rule.fields, match.groups(), strict=True)), rule.body)
    return None


@cache
def _rules() -> list[_Rule]:
    """Those of all versions; a path with a verb of its own comes before the one of a name that might end so."""
    found = []
    for api in TYPES:
        version, methods = api.rpartition(".")[2], methods_of(api)
        paths = [(rpc, verb, f"/{version}/{template}") for rpc, (verb, template) in HTTP_RULES.items()]
        paths += [(rpc, verb, template.format(version=version)) for rpc, verb, template in SECOND_PATHS]
        paths.sort(key=lambda path: not re.search(r":[a-zA-Z]+$", path[2]))
        found += [
            _Rule(verb.upper(), *_compiled(template), methods[rpc]) for rpc, verb, template in paths if rpc in methods
        ]
    return found


def _compiled(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """A template as an expression with a group for each field."""
    pattern, fields = "", []
    for literal, field, segments in re.findall(r"([^{]+)|\{([^=}]+)=([^}]+)\}", template):
        if field:
            fields.append(field)
            pattern += f"({segments.replace('*', '[^/]+')})"
        else:
            pattern += re.escape(literal)
    return re.compile(pattern), tuple(fields)
