"""What a report's details panel shows of an attempt, a task or a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._messages.rpc_call import IncomingCall
from .._service.events import Event
from .._service.request import AppEngineTarget, HttpTarget, PullMessage
from .._service.retry import GiveUp, Retry
from .._service.task import Attempt, OutcomeKind, Task
from .._simulation.formatting import duration_text, offset_text
from .._simulation.history import History
from .._simulation.records import short_name
from .._targets.request import url_of
from .._text import counted, error_text, safe_str
from .values import Pairs, body_text, header_pairs, message_text, told

CALLS = 5
"""Of many calls in one mark, the first are shown."""


class Details:
    """The texts of the panel, each part of which is kept once: a body is often that of many attempts."""

    def __init__(self, history: History, root: Path | None) -> None:
        self.panels: list[dict[str, Any]] = []
        self.parts: list[list[Any]] = []
        self._history = history
        self._root = root
        self._known: dict[tuple[Any, ...], int] = {}

    def attempt(self, attempt: Attempt, answered: Event | None, origin: int) -> int:
        """The panel of an attempt: what it came to, the request, the answer."""
        parts = [self._part("Attempt", _course(attempt, answered, origin))]
        request = self._history.requests.get(attempt)
        target = attempt.target if request is None else request
        url = url_of(attempt.target) if request is None else request.url
        headers = attempt.target.headers if request is None else request.headers.pairs()
        parts.append(self._part("Request", [[target.method, url], *header_pairs(tuple(headers), origin)]))
        if target.body:
            parts.append(self._part("Request body", [], body_text(target.body)))
        answer = self._history.answers.get(attempt)
        if answer is not None:
            pairs: Pairs = [["status", str(answer.status)]] if answer.status else []
            pairs += header_pairs(answer.headers.pairs(), origin)
            if answer.exception is not None:
                raised = told(error_text(answer.exception), self._root)
                pairs.append(["exception", raised])
            parts.append(self._part("Answer", pairs))
            if answer.body:
                parts.append(self._part("Answer body", [], body_text(answer.body)))
        return self._panel(f"{short_name(attempt.task)}, attempt {attempt.number}", parts)

    def task(self, task: Task, origin: int) -> int:
        """The panel of a task: where it stands, and what is stored."""
        pairs = [
            ["name", task.name],
            ["state", task.state.value],
            ["created", offset_text(task.create_time - origin)],
            ["scheduled for", offset_text(task.initial_schedule_time - origin)],
            ["attempts", counted(task.dispatch_count, "dispatch") + f", {counted(task.response_count, 'response')}"],
        ]
        target = task.target
        if isinstance(target, PullMessage):
            parts = [self._part("Task", [*pairs, ["tag", target.tag]])]
        else:
            pairs.append(["dispatch deadline", duration_text(task.deadline_in_force)])
            if isinstance(target, HttpTarget) and target.oidc is not None:
                pairs.append(
                    ["OIDC token", f"{target.oidc.service_account_email} for {target.oidc.audience or target.url}"]
                )
            if isinstance(target, AppEngineTarget) and target.routing is not None:
                pairs += [[name, value] for name, value in target.routing.named.items() if value]
            stored = [[target.method, url_of(target)], *header_pairs(tuple(target.headers), origin)]
            parts = [self._part("Task", pairs), self._part("Request as stored", stored)]
            if target.header_changes:
                changes = [[change.name, change.what] for change in target.header_changes]
                parts.append(self._part("Headers that don't arrive as given", changes))
        if target.body:
            parts.append(self._part("Body", [], body_text(target.body)))
        return self._panel(short_name(task), parts)

    def calls(self, label: str, calls: Sequence[tuple[int, IncomingCall]], origin: int) -> int:
        """The panel of calls that one mark stands for."""
        parts = []
        for offset, call in calls[:CALLS]:
            pairs = [["at", offset_text(offset)]]
            pairs += [] if call.timeout is None else [["time-out", f"{call.timeout:g} s"]]
            pairs += [] if call.error is None else [["error", told(safe_str(call.error))]]
            parts.append(self._part(call.method, pairs, message_text(call.request, origin)))
        if len(calls) > CALLS:
            parts.append(self._part(f"… and {len(calls) - CALLS} more", []))
        return self._panel(label, parts)

    def fault(self, title: str, offset: int, text: str) -> int:
        """The panel of a fault that was planned."""
        return self._panel(title, [self._part("Fault", [["at", offset_text(offset)], ["what", text]])])

    def _panel(self, title: str, parts: list[int]) -> int:
        self.panels.append({"title": title, "parts": parts})
        return len(self.panels) - 1

    def _part(self, heading: str, pairs: Pairs, text: str = "") -> int:
        key = (heading, tuple(map(tuple, pairs)), text)
        if key not in self._known:
            self._known[key] = len(self.parts)
            self.parts.append([heading, pairs, text])
        return self._known[key]


def _course(attempt: Attempt, answered: Event | None, origin: int) -> Pairs:
    outcome, ended = attempt.outcome, attempt.response_time
    pairs = [["result", "under way" if outcome is None else str(outcome.result)]]
    if outcome is not None:
        pairs.append(["response_status", outcome.message])
        if outcome.lost_status:
            pairs.append(["lost answer", f"{outcome.lost_status}, by lose_handler_response()"])
        if outcome.kind is OutcomeKind.NO_RESPONSE and not outcome.lost_status:
            pairs.append(["no response", "the connection ended without one"])
    pairs.append(["scheduled for", offset_text(attempt.schedule_time - origin)])
    forced = ", forced" if attempt.forced else ""
    pairs.append(["dispatched", offset_text(attempt.dispatch_time - origin) + forced])
    if ended is not None:
        pairs.append(["ended", offset_text(ended - origin)])
        pairs.append(["duration", duration_text(ended - attempt.dispatch_time)])
    else:
        pairs.append(["deadline", offset_text(attempt.deadline - origin)])
    if answered is None:
        return pairs
    if answered.dropped:
        pairs.append(["then", f"dropped: the task was {attempt.task.state.value} already"])
    elif isinstance(answered.verdict, Retry):
        pairs.append(["then", f"retry at {offset_text(answered.verdict.at - origin)}"])
    elif isinstance(answered.verdict, GiveUp):
        pairs.append(["then", f"exhausted: {answered.verdict.reason}"])
    return pairs
