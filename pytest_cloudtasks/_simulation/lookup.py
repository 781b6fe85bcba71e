"""Tasks and queues by the names, messages and records that a test gives for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._messages.proto import is_message, proto_of
from .._service.task import Task
from .._service.validation import id_of
from .._text import did_you_mean, listed, safe_repr
from .formatting import short_name
from .records import TaskRecord

if TYPE_CHECKING:
    from .._service.service import Service
    from .history import History
    from .settings.settings import Settings

A_TASK = "a TaskRecord, a Task message, or a task's ID or full name"


def is_task(value: object) -> bool:
    """Return whether ``value`` can name a task: a record, Google's Task message, an ID or a full name."""
    return isinstance(value, (TaskRecord, str)) or is_task_message(value)


def is_task_message(value: object) -> bool:
    """Return whether ``value`` is a Task message of any version."""
    return is_message(value) and proto_of(value).DESCRIPTOR.name == "Task"


def name_of_task(value: Any) -> Any:
    """Return the full name of a record or a Task message; return anything else unchanged."""
    return value.name if isinstance(value, TaskRecord) or is_task_message(value) else value


def find_task(service: Service, history: History, task: Any, method: str) -> Task:
    """Return the task for a value that `is_task`, in a call of ``method``; of several with the same name the latest."""
    if not is_task(task):
        raise TypeError(f"{method}() takes {A_TASK}, but got {safe_repr(task)}.")
    if not isinstance(task, TaskRecord):
        return _named(service, name_of_task(task))
    if task._history is not history:
        raise ValueError(
            f"{method}() got the task {short_name(task._task)} of another fake. Call {method}() of that fake, within"
            " its test."
        )
    return task._task


def _named(service: Service, name: str) -> Task:
    tasks = [task for task in service.accepted if name in (task.name, id_of(task.name))]
    names = sorted({task.name for task in tasks})
    if len(names) > 1:
        raise LookupError(
            f"The ID {safe_repr(name)} is ambiguous: this test has {len(names)} tasks of that ID, {listed(names)}. Pass"
            " the full name."
        )
    if not tasks:
        known = [task.name if "/" in name else id_of(task.name) for task in service.accepted]
        raise LookupError(
            f"This test has no task named {safe_repr(name)}.{did_you_mean(name, known)} Pass a task's ID or full name,"
            " or the TaskRecord that assert_enqueued() returns."
        )
    return tasks[-1]


def find_queue(queue: str, settings: Settings, service: Service, history: History) -> str:
    """Return the full name of a queue that exists or existed in this test; raise LookupError for any other."""
    name = settings.queue_name(queue)
    if name in service.queues:
        return name
    known = {event.queue_name for event in history.events()}
    known.update(task.queue_name for task in service.accepted)  # an emulator may have forgotten the events
    if name not in known:
        words = sorted(known_name if "/" in queue else queue_word(known_name, settings) for known_name in known)
        queues_text = "This test has no queue."
        if words:
            are = "The only queue of this test is" if len(words) == 1 else "The queues of this test are"
            queues_text = f"{are} {listed(words)}."
        near = next((f" Did you mean {word!r}?" for word in words if word != queue and id_of(word) == queue), "")
        if near:  # the ID of a queue that was given by its full name
            near += f" IDs belong to the options project ({settings.project}) and location ({settings.location})."
        raise LookupError(
            f"There is no queue {safe_repr(queue)}.{near or did_you_mean(queue, words)} {queues_text} Create it with"
            f" cloud_tasks.create_queue({safe_repr(queue)}), or list it in @pytest.mark.cloud_tasks(queues=[…]) or in"
            " the ini option cloud_tasks_queues."
        )
    return name


def queue_word(name: str, settings: Settings) -> str:
    """Return the name of a queue in messages: its ID, or the full name if the ID would mean another queue."""
    short = id_of(name)
    return short if settings.queue_name(short) == name else name
