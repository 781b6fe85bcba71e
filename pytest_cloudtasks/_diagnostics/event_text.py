"""What happened, in words: one entry of the timeline, without its offset."""

from __future__ import annotations

from .._service.events import Event, EventKind
from .._service.request import PullMessage
from .._service.retry import GiveUp, Retry
from .._service.task import Attempt, TaskState
from .._service.validation import id_of
from .._simulation.duration_text import duration_text, offset_text
from .._simulation.notes import Note, Origin
from .._simulation.records import contents, short_name
from .._targets.request import url_of
from .._units import DAY
from .history import Entry

QUEUE_TEXTS = {
    EventKind.QUEUE_CREATED: "created",
    EventKind.QUEUE_UPDATED: "updated",
    EventKind.QUEUE_PAUSED: "paused",
    EventKind.QUEUE_RESUMED: "resumed",
    EventKind.QUEUE_DISABLED: "disabled",
    EventKind.QUEUE_PURGED: "purged",
    EventKind.QUEUE_DELETED: "deleted",
}
"""What happened to a queue."""
_TASK_TEXTS = {
    EventKind.TASK_DELETED: "deleted",
    EventKind.TASK_LEASED: "leased",
    EventKind.LEASE_RENEWED: "lease renewed",
    EventKind.LEASE_CANCELLED: "lease cancelled",
    EventKind.TASK_ACKNOWLEDGED: "acknowledged",
    EventKind.TASK_LEASES_EXHAUSTED: "exhausted: it was leased max_attempts times",
}
_GONE = {
    TaskState.SUCCEEDED: "the task had succeeded",
    TaskState.EXHAUSTED: "the task had no retry left",
    TaskState.EXPIRED: "the task had expired",
    TaskState.DELETED: "the task was deleted",
}


def entry_text(entry: Entry) -> str:
    """The queue or the task, and what happened to it."""
    what = entry.what
    if isinstance(what, Event):
        return _event_text(what, entry.instant - entry.offset)
    if isinstance(what, Note):
        return what.text if what.task is None else f"{short_name(what.task)} {what.text}"
    if isinstance(what, Origin):
        return "the test's clock was set anew"
    until = f", the last at {offset_text(what.last)}" if what.last != entry.offset else ""
    return f"{what.text}{until}"


def _event_text(event: Event, origin: int) -> str:
    task = event.task
    if task is None:
        return f"queue {id_of(event.queue_name)} {QUEUE_TEXTS[event.kind]}"
    name = short_name(task)
    if event.kind is EventKind.TASK_CREATED:
        target = task.target
        what = contents(task) if isinstance(target, PullMessage) else f"{target.method} {url_of(target)}"
        due = task.initial_schedule_time - event.at
        when = f", scheduled for {offset_text(task.initial_schedule_time - origin)}" if due > 0 else ""
        return f"{name} created: {what}{when}"
    if event.kind is EventKind.TASK_EXPIRED:
        assert event.until is not None, "a retention has an end"
        return f"{name} expired: its retention of {(event.until - task.create_time) / DAY:g} days is over"
    if event.kind in _TASK_TEXTS:
        until = "" if event.until is None else f" until {offset_text(event.until - origin)}"
        return f"{name} {_TASK_TEXTS[event.kind]}{until}"
    assert event.attempt is not None, "dispatches and answers belong to an attempt"
    return f"{name} {_attempt_text(event, event.attempt)}"


def _attempt_text(event: Event, attempt: Attempt) -> str:
    begun = f"attempt {attempt.number}{' (forced)' if attempt.forced else ''}"
    outcome = attempt.outcome
    if event.kind is EventKind.TASK_DISPATCHED or outcome is None:
        return f"{begun} dispatched"
    took = event.at - attempt.dispatch_time
    lost = f" by lose_handler_response() in place of {outcome.lost_status}" if outcome.lost_status else ""
    text = f"{begun} → {outcome.result}{lost}{f' after {duration_text(took)}' if took else ''}"
    if event.dropped:
        return f"{text}, dropped: {_GONE[attempt.task.state]}"
    if isinstance(event.verdict, Retry):
        wait = max(0, event.verdict.at - event.at)  # after a RunTask it counts from the call, and may be over
        return f"{text}, retry in {duration_text(wait)}"
    if isinstance(event.verdict, GiveUp):
        return f"{text}, exhausted: {event.verdict.reason}"
    return text
