"""The texts of failed assertions: what was expected, what was found, nearest first, the timeline, and hints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._messages import api_versions
from .._messages.proto import proto_of
from .._messages.rpc_call import IncomingCall
from .._service.task import Task
from .._service.validation import queue_of
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import ABSENT, contents, short_name, shown
from .._simulation.history import History
from .._simulation.matching.match import Difference, Match
from .._simulation.matching.values import error_of
from .._simulation.records import TaskRecord, model_task
from .._text import counted, error_text, shortened
from .diff import in_detail, likeness, side_by_side, values_that_differ
from .hints import Situation, hints
from .rejections import rejection_text
from .secrets import masked_headers, masked_row
from .timeline import indented_excerpt

NEAREST = 3
"""The number of tasks that don't match in a message."""
SHOWN = 5
"""The number of tasks in a plain list."""


def unmet(situation: Situation, *, where: str, since: int) -> CloudTasksAssertionError:
    """Return the error of an assertion that expected ``situation.expected`` tasks and got ``situation.matches``.

    ``where`` and ``situation.asserted`` say in the message which tasks count. Rejected calls are shown from position
    ``since`` of the history on.
    """
    match, count, matches, asserted = situation.match, situation.expected, situation.matches, situation.asserted
    assert match is not None, "it was matched"
    others = situation.others
    if count == 0:
        others = []
    kind = ("matching " if match.expected() else "") + ("dispatched " if asserted == "dispatched" else "")
    headline = f"Expected {_count_text(count, kind)}{where}, found {len(matches) or 'none'}."
    none = f"No task was {asserted}{where or ' in this test'}."
    rejected = rejected_like(match, situation.history, since) if count != 0 else []
    masks = not situation.history.show_secrets
    return failed(_explained(headline, match, matches, others, none, rejected, masks), situation)


def failed(message: str, situation: Situation) -> CloudTasksAssertionError:
    """Return the error of an assertion: its message, the timeline, and hints at what most likely went wrong."""
    timeline = indented_excerpt(situation.history, situation.service, situation.clock)
    return CloudTasksAssertionError("\n\n".join([message, f"Timeline:\n{timeline}", *hints(situation)]))


def _count_text(count: int | None, kind: str) -> str:
    """Return ``1 matching task``, ``3 tasks``, ``no task`` or ``at least 1 task``; ``kind`` comes before the noun."""
    if count == 0:
        return f"no {kind}task"
    return f"at least 1 {kind}task" if count is None else counted(count, f"{kind}task")


def _explained(
    headline: str,
    match: Match,
    matches: Sequence[TaskRecord],
    others: Sequence[TaskRecord],
    none: str,
    rejected: Sequence[str],
    masks: bool,
) -> str:
    """Return a message: the headline, what was expected, the tasks that match and those that don't.

    ``none`` is the text for no tasks at all. ``rejected`` has rejected calls that look alike.
    ``masks`` says that headers that hold secrets are masked.
    """
    parts = [headline]
    expected = match.expected()
    if expected:
        parts.append("Expected:\n" + "\n".join(_field(name, value, masks) for name, value in expected.items()))
    if matches:
        parts.append(f"{'Matching' if expected else 'Found'}:\n{_tasks(matches)}")
    if others:
        parts.append(f"Not matching, nearest first:\n{_nearest(match, others, masks)}")
    elif not matches:
        parts.append(none)
    if rejected:
        listing = "\n".join(rejected[:NEAREST]) + _left_out(len(rejected), NEAREST)
        parts.append(f"Rejected calls that look alike:\n{listing}")
    return "\n\n".join(parts)


def _nearest(match: Match, tasks: Sequence[TaskRecord], masks: bool) -> str:
    """Return the tasks with the fewest different fields, then the fewest different values, then characters."""
    ranked = []
    for task in tasks:
        differences = match.differences(task)
        details = in_detail(differences)
        ranked.append(((len(differences), values_that_differ(details), -likeness(details)), details, task))
    ranked.sort(key=lambda entry: entry[0])
    shown = "\n".join(_near(task, details, masks) for _, details, task in ranked[:NEAREST])
    return shown + _left_out(len(ranked), NEAREST)


def _near(task: TaskRecord, details: Sequence[Difference], masks: bool) -> str:
    rows = [masked_row(*detail) if masks else (detail.field, detail.expected, detail.actual) for detail in details]
    raised = [_raised(detail) for detail in details]
    table = side_by_side(rows, ("expected", "actual"), "    ")
    return "\n".join([f"  {_title(task)}", *table, *filter(None, raised)])


def _raised(difference: Difference) -> str:
    """Return a line about an expected function that raised; "" if it did not."""
    error = None if difference.actual is ABSENT else error_of(difference.expected, difference.actual)
    if error is None:
        return ""
    return f"    {difference.field}: the expected function raised {shortened(error_text(error))}"


def _tasks(tasks: Sequence[TaskRecord]) -> str:
    return "\n".join(f"  {_title(task)}" for task in tasks[:SHOWN]) + _left_out(len(tasks), SHOWN)


def _title(task: TaskRecord) -> str:
    return f"{short_name(model_task(task))}  {contents(model_task(task))}  ({task.state.value})"


def _left_out(total: int, shown: int) -> str:
    return f"\n  … and {total - shown} more" if total > shown else ""


def _field(name: str, value: Any, masks: bool) -> str:
    return f"  {name}: {shown(masked_headers(value) if masks and name == 'headers' else value)}"


_WITH_URL = ("http_request", "app_engine_http_request")
"""The targets with a URL; a task without a target or for a pull queue has none."""


def rejected_like(match: Match, history: History, since: int = 0) -> list[str]:
    """Return texts on rejected calls that look like what ``match`` expects, from position ``since`` on."""
    counts: dict[str, int] = {}
    most = max(1, len(match.expected()) // 2)
    for call, record in _rejected(history, since):
        if len(match.differences(record)) <= most:
            text = f"  {_title_of_rejected(record)}\n    {rejection_text(call)}"
            counts[text] = counts.get(text, 0) + 1
    return [f"{text}{f' (×{count})' if count > 1 else ''}" for text, count in counts.items()]


def _rejected(history: History, since: int) -> Iterator[tuple[IncomingCall, TaskRecord]]:
    for call in history.calls(since):
        if call.method != "create_task" or call.result is not None or not hasattr(call.error, "code"):
            continue
        message = proto_of(call.request.task)
        if message.WhichOneof(message.DESCRIPTOR.oneofs[0].name) not in _WITH_URL:
            continue
        spec = api_versions.v2().messages.task_spec(message)
        assert spec.target is not None, "one of the targets is set"
        task = Task(
            spec.name,
            queue_of(spec.name) or call.request.parent,
            -1,
            spec.target,
            create_time=call.at,
            schedule_time=call.at if spec.schedule_time is None else spec.schedule_time,
            dispatch_deadline=spec.dispatch_deadline,
            retry_config=None,
        )
        yield call, TaskRecord(task, history)


def _title_of_rejected(record: TaskRecord) -> str:
    name = f"{record.queue}/{record.id}" if record.id else f"{record.queue} (unnamed)"
    return f"{name}  {record.method} {record.url}"
