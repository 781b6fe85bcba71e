"""Explanations of rejected calls: why the service rejects them, and what the fake knows about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._messages.proto import proto_of
from .._messages.rpc_call import IncomingCall
from .._service.errors import ARGUMENT_INVALID, TASK_EXISTS, TOKEN_ACCOUNT_MISSING, TOKEN_NEEDS_HTTPS, ServiceError
from .._service.events import Event, EventKind
from .._service.overrides import check_account
from .._service.service import Service
from .._service.task import Task
from .._service.validation import id_of, is_queue, is_queue_id, queue_of
from .._simulation.formatting import ENDED, duration_text, offset_text
from .._simulation.history import History
from .._simulation.lookup import find_queue, queue_word
from .._simulation.settings.settings import Settings
from .._text import did_you_mean, safe_repr
from .._time.clock import Clock
from .timeline import name_in

SHOWN = 3
"""The number of rejected calls that are shown, the last ones."""


def rejections_text(history: History, service: Service, clock: Clock, settings: Settings) -> str:
    """Return the last rejected calls of the test, each with an explanation; "" if there are none."""
    rejected = [
        call for call in history.calls() if hasattr(call.error, "code") and not getattr(call.error, "is_planned", False)
    ]
    paragraphs = [
        "\n".join([rejection_text(call), *_hints(call, history, service, clock, settings)])
        for call in rejected[-SHOWN:]
    ]
    if len(rejected) > SHOWN:
        paragraphs.insert(0, f"The last {SHOWN} of {len(rejected)} rejected calls:")
    return "\n\n".join(paragraphs)


def rejection_text(call: IncomingCall) -> str:
    """Return ``CreateTask was rejected with NOT_FOUND: Queue does not exist.``."""
    error: Any = call.error
    rpc = "".join(word.capitalize() for word in call.method.split("_"))
    return f"{rpc} was rejected with {error.code().name}: {error.details()}"


def _hints(call: IncomingCall, history: History, service: Service, clock: Clock, settings: Settings) -> Iterator[str]:
    error: Any = call.error
    name = name_in(call)
    queue = queue_of(name) or name
    if not is_queue(queue):
        yield from _on_short_names(call, settings)
        return
    code = error.code().name
    if queue not in service.queues:
        if code in ("NOT_FOUND", "FAILED_PRECONDITION"):
            yield from _on_missing_queue(queue, history, service, settings)
    elif code == "ALREADY_EXISTS" and name == queue:
        yield on_existing_queue(queue, history, clock, settings)
    elif code in ("ALREADY_EXISTS", "NOT_FOUND") and name != queue:
        yield from _on_task(name, call, history, service, clock)
    elif error.details() in (ARGUMENT_INVALID.text, TOKEN_ACCOUNT_MISSING.text):
        yield from _on_accounts(call)
    elif error.details() == TOKEN_NEEDS_HTTPS.text:
        yield from _on_plain_http(call)
    elif "Task size too large" in error.details():
        limit = service.options.max_task_size
        yield f"The limit is {limit} bytes of the stored task, by the service option max_task_size."


def _on_short_names(call: IncomingCall, settings: Settings) -> Iterator[str]:
    """Explain that a full name is needed where an ID was given."""
    for field in ("parent", "name"):
        name = getattr(call.request, field, "")
        if isinstance(name, str) and is_queue_id(name):
            yield (
                f"The {field} of the call is {safe_repr(name)}, but it takes a full name, such as"
                f" {safe_repr(settings.queue_name(name))}. client.queue_path(PROJECT, LOCATION, QUEUE) returns a"
                " queue's full name."
            )


def on_existing_queue(name: str, history: History, clock: Clock, settings: Settings) -> str:
    """Return who created the queue that a call was to create."""
    made = [event for event in history.events() if event.kind is EventKind.QUEUE_CREATED and event.queue_name == name]
    if len(made) == 1 and name in map(settings.queue_name, settings.queues):
        return (
            f"The option `queues` created the queue {queue_word(name, settings)} before the test (in a marker, the ini"
            " file, an argument, or a file that one of them names). Remove it from the option, or don't create it"
            " here; update_queue() changes its settings."
        )
    return f"The queue {queue_word(name, settings)} was created at {_offset(clock, made[-1].at)}, and is still there."


def _tokens(call: IncomingCall) -> Iterator[tuple[str, Any, str]]:
    """Return the name of each token of a task or a queue, its place, and the e-mail address of its account."""
    task, queue = (getattr(call.request, name, None) for name in ("task", "queue"))
    for owner, name in ((task, "http_request"), (queue, "http_target")):
        target = getattr(owner, name, None)
        for token in ("oidc_token", "oauth_token"):
            if target is not None and proto_of(target).HasField(token):
                yield f"{name}.{token}", target, getattr(target, token).service_account_email


def _on_plain_http(call: IncomingCall) -> Iterator[str]:
    for token, target, _ in _tokens(call):
        yield (
            f"{token} needs https, but the url is {safe_repr(target.url)}. Use an https:// URL, or remove the token."
        )


def _on_accounts(call: IncomingCall) -> Iterator[str]:
    """Return what is wrong with the accounts in the tokens of a task or a queue."""
    for token, _, account in _tokens(call):
        try:
            check_account(account)
        except ServiceError:
            yield _on_account(token, account)


def _on_account(token: str, account: str) -> str:
    if not account:
        return (
            f"{token} has no service_account_email. Set the address of the account that calls the target, such as"
            " 'tasks@my-project.iam.gserviceaccount.com'; a setting of the application may be empty."
        )
    unrefreshed = (
        " Credentials of Cloud Run have 'default' there until they are refreshed: call"
        " credentials.refresh(google.auth.transport.requests.Request()) before you read it."
    )
    return f"{token} has service_account_email={account!r}, which is not an address (NAME@DOMAIN)." + (
        unrefreshed if account == "default" else ""
    )


def _on_missing_queue(queue: str, history: History, service: Service, settings: Settings) -> Iterator[str]:
    try:
        find_queue(queue_word(queue, settings), settings, service, history)
    except LookupError as missing:
        yield str(missing)
    else:
        yield (
            f"The queue {id_of(queue)} was deleted in this test; its name is free again"
            f" {duration_text(service.options.queue_tombstone_ttl)} after that, by the service option"
            " queue_tombstone_ttl."
        )


def _on_task(name: str, call: IncomingCall, history: History, service: Service, clock: Clock) -> Iterator[str]:
    """Return what was known of the task when the call came. It may have ended since, and another may have its name."""
    before: list[Task] = []
    after: list[Task] = []
    has_come = False
    for record in history.since(0):
        has_come = has_come or record is call
        task = record.task if isinstance(record, Event) and record.kind is EventKind.TASK_CREATED else None
        if task is not None and task.name == name:
            (after if has_come else before).append(task)
    if before:
        yield _on_known_task(before[-1], call, service, clock)
        return
    if after:
        yield f"{id_of(name)} was created only after that, at {_offset(clock, after[0].create_time)}."
        return
    known = [id_of(task.name) for task in service.accepted if task.queue_name == queue_of(name)]
    yield f"No task {id_of(name)} was created in this test.{did_you_mean(id_of(name), known)}"


def _on_known_task(task: Task, call: IncomingCall, service: Service, clock: Clock) -> str:
    error: Any = call.error
    created = f"{id_of(task.name)} was created at {_offset(clock, task.create_time)}"
    if task.ended_at is None:
        return f"{created}, and is still there."
    if error.details() == TASK_EXISTS.text:
        return f"{created}, and was still there."
    ended = f"{created}, and {ENDED[task.state]} at {_offset(clock, task.ended_at)}."
    if error.code().name == "ALREADY_EXISTS":
        ttl = duration_text(service.options.task_tombstone_ttl)
        ended += (
            f" Its name is free again {ttl} after that, by the service option task_tombstone_ttl. Google's"
            " documentation says 1 h, 4 h and 24 h, so rely on none of them."
        )
    return ended


def _offset(clock: Clock, instant: int) -> str:
    return offset_text(instant - clock.time_base)
