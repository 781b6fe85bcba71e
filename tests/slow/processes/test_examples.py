"""The examples pass as a reader runs them: each in a pytest of its own, by its own configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
STORY = """\
+0:00:00  queue receipts created
+0:00:00  receipts/receipt-42 created: POST https://mailer.test/send
+0:00:00  receipts/receipt-42 attempt 1 → 503, retry in 10 s
+0:00:10  receipts/receipt-42 attempt 2 → 503, retry in 20 s
+0:00:30  receipts/receipt-42 attempt 3 → 200
"""


def run_pytest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Pytest in a process of its own, as the README starts it."""
    command = [
        sys.executable,
        "-X",
        "utf8",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        *map(str, arguments),
    ]
    return subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("example", sorted(one.name for one in EXAMPLES.iterdir() if one.is_dir()))
def test_example_passes(example: str) -> None:
    """Every example passes, without a warning but for two: Google's about an old Python, and Django's connections.

    Django leaves those of the threads of an ASGI application to the garbage collector, and Python 3.13 says so.
    """
    ignored = ("-W", "ignore:You are using a:FutureWarning", "-W", "ignore:unclosed database:ResourceWarning")
    result = run_pytest("-W", "error", *ignored, EXAMPLES / example)

    assert result.returncode == 0, result.stdout + result.stderr


def test_quickstart_prints_its_timeline() -> None:
    """The quickstart prints the timeline of a test that passed."""
    result = run_pytest(EXAMPLES / "quickstart", "-k", "until_the_mailer_is_back")

    assert STORY in result.stdout
