"""The words for what happens to the tasks of pull queues."""

from __future__ import annotations

from pytest_cloudtasks._diagnostics.timeline import Line, line_text
from pytest_cloudtasks._service.events import Event, EventKind
from pytest_cloudtasks._service.request import PullMessage
from pytest_cloudtasks._service.task import Task
from pytest_cloudtasks._units import SECOND
from tests.each import each

QUEUE = "projects/p/locations/l/queues/work"
NOW = 1_000 * SECOND


@each(
    ("kind", "until", "text"),
    [
        (EventKind.TASK_CREATED, None, "work/one created: pull, scheduled for +0:01:05"),
        (EventKind.TASK_LEASED, NOW + 60 * SECOND, "work/one leased until +0:01:05"),
        (EventKind.LEASE_RENEWED, NOW + 90 * SECOND, "work/one lease renewed until +0:01:35"),
        (EventKind.LEASE_CANCELLED, None, "work/one lease cancelled"),
        (EventKind.TASK_ACKNOWLEDGED, None, "work/one acknowledged"),
        (EventKind.TASK_LEASES_EXHAUSTED, None, "work/one exhausted: it was leased max_attempts times"),
    ],
)
def test_pull_tasks(kind: EventKind, until: int | None, text: str) -> None:
    """Leases have the offset at which they end."""
    task = Task(
        f"{QUEUE}/tasks/one",
        QUEUE,
        1,
        PullMessage(b"work"),
        create_time=NOW,
        schedule_time=NOW + 60 * SECOND,
        dispatch_deadline=None,
        retry_config=None,
    )
    event = Event(NOW, kind, QUEUE, task, until=until)
    assert line_text(Line(5 * SECOND, NOW, event)) == text
