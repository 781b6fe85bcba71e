"""The ledger as tables of its page in the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .reading import Chapter, Entry, Evidence, chapters, open_questions, recorded_exceptions, sources

_EVIDENCE = {
    Evidence.RECORDED: "recorded from the real service",
    Evidence.DOCUMENTED: "said by Google's documentation",
    Evidence.REPORTED: "quoted or told in public",
    Evidence.INFERRED: "concluded from what is known",
    Evidence.OUR_CHOICE: "left open by all sources, and decided here",
}


_HEADING = "## The ledger\n\n"


def renewed(page: str) -> str:
    """Return the text of a page with the tables of today's ledger after the heading "The ledger"."""
    introduction, heading, _ = page.partition(_HEADING)
    if not heading:
        raise ValueError(f"The page has no heading {_HEADING.strip()!r}, after which the tables go.")
    return f"{introduction}{heading}{markdown()}\n"


def markdown() -> str:
    """All entries as tables, a chapter each."""
    found = chapters()
    lines = [_count(found), ""]
    lines += [f"- *{evidence.value}*: {meaning}" for evidence, meaning in _EVIDENCE.items()]
    lines += ["", f"Sources: {_sources()}."]
    for chapter in found:
        lines += ["", f"## {chapter.subject}", "", "| behaviour | evidence | source | option | case |"]
        lines.append("|---|---|---|---|---|")
        for entry in chapter.entries:
            behaviour = _escaped(f"{entry.behaviour}{_answer(entry)}")
            if entry.not_modelled:
                behaviour += f"<br>*{_escaped(entry.not_modelled)}*"
            option = f"`{entry.option}`" if entry.option else ""
            case = "; ".join(_proofs(entry)) or "none"
            lines.append(f"| {behaviour} | {entry.evidence.value} | {_escaped(entry.source)} | {option} | {case} |")
    lines += ["", "## Recorded cases that can't hold everywhere", "", "| cases | way | reason |", "|---|---|---|"]
    for group in recorded_exceptions():
        lines.append(f"| {', '.join(_left_out(group.cases))} | {', '.join(group.ways)} | {group.reason} |")
    lines += ["", "## Open questions", "", "No source settles these. A user with a project could."]
    lines += ["", "| question | what the fake does | how to settle it |", "|---|---|---|"]
    for one in open_questions():
        lines.append(f"| {one.question} | {f'`{one.entry}`' if one.entry else ''} | {one.settle} |")
    return "\n".join(lines)


def _left_out(cases: Mapping[str, Sequence[int]]) -> Iterator[str]:
    for case, steps in cases.items():
        yield f"{case} (steps {', '.join(map(str, steps))})" if steps else case


def _count(found: Sequence[Chapter]) -> str:
    all_entries = [entry for chapter in found for entry in chapter.entries]
    counts = Counter(entry.evidence for entry in all_entries if entry.is_proven)
    kinds = ", ".join(f"{counts[evidence]} {evidence.value}" for evidence in Evidence)
    cases = sum(len(entry.cases) for entry in all_entries)
    recorded = len({name for entry in all_entries for name in entry.recorded})
    proofs = f"{cases} cases and {recorded} recorded cases" if recorded else f"{cases} cases"
    left_out = sum(not entry.is_proven for entry in all_entries)
    return f"{sum(counts.values())} behaviours ({kinds}) with {proofs}, and {left_out} that are not modelled."


def _sources() -> str:
    return "; ".join(f"{letter}: {meaning}" for letter, meaning in sources().items())


def _answer(entry: Entry) -> str:
    """The code of the first refusal among the cases, as an arrow to it."""
    expected = (step["expect"] for case in entry.cases for step in case.steps if "expect" in step)
    codes = [one["code"] for one in expected if one.get("code", "OK") != "OK"]
    if entry.row is None:
        return ""
    return f" → {codes[0]}{', in our words' if entry.words_are_ours else ''}" if codes else " → OK" * bool(entry.cases)


def _proofs(entry: Entry) -> Iterator[str]:
    if entry.cases:
        yield f"`{entry.id}` ({len(entry.cases)})"
    if entry.recorded:
        yield f"recorded: {', '.join(entry.recorded)}"
    if entry.tests:
        yield f"`{entry.tests}`"


def _escaped(words: str) -> str:
    return words.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
