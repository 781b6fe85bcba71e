"""Lints: warnings about calls that the service accepts although they are probably mistakes, with the place of the call.

They inspect each client call after the service has answered it. Usually that takes a few comparisons; the stack is read
only for a call that may deserve a warning.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from types import FrameType
from typing import TYPE_CHECKING, Any

from .._service.queue import Queue
from .._service.request import HeaderPairs, HttpTarget, PullMessage, PushTarget
from .._service.retry import UNLIMITED
from .._service.task import Task
from .._service.validation import id_of
from .._simulation.exceptions import CloudTasksLintWarning, failure
from .._simulation.formatting import ENDED, duration_text
from .._targets.urls import is_loopback, wire_url
from .._units import DAY, HOUR
from .call_sites import application_frame, place_text
from .text_bodies import ADVICE, is_json, unlike_its_type

if TYPE_CHECKING:
    from .._service.service import Service

NO_CONTENT_TYPE = "A JSON body without Content-Type"
PLAIN_HTTP = "A token over plain http"
UNLIMITED_ATTEMPTS = "Unlimited attempts without a max_retry_duration"
NAME_AGAIN = "A task name used again"
CHANGED_HEADER = "A header that does not arrive as given"
TEXT_BODY = "A body that is not what its Content-Type says"


class Lints:
    """The lints of one test. Each place is warned of once."""

    def __init__(self) -> None:
        self._warned: set[tuple[str, str]] = set()
        self.texts: list[str] = []
        """What was warned of, each with its place, for the report of a test that fails."""
        self._named: dict[str, int] = {}
        """The number of the latest task of each name that a caller gave."""

    def resumed(self) -> Lints:
        """Return the lints of a Hypothesis example, which don't repeat another example's warnings."""
        lints = Lints()
        lints._warned, lints._named = self._warned, dict(self._named)
        return lints

    def look(self, service: Service, now: int, rpc: str, request: Any, accepted: int) -> None:
        """Inspect a call that was answered at ``now``; ``accepted`` tasks had been accepted until then.

        If the suite turns warnings into errors, raise what `failure` makes of the warning.
        """
        created = service.accepted.since(accepted)
        if rpc == "create_task" and (name := request.task.name):
            self._look_at_name(service, now, request.parent, name, created)
        for task in created:
            self._look_at_task(task, service.queues[task.queue_name])

    # --- each lint -----------------------------------------------------------------------------------------------

    def _look_at_task(self, task: Task, queue: Queue) -> None:
        target = task.target
        if isinstance(target, HttpTarget):
            if target.body[:1] in (b"{", b"[") and "content-type" not in _header_names(target.headers):
                self._warn_of_content_type(task, target)
            if target.url.startswith("http://") or "http_target" in queue.config.other:
                self._look_at_token(task, queue.config.sent(target))
        elif isinstance(target, PullMessage):
            return
        mistake = unlike_its_type(target)
        if mistake:
            self._warn_of_body(task, mistake)
        if target.header_changes:
            self._warn_of_header_changes(task, target)
        retry = task.retry_config or queue.config.retry_config
        if retry.max_attempts == UNLIMITED and not retry.max_retry_duration:
            self._warn_of_unlimited_attempts(task, queue)

    def _warn_of_content_type(self, task: Task, target: HttpTarget) -> None:
        place = self._new_place(NO_CONTENT_TYPE)
        if place is None or not is_json(target.body):
            return
        self._warn(
            place,
            NO_CONTENT_TYPE,
            f"{_name(task)} goes to {target.url}, and the service adds no Content-Type to an HTTP task. A worker that"
            " checks it, such as Flask's request.get_json(), rejects the body. Add 'Content-Type': 'application/json'"
            " to the headers of its http_request.",
        )

    def _warn_of_body(self, task: Task, mistake: str) -> None:
        place = self._new_place(TEXT_BODY)
        if place is not None:
            self._warn(place, TEXT_BODY, f"The body of {_name(task)} {mistake}. {ADVICE}")

    def _warn_of_header_changes(self, task: Task, target: PushTarget) -> None:
        place = self._new_place(CHANGED_HEADER)
        if place is not None:
            changes = "; ".join(f"{change.name!r} {change.what}" for change in target.header_changes)
            self._warn(
                place,
                CHANGED_HEADER,
                f"In {_name(task)}, {changes}. The service accepts the task and reports nothing. Remove the header, or"
                " give it a name and a value that the service keeps.",
            )

    def _look_at_token(self, task: Task, sent: PushTarget) -> None:
        if not isinstance(sent, HttpTarget) or not sent.url.startswith("http://") or _stays_here(sent.url):
            return
        if sent.oidc or sent.oauth:
            secret = f"the {'OIDC' if sent.oidc else 'OAuth'} token of its queue's http_target"
        elif "authorization" in _header_names(sent.headers):
            secret = "its Authorization header"
        else:
            return
        place = self._new_place(PLAIN_HTTP)
        if place is not None:
            self._warn(
                place,
                PLAIN_HTTP,
                f"{_name(task)} sends {secret} to {sent.url}, where everybody on the way can read it. The service"
                " rejects http for a task's own oidc_token and oauth_token, but does not check this one. Use https.",
            )

    def _warn_of_unlimited_attempts(self, task: Task, queue: Queue) -> None:
        place = self._new_place(UNLIMITED_ATTEMPTS, queue.name)
        if place is not None:
            whose = "queue" if task.retry_config is None else "task itself"
            self._warn(
                place,
                UNLIMITED_ATTEMPTS,
                f"{_name(task)} is retried until its retention of {duration_text(queue.config.task_ttl)} is over if it"
                f" keeps failing: the retry_config of the {whose} has max_attempts -1 and no max_retry_duration. Set"
                " max_attempts or max_retry_duration.",
                queue.name,
            )

    def _look_at_name(self, service: Service, now: int, parent: str, name: str, created: list[Task]) -> None:
        sequence = self._named.get(name)
        if created:
            self._named[name] = created[-1].sequence
        if sequence is None:
            return
        task, queue = service.accepted.get(sequence), service.queues.get(parent)
        if task is None or task.ended_at is None or queue is None:
            return
        if queue.config.tombstone_ttl != service.options.task_tombstone_ttl:  # the queue has one of its own
            return
        age = now - task.ended_at
        place = self._new_place(NAME_AGAIN) if HOUR <= age < DAY else None
        if place is not None:
            self._warn(
                place,
                NAME_AGAIN,
                f"create_task() used the name {_name(task)} again, {duration_text(age)} after its task"
                f" {ENDED[task.state]}. Google's documentation says that a name is free again after 1 h, after 4 h and"
                " after 24 h, so this may work or fail with ALREADY_EXISTS. Wait 24 h, or use a new name.",
            )

    # --- warning -------------------------------------------------------------------------------------------------

    def _new_place(self, title: str, subject: str = "") -> FrameType | None:
        """Return the frame that a call comes from; None if that place or ``subject`` was already warned of."""
        if (title, subject) in self._warned:
            return None
        frame = application_frame()
        return None if _key(title, frame, subject) in self._warned else frame

    def _warn(self, place: FrameType, title: str, text: str, subject: str = "") -> None:
        filename, line = place.f_code.co_filename, place.f_lineno
        self._warned.add(_key(title, place, subject))
        self.texts.append(f"{place_text(place)}: {title}: {text}")
        message = (
            f"{title}: {text} To silence this, add `ignore:{title}:pytest_cloudtasks.CloudTasksLintWarning` to pytest's"
            " filterwarnings."
        )
        try:
            warnings.warn_explicit(
                CloudTasksLintWarning(message),
                CloudTasksLintWarning,
                filename,
                line,
                place.f_globals.get("__name__"),
                place.f_globals.setdefault("__warningregistry__", {}),
            )
        except CloudTasksLintWarning:  # the suite turns warnings into errors, which application code may swallow
            raise failure(f"{filename}:{line}: {message}") from None


def _key(title: str, place: FrameType, subject: str = "") -> tuple[str, str]:
    return title, subject or f"{place.f_code.co_filename}:{place.f_lineno}"


def _stays_here(url: str) -> bool:
    host = wire_url(url).host
    return is_loopback(host) or host.endswith(".localhost")


@lru_cache(maxsize=64)
def _header_names(headers: HeaderPairs) -> frozenset[str]:
    """Return the names in lower case. Cached, because most tasks of a test have the same few headers."""
    return frozenset(name.lower() for name, _ in headers)


def _name(task: Task) -> str:
    return f"{id_of(task.queue_name)}/{id_of(task.name)}"
