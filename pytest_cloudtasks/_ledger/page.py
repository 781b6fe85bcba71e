"""The ledger as a page of the documentation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .reading import Chapter, Entry, Evidence, chapters, open_questions, sources

_EVIDENCE = {
    Evidence.RECORDED: "The real service was recorded doing it.",
    Evidence.DOCUMENTED: "Google's documentation says so.",
    Evidence.REPORTED: "Others have quoted or described it in public.",
    Evidence.INFERRED: "It follows from what is known.",
    Evidence.OUR_CHOICE: "All sources leave it open, and this project chose.",
}
_HEADING = "## The ledger\n\n"
_RECORDED = "../tests/data/recorded_2026"
_ISSUE = re.compile(r"(?<![\w/])([\w.-]+/[\w.-]+)#(\d+)")


def renewed(page: str) -> str:
    """Return the text of a page with the current ledger after the heading "The ledger"."""
    introduction, heading, _ = page.partition(_HEADING)
    if not heading:
        raise ValueError(f"The page has no heading {_HEADING.strip()!r}, after which the ledger goes.")
    return f"{introduction}{heading}{markdown()}\n"


def markdown() -> str:
    """Return all entries, a section for each chapter."""
    parts = ["\n".join([*_counts(), "", *_legend()]), *map(_section, chapters()), _questions(), _list_of_sources()]
    return "\n\n".join(parts)


def _counts() -> Iterator[str]:
    """Return a table with the number of entries of each chapter, by evidence."""
    names = [evidence.value for evidence in Evidence]
    yield f"| subject | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    total: Counter[Evidence] = Counter()
    for chapter in chapters():
        counts = Counter(entry.evidence for entry in chapter.entries if entry.is_proven)
        total += counts
        if counts:
            subject = f"[{chapter.subject}](#{_anchor(chapter.subject)})"
            yield f"| {subject} | {' | '.join(str(counts[evidence] or '') for evidence in Evidence)} |"
    yield f"| **all** | {' | '.join(f'**{total[evidence]}**' for evidence in Evidence)} |"


def _legend() -> Iterator[str]:
    for evidence, meaning in _EVIDENCE.items():
        yield f"- **{evidence.value}**: {meaning}"
    yield "\nLinks lead to recorded cases, or else to the [sources](#sources)."
    yield '"Text ours" marks an error of which only the code is known: assert on the exception\'s class there.'


def _list_of_sources() -> str:
    lines = (
        f"- {f'[{source.name}]({source.url})' if source.url else source.name}: {source.meaning}"
        for source in sources().values()
    )
    return "\n".join(["## Sources", "", *lines])


def _section(chapter: Chapter) -> str:
    """Return the chapter's sentences as a list, then its requests and their answers as a table."""
    sentences = [entry for entry in chapter.entries if entry.is_sentence]
    requests = [entry for entry in chapter.entries if not entry.is_sentence and entry.is_proven]
    left_out = [entry for entry in chapter.entries if entry.not_modelled]
    blocks = [f"## {chapter.subject}"]
    if sentences:
        blocks.append("\n".join(f"- {_escaped(entry.behaviour)} ({_evidence(entry)})" for entry in sentences))
    if requests:
        blocks.append(_table("call | request | answer | evidence", map(_request, requests)))
    if left_out:
        blocks.append(_table("call | request | reason | evidence", map(_left_out, left_out)))
    return "\n\n".join(blocks)


def _table(headings: str, rows: Iterator[str]) -> str:
    columns = headings.count("|") + 1
    return "\n".join([f"| {headings} |", f"|{'---|' * columns}", *rows])


def _request(entry: Entry) -> str:
    call, _, request = entry.behaviour.partition(": ")
    answer = " or ".join(_codes(entry))
    if entry.words_are_ours:
        answer += ", text ours"
    return f"| {call} | {_escaped(request)} | {answer} | {_evidence(entry)} |"


def _left_out(entry: Entry) -> str:
    call, _, request = entry.behaviour.partition(": ")
    return f"| {call} | {_escaped(request)} | {_escaped(entry.not_modelled or '')} | {_evidence(entry)} |"


def _codes(entry: Entry) -> list[str]:
    """Return the codes other than OK that the cases expect, or the entry's own code."""
    if entry.answer:
        return [entry.answer]
    expected = (step["expect"] for case in entry.cases for step in case.steps if "expect" in step)
    codes = dict.fromkeys(answer["code"] for answer in expected if answer.get("code", "OK") != "OK")
    return list(codes) or ["OK"]


def _evidence(entry: Entry) -> str:
    """Return the kind of evidence with links to the recorded cases and the sources, and the option that changes it."""
    links = ", ".join(_recorded(entry) if entry.recorded else _sources(entry))
    text = f"{entry.evidence.value}: {links}" if links else entry.evidence.value
    return f"{text}; option `{entry.option}`" if entry.option else text


def _recorded(entry: Entry) -> Iterator[str]:
    for case in entry.recorded:
        file = case.rpartition("-")[0].replace("-", "_")
        yield f"[{case}]({_RECORDED}/{file}.json#{case})"


def _sources(entry: Entry) -> Iterator[str]:
    """Return the sources that a reader can open."""
    for repository, number in _ISSUE.findall(entry.source):
        yield f"[{repository}#{number}](https://github.com/{repository}/issues/{number})"
    for letter in dict.fromkeys(re.findall(r"\b[A-Z]\b", entry.source)):
        source = sources()[letter]
        if source.url:
            yield f"[{source.name}]({source.url})"


def _questions() -> str:
    rows = (f"| {question.question} | {question.settle} |" for question in open_questions())
    introduction = "No source settles these. Anyone with a Google project could."
    return f"## Open questions\n\n{introduction}\n\n{_table('question | how to settle it', rows)}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _escaped(words: str) -> str:
    return words.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
