"""The page on properties tells the stories that Hypothesis finds in the careless workers of its example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import FENCE, ROOT

PAGE = ROOT / "docs" / "properties.md"
STORY = re.compile(r"^-+ Cloud Tasks timeline -+\n(?P<text>.*?\n)\n", re.MULTILINE | re.DOTALL)


def run(tmp_path: Path, seed: int) -> str:
    """What pytest prints of the careless workers, without examples of an earlier run."""
    arguments = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:randomly", f"--hypothesis-seed={seed}")
    result = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pytest", *arguments, "examples/properties", "--careless"],
        cwd=ROOT,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert "3 failed" in result.stdout, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("seed", [0, 1])
def test_the_stories_are_those_that_a_run_prints(tmp_path: Path, seed: int) -> None:
    """Each careless worker is found with default settings, and its story is shrunk to the one that is shown."""
    shown = [found["text"] for found in FENCE.finditer(PAGE.read_text("utf-8")) if found["language"] == "text"]

    printed = run(tmp_path, seed)

    assert [found["text"] for found in STORY.finditer(printed)] == shown[:3]
    assert printed.count(shown[3]) == 3
