"""The ledger as users see it: the tables of its page."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cloudtasks._ledger.page import markdown, renewed
from pytest_cloudtasks._ledger.reading import Evidence, entries, open_questions, recorded_exceptions, sources

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def test_the_page_is_the_ledger() -> None:
    """After its introduction the page has the tables of the ledger; CONTRIBUTING.md says how to renew them."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith("# Fidelity\n")
    assert renewed(page) == page


def test_a_page_without_the_heading_is_rejected() -> None:
    """Nothing of a page is written over that isn't the ledger's."""
    with pytest.raises(ValueError, match="The page has no heading '## The ledger'"):
        renewed("# Fidelity\n")


def test_the_module_renews_the_page(tmp_path: Path) -> None:
    """`python -m pytest_cloudtasks._ledger PAGE` replaces the tables and keeps the introduction."""
    page = Path(shutil.copy(PAGE, tmp_path))
    page.write_text(page.read_text(encoding="utf-8") + "stale\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "pytest_cloudtasks._ledger", str(page)], check=True)
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_every_entry_has_a_row() -> None:
    """Behaviour, evidence and recorded cases of each are there, and so are sources, exceptions and questions."""
    rows = markdown().splitlines()
    for entry in entries():
        row = next(row for row in rows if f"| {entry.evidence.value} |" in row and _escaped(entry.behaviour) in row)
        assert not entry.recorded or f"recorded: {', '.join(entry.recorded)}" in row
    text = "\n".join(rows)
    assert all(f"{letter}: " in text for letter in sources())
    assert all(one.question in text and one.settle in text for one in open_questions())
    assert all(group.reason in text for group in recorded_exceptions())


def test_the_first_line_counts() -> None:
    """How many behaviours there are, by evidence, and how many cases."""
    proven = [entry for entry in entries() if entry.is_proven]
    first = markdown().splitlines()[0]
    assert first.startswith(f"{len(proven)} behaviours (")
    for evidence in Evidence:
        assert f"{sum(entry.evidence is evidence for entry in proven)} {evidence.value}" in first


def _escaped(words: str) -> str:
    return words.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
