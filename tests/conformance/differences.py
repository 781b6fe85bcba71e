"""Where what was observed differs from what a case expects, and the table of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .playing import at

PROPERTY = "difference"
"""What a test's report calls a difference that it found."""
Row = tuple[str, str, str, str, str]
"""A difference as a report carries it: case, what, expected, observed, why it is known."""


@dataclass(frozen=True)
class Difference:
    """One value that is not as expected."""

    what: str
    expected: Any
    observed: Any


def differences(
    expected: Mapping[str, Any], observed: Mapping[str, Any], *, code_only: bool = False
) -> Iterator[Difference]:
    """What differs. With ``code_only`` the text of an error is not looked at: it is not the service's own."""
    if "attempts" in expected or "elapsed" in expected:
        yield from _of_deliveries(expected, observed)
        return
    code = expected.get("code", "OK")
    yield from _different("code", code, observed["code"])
    if code != observed["code"]:
        return
    if code != "OK":
        if not code_only:
            yield from _different("message", expected["message"], observed["message"])
        yield from _different("details", expected.get("details", []), observed["details"])
    for path, value in expected.get("fields", {}).items():
        yield from _different(path or "the message", value, at(observed["fields"], path))


def _of_deliveries(expected: Mapping[str, Any], observed: Mapping[str, Any]) -> Iterator[Difference]:
    if "elapsed" in expected:
        yield from _different("elapsed", expected["elapsed"], observed["elapsed"])
    if "attempts" not in expected:
        return
    attempts = observed["attempts"]
    yield from _different("number of attempts", len(expected["attempts"]), len(attempts))
    for number, (one, other) in enumerate(zip(expected["attempts"], attempts, strict=False), 1):
        for key, value in one.items():
            if key == "headers":
                for name, text in value.items():
                    yield from _different(f"attempt {number}, {name}", text, other["headers"].get(name.lower()))
            else:
                yield from _different(f"attempt {number}, {key}", value, other.get(key))


def _different(what: str, expected: Any, observed: Any) -> Iterator[Difference]:
    if isinstance(expected, Mapping) and expected.keys() == {"matches"}:
        agrees = isinstance(observed, str) and re.fullmatch(expected["matches"], observed) is not None
    else:
        agrees = expected == observed
    if not agrees:
        yield Difference(what, expected, observed)


def mutated(value: Any) -> Iterator[Any]:
    """``value`` with one of its leaves changed, for each of its leaves; a list also without its last item."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            for other in mutated(inner):
                yield {**value, key: other}
        if not value:
            yield {"x": "x"}
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            for other in mutated(inner):
                yield [*value[:index], other, *value[index + 1 :]]
        yield value[:-1] if value else ["x"]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
    else:
        yield f"{value}x" if isinstance(value, str) else "x"


def judged(
    case_id: str, found: Sequence[Difference], known: Mapping[str, str], record: Callable[[str, object], None]
) -> None:
    """Fail for differences, but for a case that is known to differ: that one fails if it has none."""
    why = known.get(case_id)
    note = "" if why is None else f"known: {why}"
    for one in found:
        record(PROPERTY, (case_id, one.what, repr(one.expected), repr(one.observed), note))
    if why is not None:
        assert found, f"{case_id} is listed as known to differ ({why}), and differs no more. Take it off the list."
        return
    assert not found, "\n".join(
        table([(case_id, one.what, repr(one.expected), repr(one.observed), "") for one in found])
    )


def table(rows: Iterable[Row]) -> list[str]:
    """Differences as lines of text, a block for each case."""
    lines: list[str] = []
    for case_id, blocks in itertools.groupby(rows, key=lambda row: row[0]):
        for number, (_, what, expected, observed, note) in enumerate(blocks):
            if number == 0:
                lines.append(f"{case_id} ({note})" if note else case_id)
            lines += [f"  {what}", f"    expected {expected}", f"    observed {observed}"]
    return lines
