"""The ledger as users see it: in a terminal, and on its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cloudtasks._ledger import printing
from pytest_cloudtasks._ledger.reading import Evidence, entries, open_questions, recorded_exceptions, sources

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def test_the_page_is_the_ledger() -> None:
    """After its introduction the page has the tables that the option prints; CONTRIBUTING.md says how to renew it."""
    introduction, mark, tables = PAGE.read_text(encoding="utf-8").partition("## The ledger\n\n")
    assert introduction.startswith("# Fidelity\n")
    assert mark
    assert tables == printing.markdown() + "\n"


def test_the_text_has_every_entry_on_lines_of_its_own() -> None:
    """Behaviour, evidence, source, knob and case of each are there, within the width."""
    lines = printing.text(80).splitlines()
    assert max(map(len, lines)) <= 80
    words = " ".join(" ".join(lines).split())
    for entry in entries():
        assert " ".join(f"{entry.evidence.value} {entry.behaviour}".split()) in words
        assert entry.not_modelled is None or " ".join(entry.not_modelled.split()) in words
        assert not entry.recorded or f"recorded as {', '.join(entry.recorded)}" in words
    assert all(f"{letter}: " in words for letter in sources())
    assert all(one.question in words and one.settle in words for one in open_questions())
    assert all(group.reason in words for group in recorded_exceptions())


def test_the_first_line_counts() -> None:
    """How many behaviours there are, by evidence, and how many cases."""
    proven = [entry for entry in entries() if entry.is_proven]
    first = printing.text(1000).splitlines()[0]
    assert first.startswith(f"{len(proven)} behaviours (")
    for evidence in Evidence:
        assert f"{sum(entry.evidence is evidence for entry in proven)} {evidence.value}" in first


@pytest.mark.parametrize(
    ("option", "form"), [("--cloud-tasks-fidelity", "text"), ("--cloud-tasks-fidelity=markdown", "markdown")]
)
def test_the_option_prints_and_runs_no_test(pytester: pytest.Pytester, option: str, form: str) -> None:
    """The ledger is all that is printed, and the exit code is that of success."""
    pytester.makepyfile("def test_it(): assert False")
    result = pytester.runpytest(option)
    assert result.ret == 0
    assert "\n".join(result.outlines).startswith(getattr(printing, form)())
    assert "passed" not in result.stdout.str().splitlines()[-1]
    assert "failed" not in result.stdout.str().splitlines()[-1]
