"""The page on failures shows what pytest prints: each ``py`` block is a test that fails with the text below it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import RunPytest
from .test_docs import CONFIGURATION, FENCE, ROOT, write_blocks

PAGE = ROOT / "docs" / "failures.md"
FENCES = [(found["language"], found["text"]) for found in FENCE.finditer(PAGE.read_text("utf-8"))]
FAILURES = [(text, FENCES[index + 1]) for index, (language, text) in enumerate(FENCES) if language == "py"]


@pytest.mark.parametrize(("test", "shown"), FAILURES)
def test_failures_are_printed_as_shown(
    test: str, shown: tuple[str, str], tmp_path: Path, run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal of 100 columns, with every line of the explanation."""
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "pytest.ini").write_text(CONFIGURATION, "utf-8")
    write_blocks(PAGE, tmp_path)
    (tmp_path / "test_failure.py").write_text(test, "utf-8")

    result = run_pytest(tmp_path, "-vv", "--color=no")

    printed = [line.rstrip() for line in result.outlines if line.startswith("E ")]
    assert shown == ("text", "\n".join([*printed, ""]))


def test_the_page_shows_failures() -> None:
    """There are some."""
    assert len(FAILURES) == 4
