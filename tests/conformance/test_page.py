"""The ledger as users see it: the tables of its page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import pytest

from pytest_cloudtasks._ledger.page import markdown, renewed
from pytest_cloudtasks._ledger.reading import Entry, Evidence, entries, open_questions, sources
from tests.each import each

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


def test_every_entry_has_a_line() -> None:
    """Behaviour, evidence and recorded cases of each are there, and so are the sources and the open questions."""
    lines = markdown().splitlines()
    for entry in entries():
        *call, words = [entry.behaviour] if entry.is_sentence else entry.behaviour.split(": ", 1)
        line = next(line for line in lines if all(part in line for part in (*call, _escaped(words))))
        assert entry.evidence.value in line
        assert all(f"[{case}](../tests/data/recorded_2026/" in line for case in entry.recorded)
        assert not entry.not_modelled or _escaped(entry.not_modelled) in line
        assert not entry.option or f"option `{entry.option}`" in line
    text = "\n".join(lines)
    assert all(source.meaning in text for source in sources().values())
    assert all(one.question in text and one.settle in text for one in open_questions())


def test_a_source_is_a_link() -> None:
    """Recorded cases lead to the recordings, issues to the issue, and other sources to where they are published."""
    text = markdown()
    assert "[queues-01](../tests/data/recorded_2026/queues.json#queues-01)" in text
    assert "[googleapis/google-cloud-go#1577](https://github.com/googleapis/google-cloud-go/issues/1577)" in text
    assert "[client library](https://cloud.google.com/python/docs/reference/cloudtasks/latest)" in text


def test_a_request_shows_its_answer() -> None:
    """A row has the codes of its cases, or the entry's own answer; a text that isn't Google's is marked."""
    rows = markdown().splitlines()
    assert "| CreateQueue | a queue of this name exists | ALREADY_EXISTS | " in _row(
        rows, "a queue of this name exists"
    )
    assert " | INVALID_ARGUMENT or PERMISSION_DENIED | " in _row(rows, "the project's ID is empty")
    assert " | INVALID_ARGUMENT | " in _row(rows, "requests is empty")
    assert " | RESOURCE_EXHAUSTED, text ours | " in _row(rows, "the project has 1,000 queues")


@each("entry", [entry for entry in entries() if "the delays are" in entry.behaviour], ids=attrgetter("id"))
def test_a_sentence_about_delays_has_those_of_its_case(entry: Entry) -> None:
    """They are the differences between the dispatches that the case expects."""
    numbers = re.findall(r"[\d.]+(?=,| s and so on)", entry.behaviour.partition("the delays are")[2])
    (drained,) = (step for step in entry.cases[0].steps if "drain" in step)
    instants = [attempt["dispatched"] for attempt in drained["expect"]["attempts"]]
    delays = [round(after - before, 4) for before, after in pairwise(instants)]
    assert [float(number) for number in numbers] == delays[: len(numbers)]


def test_the_first_table_counts() -> None:
    """How many behaviours there are, by subject and evidence."""
    proven = [entry for entry in entries() if entry.is_proven]
    total = next(line for line in markdown().splitlines() if line.startswith("| **all** |"))
    counts = [sum(entry.evidence is evidence for entry in proven) for evidence in Evidence]
    assert total == f"| **all** | {' | '.join(f'**{count}**' for count in counts)} |"


def _row(rows: list[str], request: str) -> str:
    (row,) = (row for row in rows if f" | {request}" in row)
    return row


def _escaped(words: str) -> str:
    return words.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
