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
    custom_verb: str
    """What follows the path's last colon: ``pause``; "" for none."""
    fields: tuple[str, ...]
    method: Method

    @property
    def body(self) -> str | None:
        return BODIES.get(self.method.rpc, "*" if self.verb == "POST" else None)


def route_of(verb: str, path: str) -> Route | None:
    """Return the RPC that a request asks for, by its ``path`` as it came; None for a path that leads nowhere.

    Names may be percent-encoded in whole or in part: no ID has a character that would mean something else then. A colon
    with the custom verb of any RPC is none of a name. Evidence: recorded (rest-11).
    """
    name, colon, custom_verb = path.rpartition(":")
    if not colon or custom_verb not in _custom_verbs():
        name, custom_verb = path, ""
    plain = unquote(name)
    for rule in _rules():
        if rule.verb == verb and rule.custom_verb == custom_verb and (match := rule.pattern.fullmatch(plain)):
            return Route(rule.method, dict(zip(rule.fields, match.groups(), strict=True)), rule.body)
    return None


@cache
def _custom_verbs() -> frozenset[str]:
    return frozenset(rule.custom_verb for rule in _rules()) - {""}


@cache
def _rules() -> list[_Rule]:
    """Those of all versions."""
    found = []
    for api in TYPES:
        version, methods = api.rpartition(".")[2], methods_of(api)
        paths = [(rpc, verb, f"/{version}/{template}") for rpc, (verb, template) in HTTP_RULES.items()]
        paths += [(rpc, verb, template.format(version=version)) for rpc, verb, template in SECOND_PATHS]
        for rpc, verb, template in paths:
            if rpc in methods:
                path, _, custom_verb = template.partition(":")
                found.append(_Rule(verb.upper(), *_compiled(path, custom_verb), methods[rpc]))
    return found


def _compiled(template: str, custom_verb: str) -> tuple[re.Pattern[str], str, tuple[str, ...]]:
    """A template as an expression with a group for each field, its custom verb, and the fields."""
    pattern, fields = "", []
    for literal, field, segments in re.findall(r"([^{]+)|\{([^=}]+)=([^}]+)\}", template):
        if field:
            fields.append(field)
            pattern += f"({segments.replace('*', '[^/]+')})"
        else:
            pattern += re.escape(literal)
    return re.compile(pattern), custom_verb, tuple(fields)
