"""``python -m benchmarks [module …]``: run all benchmarks, or those of some modules, and print the table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from .measuring import Row

NOT_BENCHMARKS = {"__init__", "__main__", "measuring"}


def modules() -> list[str]:
    """Every module that has benchmarks, which is one that has ``rows()``."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NOT_BENCHMARKS)


def rows_of(wanted: Sequence[str]) -> Iterator[Row]:
    """The rows of these modules, each as soon as it is there."""
    for name in wanted:
        rows = getattr(import_module(f"{__package__}.{name}"), "rows", None)
        if rows is not None:
            yield from rows()


def line_of(row: Row) -> str:
    """A row as a line of a Markdown table."""
    goal = "" if row.goal is None else f"{'≥' if row.is_at_least else '≤'} {_number(row.goal)} {row.unit}"
    verdict = {None: "", True: "met", False: "MISSED"}[row.is_met]
    return f"| {row.what} | {_number(row.measured)} {row.unit} | {goal} | {verdict} | {row.note} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if a goal was missed, so that a script can tell."""
    unknown = sorted(set(arguments) - set(modules()))
    if unknown:
        print(f"There is no benchmark module {', '.join(unknown)}. There are: {', '.join(modules())}.")
        return 2
    print("| what | measured | goal | | note |\n|---|---|---|---|---|")
    missed = 0
    for row in rows_of(arguments or modules()):
        missed += row.is_met is False
        print(line_of(row), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
