"""The timeline: everything that happened, as offsets of the queue's time. Byte for byte the same in every run."""

from __future__ import annotations

from collections.abc import Iterator

from .._model import names
from .._model.attempt import OutcomeKind
from .._model.backoff import GiveUp, Retry
from .._model.events import Event, EventKind
from .._model.task import PullMessage, Task, TaskState
from .._model.units import DAY
from .._targets.request import url_of
from .durations import duration_text, offset_text
from .records import contents, short_name
from .world import Note, World

_QUEUE_TEXTS = {
    EventKind.QUEUE_CREATED: "created",
    EventKind.QUEUE_UPDATED: "updated",
    EventKind.QUEUE_PAUSED: "paused",
    EventKind.QUEUE_RESUMED: "resumed",
    EventKind.QUEUE_DISABLED: "disabled",
    EventKind.QUEUE_PURGED: "purged",
    EventKind.QUEUE_DELETED: "deleted",
}
_PULL_TEXTS = {
    EventKind.TASK_LEASED: "leased",
    EventKind.TASK_ACKNOWLEDGED: "acknowledged",
    EventKind.TASK_LEASES_EXHAUSTED: "exhausted: it was leased max_attempts times",
    EventKind.LEASE_RENEWED: "lease renewed",
    EventKind.LEASE_CANCELLED: "lease cancelled",
}
_GONE = {
    TaskState.SUCCEEDED: "the task had succeeded",
    TaskState.EXHAUSTED: "the task had no retry left",
    TaskState.EXPIRED: "the task had expired",
    TaskState.DELETED: "the task was deleted",
}


def timeline_text(world: World) -> str:
    """One line an event: the offset from first contact, the queue or task, and what happened to it."""
    lines = list(_lines(world))
    if not lines:
        return "nothing has happened yet"
    width = max(len(offset) for offset, _ in lines)
    return "\n".join(f"{offset:<{width}}  {text}" for offset, text in lines)


def _lines(world: World) -> Iterator[tuple[str, str]]:
    origins = iter(world.origins)
    coming = next(origins, None)
    origin = 0
    notes = iter(world.notes)
    note = next(notes, None)
    events = world.service.events
    for index, event in enumerate(events):
        while coming is not None and coming.event <= index:
            if index:
                yield offset_text(coming.elapsed), "the test's clock was set anew"
            origin, coming = coming.instant, next(origins, None)
        while note is not None and note.event <= index:
            yield _note(note)
            note = next(notes, None)
        if _is_told_by_its_answer(event):
            continue
        yield offset_text(event.at - origin), _text(event, origin)
    while note is not None:
        yield _note(note)
        note = next(notes, None)


def _note(note: Note) -> tuple[str, str]:
    return offset_text(note.offset), note.text if note.task is None else f"{short_name(note.task)} {note.text}"


def _is_told_by_its_answer(event: Event) -> bool:
    """A dispatch that was answered at once needs no line of its own."""
    attempt = event.attempt
    return (
        event.kind is EventKind.TASK_DISPATCHED
        and attempt is not None
        and attempt.response_time == attempt.dispatch_time
    )


def _text(event: Event, origin: int) -> str:
    task = event.task
    if task is None:
        return f"queue {names.short(event.queue_name)} {_QUEUE_TEXTS[event.kind]}"
    name = short_name(task)
    if event.kind is EventKind.TASK_CREATED:
        due = task.initial_schedule_time - event.at
        when = f", scheduled for {offset_text(task.initial_schedule_time - origin)}" if due > 0 else ""
        return f"{name} created: {_carried(task)}{when}"
    if event.kind is EventKind.TASK_DELETED:
        return f"{name} deleted"
    if event.kind is EventKind.TASK_EXPIRED:
        assert event.until is not None, "a retention has an end"
        return f"{name} expired: its retention of {(event.until - task.create_time) / DAY:g} days is over"
    if event.kind in _PULL_TEXTS:
        until = "" if event.until is None else f" until {offset_text(event.until - origin)}"
        return f"{name} {_PULL_TEXTS[event.kind]}{until}"
    return f"{name} {_attempt_text(event)}"


def _carried(task: Task) -> str:
    """What a task carries, with the whole URL that it goes to."""
    target = task.target
    return contents(task) if isinstance(target, PullMessage) else f"{target.method} {url_of(target)}"


def _attempt_text(event: Event) -> str:
    attempt = event.attempt
    assert attempt is not None, "dispatches and answers belong to an attempt"
    begun = f"attempt {attempt.number}{' (forced)' if attempt.forced else ''}"
    if event.kind is EventKind.TASK_DISPATCHED:
        return f"{begun} dispatched"
    outcome = attempt.outcome
    assert outcome is not None, "an answered attempt has an outcome"
    shown = str(outcome.http_status) if outcome.kind is OutcomeKind.RESPONSE else outcome.rpc_status.name
    took = event.at - attempt.dispatch_time
    lost = f" by lose_answer() in place of {outcome.lost_status}" if outcome.lost_status else ""
    text = f"{begun} → {shown}{lost}{f' after {duration_text(took)}' if took else ''}"
    if event.dropped:
        return f"{text}, dropped: {_GONE[attempt.task.state]}"
    if isinstance(event.verdict, Retry):
        wait = max(0, event.verdict.at - event.at)  # after a RunTask it counts from the call, and may be over
        return f"{text}, retry in {duration_text(wait)}"
    if isinstance(event.verdict, GiveUp):
        return f"{text}, exhausted: {event.verdict.reason}"
    return text
