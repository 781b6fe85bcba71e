"""The timeline: everything that happened, as offsets of the queue's time. Byte for byte the same in every run."""

from __future__ import annotations

from collections.abc import Iterator

from .._model import names
from .._model.attempt import OutcomeKind
from .._model.backoff import GiveUp, Retry
from .._model.events import Event, EventKind
from .._model.task import TaskState
from .._targets.request import url_of
from .records import short_name
from .world import World

_QUEUE_TEXTS = {
    EventKind.QUEUE_CREATED: "created",
    EventKind.QUEUE_UPDATED: "updated",
    EventKind.QUEUE_PAUSED: "paused",
    EventKind.QUEUE_RESUMED: "resumed",
    EventKind.QUEUE_PURGED: "purged",
    EventKind.QUEUE_DELETED: "deleted",
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
    events = world.service.events
    for index, event in enumerate(events):
        while coming is not None and coming.event <= index:
            if index:
                yield offset_text(coming.elapsed), "the test's clock was set anew"
            origin, coming = coming.instant, next(origins, None)
        if _is_told_by_its_answer(event):
            continue
        yield offset_text(event.at - origin), _text(event, origin)


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
        return f"{name} created: {task.target.method} {url_of(task.target)}{when}"
    if event.kind is EventKind.TASK_DELETED:
        return f"{name} deleted"
    if event.kind is EventKind.TASK_EXPIRED:
        return f"{name} expired: its retention of 31 days is over"
    return f"{name} {_attempt_text(event)}"


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
    text = f"{begun} → {shown}{f' after {duration_text(took)}' if took else ''}"
    if event.dropped:
        return f"{text}, dropped: {_GONE[attempt.task.state]}"
    if isinstance(event.verdict, Retry):
        wait = max(0, event.verdict.at - event.at)  # after a RunTask it counts from the call, and may be over
        return f"{text}, retry in {duration_text(wait)}"
    if isinstance(event.verdict, GiveUp):
        return f"{text}, exhausted: {event.verdict.reason}"
    return text


def duration_text(nanoseconds: int) -> str:
    """``30 s``, ``0.1 s``, ``1 h 40 min``: as much as there is to say."""
    if nanoseconds < 0:
        return f"-{duration_text(-nanoseconds)}"
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest // 1_000:06d}".rstrip("0").rstrip(".") if rest >= 1_000 else ""
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    if seconds or fraction or not parts:
        parts.append(f"{seconds}{fraction} s")
    return " ".join(parts)


def offset_text(nanoseconds: int) -> str:
    """``+0:00:30``, ``+3d 0:00:00.100``."""
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("+", nanoseconds)
    seconds, rest = divmod(left, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{rest // 1_000:06d}" if rest >= 1_000 else ""
    if fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{sign}{f'{days}d ' if days else ''}{hours}:{minutes:02d}:{seconds:02d}{fraction}"
