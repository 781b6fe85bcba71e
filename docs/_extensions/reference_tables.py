"""Tables of the reference that are made from the code: fixtures, options, service options and command lines.

A page has a comment ``<!-- table: NAME -->`` where the table goes. The forge doesn't show it; the site has the table.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_cloudtasks import plugin
from pytest_cloudtasks._ledger.reading import entries as every_entry
from pytest_cloudtasks._server.emulator.options import GROUPS, Kind
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._simulation.settings.options import DEFER_CREDENTIALS, OPTIONS
from pytest_cloudtasks._simulation.settings.service_options import SERVICE_CHECKS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACE = re.compile(r"^<!-- table: ([\w-]+) -->$", re.MULTILINE)
TAKES = {"_duration": "duration", "_up_to_a_minute": "duration", "_size": "bytes", "_text": "`str`"}
"""What service options take, by the function that checks them; the others are below."""
TAKES_BY_NAME = {
    "burst_size": "`int`, or a callable",
    "iam_emulation": "`bool`, or a member",
    "iam_roles": "`{role: [permission]}`",
    "system_throttle": '`"none"`, `"simple"`',
}
DEFAULTS = {
    "queue_tombstone_ttl": "7 days",
    "task_tombstone_ttl": "24 hours",
    "burst_size": "from the rate",
    "iam_emulation": "`False`",
    "iam_roles": "none",
    "system_throttle": '`"none"`',
}


def fixtures() -> str:
    """The fixtures of the plugin, by their docstrings."""
    parts = []
    for node in ast.parse(inspect.getsource(plugin)).body:
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(one) for one in node.decorator_list):
            returns = ast.unparse(node.returns or ast.Constant(None))
            kind = re.sub(r"^Iterator\[(.*)\]$", r"\1", returns)
            text = " ".join((ast.get_docstring(node) or "").split())
            parts.append(f"| `{node.name}` | `{kind}` | {text} |")
    return _table("fixture | type | description", parts)


def options() -> str:
    """The options of marker and ini file."""
    rows = [
        f"| `{one.name}` | {one.takes} | {_default(one.default)} | {_escaped(one.help)} |" for one in OPTIONS.values()
    ]
    late = DEFER_CREDENTIALS
    rows.append(f"| `{late.name}` | {late.takes} | `true` | {_escaped(late.help)} |")
    return _table("option | type in a marker | default | meaning", rows)


def service_options() -> str:
    """The options of the modelled service, with their evidence from the ledger."""
    (node,) = (one for one in ast.parse(inspect.getsource(ServiceOptions)).body if isinstance(one, ast.ClassDef))
    meanings = {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in zip(node.body, node.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    rows = []
    for name, default in ServiceOptions._field_defaults.items():
        takes = TAKES_BY_NAME.get(name) or TAKES.get(SERVICE_CHECKS[name].__name__, "`bool`")
        shown = DEFAULTS.get(name) or ("0" if takes == "duration" else f"`{default}`")
        meaning = " ".join(meanings[name].replace("``", "`").split())
        rows.append(f"| `{name}` | {takes} | {shown} | {_escaped(meaning)} | {_evidence(name)} |")
    return _table("service option | type | default | meaning | evidence", rows)


def _evidence(option: str) -> str:
    """How the default is known: the evidence of the first entry that names the option, sentences before requests."""
    entries = [entry for entry in every_entry() if entry.option == option]
    entry = min(entries, key=lambda entry: not entry.is_sentence)
    anchor = re.sub(r"[^\w\- ]", "", entry.subject.lower()).replace(" ", "-")
    return f"[{entry.evidence.value}](fidelity.md#{anchor})"


class _Declared:
    """Stands for pytest's parser, and keeps what is declared on the command line."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def getgroup(self, name: str) -> _Declared:
        """The group of options, which is this."""
        return self

    def addini(self, *args: Any, **settings: Any) -> None:
        """An option of the ini file, which has a table of its own."""

    def addoption(self, flag: str, **settings: Any) -> None:
        """An option of the command line."""
        value = settings.get("metavar") or "|".join(settings.get("choices", ()))
        self.rows.append(f"| `{_escaped(f'{flag}={value}' if value else flag)}` | {_escaped(settings['help'])} |")


def command_line() -> str:
    """The options that pytest has on the command line."""
    declared: Any = _Declared()
    plugin.pytest_addoption(declared)
    return _table("option | meaning", declared.rows)


def serve_options() -> str:
    """The options of ``serve``."""
    rows = []
    for heading, group in GROUPS.items():
        rows.append(f"| **{heading}** | | |")
        for one in group:
            value = "" if one.kind is Kind.SWITCH else f" {one.metavar or '|'.join(one.choices or (one.name.upper(),))}"
            rows.append(f"| `{_escaped(f'{one.flag}{value}')}` | `{one.variable}` | {_escaped(one.help)} |")
    return _table("option | environment variable | meaning", rows)


def timeline() -> str:
    """The keys of the timeline as data, from its schema."""
    schema = json.loads((Path(__file__).parents[1] / "timeline.schema.json").read_text("utf-8"))
    keys = schema["items"]["properties"]
    events = "|".join(sorted(keys["event"]["enum"], key=len, reverse=True))
    rows = []
    for key, value in keys.items():
        text = re.sub(rf"\b({events})\b(?=[,:])", r"`\1`", value["description"])
        rows.append(f"| `{key}` | {_escaped(text)} |")
    return _table("key | value", rows)


TABLES: dict[str, Callable[[], str]] = {
    "fixtures": fixtures,
    "options": options,
    "service-options": service_options,
    "command-line": command_line,
    "serve-options": serve_options,
    "timeline": timeline,
}


def _table(headings: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {headings} |", f"|{'---|' * (headings.count('|') + 1)}", *rows])


def _default(value: object) -> str:
    if value is None or value in ((), {}):
        return "none"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def filled(text: str) -> str:
    """Return the text of a page with its tables."""
    return PLACE.sub(lambda place: TABLES[place[1]](), text)


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the tables into a page."""
    source[0] = filled(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
