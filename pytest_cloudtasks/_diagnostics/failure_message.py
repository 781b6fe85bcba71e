"""The texts of failed assertions: what was expected, what is there, nearest first, the timeline, and hints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._messages import api_versions
from .._messages.proto import proto_of
from .._messages.rpc_call import IncomingCall
from .._service.task import Task
from .._service.validation import queue_of
from .._simulation.exceptions import CloudTasksAssertionError
from .._simulation.formatting import ABSENT, shown
from .._simulation.history import History
from .._simulation.matching.match import Difference, Match
from .._simulation.matching.values import error_of
from .._simulation.records import TaskRecord, contents, model_task, short_name
from .._text import counted, error_text, shortened
from .diff import in_detail, likeness, side_by_side, values_that_differ
from .hints import Situation, hints
from .rejections import rejection_text
from .timeline import indented_excerpt

NEAREST = 3
"""How many tasks that don't match a message shows."""
SHOWN = 5
"""How many tasks of a plain list."""


def unmet(situation: Situation, *, where: str, since: int) -> CloudTasksAssertionError:
    """What fails an assertion that ``situation.expected`` tasks match, where those of ``situation.found`` do.

    ``where`` says, with ``situation.asserted``, which tasks count. Rejected calls are shown from position ``since`` of
    the history on.
    """
    match, count, found, what = situation.match, situation.expected, situation.found, situation.asserted
    assert match is not None, "it was matched"
    others = situation.others
    like_this = " like this" if match.expected() else ""
    if count == 0:
        headline = f"No task{like_this} was to be {what}{where}"
        others = []
    else:
        were = "was" if count in (1, None) else "were"
        headline = f"{_count_text(count)}{like_this} {were} to be {what}{where}"
    headline = (
        f"{headline[0].upper()}{headline[1:]}, and {len(found) or 'none'} {'was' if len(found) <= 1 else 'were'}."
    )
    none = f"No task was {what}{where or ' in this test'}."
    rejected = rejected_like(match, situation.history, since) if count != 0 else []
    return failed(_explained(headline, match, found, others, none, rejected), situation)


def failed(message: str, situation: Situation) -> CloudTasksAssertionError:
    """A failed assertion: its message, the timeline, and hints at what most likely went wrong."""
    timeline = indented_excerpt(situation.history, situation.service, situation.clock)
    return CloudTasksAssertionError("\n\n".join([message, f"Timeline:\n{timeline}", *hints(situation)]))


def _count_text(count: int | None) -> str:
    """``1 task``, ``3 tasks``, ``at least 1 task``."""
    return "at least 1 task" if count is None else counted(count, "task")


def _explained(
    headline: str,
    match: Match,
    found: Sequence[TaskRecord],
    others: Sequence[TaskRecord],
    none: str,
    rejected: Sequence[str],
) -> str:
    """A message: the headline, what was expected, the tasks that match and those that don't.

    ``none`` is what it says where there are no tasks at all, and ``rejected`` has calls that look alike.
    """
    parts = [headline]
    expected = match.expected()
    if expected:
        parts.append("Expected:\n" + "\n".join(_field(name, value) for name, value in expected.items()))
    if found:
        parts.append(f"{'Matching' if expected else 'There are'}:\n{_tasks(found)}")
    if others:
        parts.append(f"Not matching, nearest first:\n{_nearest(match, others)}")
    elif not found:
        parts.append(none)
    if rejected:
        listing = "\n".join(rejected[:NEAREST]) + _left_out(len(rejected), NEAREST)
        parts.append(f"Refused, so that no task came of it:\n{listing}")
    return "\n\n".join(parts)


def _nearest(match: Match, tasks: Sequence[TaskRecord]) -> str:
    """The tasks that differ in the fewest fields, then in the fewest values, then by the fewest characters."""
    found = []
    for task in tasks:
        differences = match.differences(task)
        details = in_detail(differences)
        found.append(((len(differences), values_that_differ(details), -likeness(details)), details, task))
    found.sort(key=lambda one: one[0])
    shown = "\n".join(_near(task, details) for _, details, task in found[:NEAREST])
    return shown + _left_out(len(found), NEAREST)


def _near(task: TaskRecord, details: Sequence[Difference]) -> str:
    rows = [(one.field, one.expected, one.actual) for one in details]
    raised = [_raised(one) for one in details]
    table = side_by_side(rows, ("expected", "actual"), "    ")
    return "\n".join([f"  {_title(task)}", *table, *filter(None, raised)])


def _raised(difference: Difference) -> str:
    """What became of an expected function that could not say."""
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


def _field(name: str, value: Any) -> str:
    return f"  {name}: {shown(value)}"


_WITH_URL = ("http_request", "app_engine_http_request")
"""What has a URL that an assertion may mean; a task without a target, or for a pull queue, has none."""


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
