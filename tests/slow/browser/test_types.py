"""Tests of the scripts' types, which TypeScript reads from JSDoc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import pytest_cloudtasks

TYPESCRIPT = "typescript@5.9"
CONFIGS = sorted(Path(pytest_cloudtasks.__file__).parent.rglob("tsconfig.json"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.parts[-3])
def test_scripts_have_their_types(config: Path) -> None:
    """TypeScript finds no type errors in the scripts."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("There is no npx on this machine, which brings TypeScript. Install Node to run this test.")
    command = [npx, "--yes", f"--package={TYPESCRIPT}", "--", "tsc", "--project", str(config)]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.stdout == ""
    assert done.returncode == 0, done.stderr
