"""How much of the package its tests run, by the line and by the branch; less than is promised fails.

    python .ci/covered.py                  # first each part by its own tests alone, then everything by the suite
    python .ci/covered.py _service _time     # these, by their own tests
    python .ci/covered.py suite            # everything, by the suite

The model and the edges are run whole, by either; of the rest it says what is left. The tests run in processes of their
own, which begin with coverage: pytest imports the package as its plugin before a plugin of its own could measure that.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "pytest_cloudtasks"

OWN_TESTS = {
    "_service": ["tests/service"],
    "_time": ["tests/time"],
    "_targets": ["tests/targets"],
    "_messages": ["tests/messages", "tests/clients", "tests/legacy", "tests/server"],
    "_clients": ["tests/clients", "tests/legacy", "tests/server"],
}
"""Who has to run all of which part."""


def files_of(*parts: str) -> str:
    """The parts' files, as coverage takes them."""
    return ",".join(f"*/{PACKAGE}/{part}/*" for part in parts)


def coverage(*arguments: str) -> bool:
    """Whether ``python -m coverage`` with them went well."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode == 0


def measured(*arguments: str) -> bool:
    """Whether the tests pass; what they have run is what is reported next."""
    passed = coverage("run", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", *arguments)
    return coverage("combine", "-q") and passed


def by_own_tests(part: str) -> bool:
    """Whether the tests of ``part`` pass, and run all of it."""
    print(f"\n=== {part}, by {', '.join(OWN_TESTS[part])}", flush=True)
    passed = measured(*OWN_TESTS[part])
    return coverage("report", f"--include={files_of(part)}", "--fail-under=100") and passed


def by_the_suite() -> bool:
    """Whether the suite passes, and runs all of the model and the edges."""
    print("\n=== everything, by the suite", flush=True)
    passed = measured()
    coverage("report", f"--omit={files_of(*OWN_TESTS)}")
    return coverage("report", f"--include={files_of(*OWN_TESTS)}", "--fail-under=100") and passed


def main(asked: list[str]) -> int:
    """The exit code: 0 if all that was asked for went well."""
    if unknown := set(asked) - {*OWN_TESTS, "suite"}:
        print(f"There is no {', '.join(sorted(unknown))} here; there is {', '.join(OWN_TESTS)}, and suite.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COVERAGE_FILE"] = str(Path(folder) / "data")
        went_well = [by_the_suite() if one == "suite" else by_own_tests(one) for one in asked or [*OWN_TESTS, "suite"]]
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
