"""Hints: the most likely cause of a failure, in a sentence or two at its end.

A hint is a function that returns a text, or None if it doesn't apply. `HINTS` has them in order of likelihood, and
`hints` returns the first ones that apply. The message of an assertion, the terminal's section of a failed test and the
page of a report show the same hints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from .._clients.mocked_names import mocked_names, mocks_that_created
from .._clients.router import router
from .._messages.json_text import read_json
from .._messages.proto import proto_of
from .._messages.rpc_call import IncomingCall
from .._service.request import PullMessage
from .._service.service import Service
from .._service.task import Task
from .._service.validation import id_of
from .._simulation.exceptions import DrainLimitReached, NoTarget
from .._simulation.formatting import duration_text, offset_text, short_name, shown
from .._simulation.history import History
from .._simulation.matching.match import Match, match_like
from .._simulation.records import TaskRecord, model_task, records
from .._simulation.summary import due_tasks
from .._targets.base import destination_of
from .._targets.registry import Targets
from .._targets.request import url_of
from .._text import counted, did_you_mean, error_text, listed, safe_repr, shortened
from .._time.clock import Clock
from .._units import MINUTE, SECOND
from .diff import in_detail
from .django_database import hint_on_commit, hint_on_connection
from .missing_credentials import advice_inside
from .text_bodies import ADVICE, is_decoded, is_refused, unlike_its_type

MOST = 3
"""The maximum number of hints in a failure."""
FAR_PAST = 30 * MINUTE
"""A schedule time that lies this far in the past was probably made in another time zone."""


class Situation(NamedTuple):
    """The data that a failure is explained from."""

    history: History
    service: Service
    clock: Clock
    targets: Targets
    asserted: str = ""
    """``enqueued``, ``dispatched`` or ``attempts`` for an assertion of ours; "" for another failure."""
    match: Match | None = None
    """The match of the assertion."""
    expected: int | None = None
    """The expected number of tasks; None for any number."""
    matches: Sequence[TaskRecord] = ()
    """The tasks that match."""
    others: Sequence[TaskRecord] = ()
    """The tasks that don't match."""
    error: BaseException | None = None
    """The exception of another failure."""
    failures: Sequence[str] = ()
    """The failures that the simulation has kept for the end of the test."""
    about: Sequence[Task] = ()
    """The tasks of an assertion that has no match."""
    is_background: bool = False
    """Whether an assertion failed in a block of ``background()``."""
    background_failure: BaseException | None = None
    """What has ended the dispatching in that block."""

    @property
    def is_missing(self) -> bool:
        """Whether an assertion expected tasks and found none."""
        return self.match is not None and self.expected != 0 and not self.matches

    @property
    def is_a_tests_own(self) -> bool:
        """Whether a plain assertion failed in a test that has prepared targets."""
        return not self.asserted and isinstance(self.error, AssertionError) and not self.targets.are_none

    @property
    def tasks(self) -> Iterable[Task]:
        """The tasks that the failure may be about: those of an assertion, or else all."""
        if self.match is None:
            return self.about or self.service.accepted
        return [model_task(record) for record in (*self.others, *self.matches)]


Hint = Callable[[Situation], "str | None"]


def hints(situation: Situation) -> list[str]:
    """Return the hints that apply, the likeliest first."""
    texts: list[str] = []
    with situation.history.lock:
        for hint in HINTS:
            text = hint(situation)
            if text and text not in texts:
                texts.append(text)
    return texts[:MOST]


def text_for_a_body(situation: Situation) -> str | None:
    """Explain a body that was passed as text and decoded as Base64."""
    if situation.error is not None and is_refused(situation.error):
        return f"A bytes field got a text that is not Base64. {ADVICE}"
    match = situation.match
    expected = [] if match is None else [value for key, value in match.expected().items() if key in ("json", "body")]
    for task in situation.tasks:
        body = task.target.body
        if any(is_decoded(text, body) for text in expected):
            return f"The body of {short_name(task)} is the expected text, decoded as Base64. {ADVICE}"
        if isinstance(task.target, PullMessage):
            continue
        if (expected or match is None) and (mistake := unlike_its_type(task.target)):
            return f"The body of {short_name(task)} {mistake}. {ADVICE}"
    return None


def text_for_json(situation: Situation) -> str | None:
    """Explain that ``json=`` got the text of what it should have got."""
    expected = None if situation.match is None else situation.match.expected().get("json")
    if not isinstance(expected, str):
        return None
    try:
        value = read_json(expected)
    except ValueError:
        return None
    if not isinstance(value, (dict, list)):
        return None
    return f"json= compares with the decoded body, but got a JSON text. Pass the value: json={safe_repr(value)}."


def no_call(situation: Situation) -> str | None:
    """Explain that no client has called the fake; a mock may have received the call."""
    if not situation.is_missing and not situation.is_a_tests_own:
        return None
    names = mocked_names()
    patched = patched_text(names) if names else ""
    if situation.history.calls():
        is_here = situation.asserted == "dispatched" and _was_enqueued(situation)
        return patched if patched and situation.is_missing and not is_here else None
    if patched:
        return f"No client has called this fake. {patched}"
    histories = [getattr(backend, "history", None) for backend in router.backends]
    if any(
        history is not situation.history and history.calls() for history in histories if isinstance(history, History)
    ):
        return (
            "No client has called this fake. The calls went to another fake, because the innermost fake receives them."
            " Assert on that of `with FakeCloudTasks() as …`, or don't open it."
        )
    if situation.failures:  # a call without `await`, for example; other failures have a section of them
        return f"No client has called this fake. {situation.failures[0]}" if situation.asserted else None
    mocks = mocks_that_created()
    if mocks:
        return (
            f"No client has called this fake. {listed(mocks)} received create_task(), in this test or an earlier one."
            " If the code has got it from a patch, a cache or a module, remove the patch, and clear the cache."
            " Otherwise check that the code which enqueues ran, and that it ran in this process."
        )
    if situation.history.has_inner_calls:
        return (
            "No client has called this fake. The calls went to a fake that has ended since: while `with"
            " FakeCloudTasks() as …` lasts, it receives them. Assert on that one, or don't open it."
        )
    if hint_on_commit(situation.error):
        return None
    return "No client has called this fake. Check that the code which enqueues ran, in this process and without a mock."


def patched_text(names: Sequence[str]) -> str:
    """Return a sentence about Google's names that the test itself has patched."""
    is_single = len(names) == 1
    return (
        f"{listed(names)} {'is' if is_single else 'are'} patched with {'a mock' if is_single else 'mocks'}, so calls of"
        f" {'it' if is_single else 'them'} don't reach the fake. Remove the patch, or assert on the mock instead."
    )


def _was_enqueued(situation: Situation) -> bool:
    match = situation.match
    return match is not None and any(
        not match.differences(task) for task in records(situation.service.accepted, situation.history)
    )


def nothing_driven(situation: Situation) -> str | None:
    """Explain that tasks are due and the queue was not driven, or that they wait for their time."""
    is_expected = situation.asserted in ("dispatched", "attempts") and situation.expected != 0
    is_driven = isinstance(situation.error, (NoTarget, DrainLimitReached))
    is_plain = not situation.asserted and isinstance(situation.error, AssertionError) and not is_driven
    if not is_expected and not is_plain:
        return None
    due, waiting = due_tasks(situation.service, situation.clock.now)
    if situation.is_background:
        return _not_yet_in_background(situation, due, waiting)
    if due:
        are = "is" if len(due) == 1 else "are"
        return (
            f"{counted(len(due), 'task')} {are} due, but the queue has not been driven since. Call cloud_tasks.drain()"
            " or cloud_tasks.dispatch_due(); in async code, `await` those of cloud_tasks.aio."
        )
    if waiting and (is_expected or not situation.targets.are_none):
        return f"{_waits_until(waiting[0], situation)} Call cloud_tasks.drain() or cloud_tasks.advance(…)."
    return None


def _not_yet_in_background(situation: Situation, due: Sequence[Task], waiting: Sequence[Task]) -> str | None:
    """Explain why ``background()`` has not dispatched a task, in its block, where driving methods are errors."""
    if situation.background_failure is not None:
        first_line, *_ = error_text(situation.background_failure).splitlines()
        return f"background() dispatches no more tasks in this block, because of an error: {shortened(first_line)}"
    if due:
        due_now = f"{counted(len(due), 'task')} {'is' if len(due) == 1 else 'are'} due"
        return f"{due_now}, and background() dispatches due tasks by itself. Wait for that with timeout=…, or longer."
    if waiting:
        return (
            f"{_waits_until(waiting[0], situation)} Wait for that with timeout=…, or drive the queue after the block of"
            " background()."
        )
    return None


def _waits_until(task: Task, situation: Situation) -> str:
    at = offset_text(task.eligible_at - situation.clock.time_base)
    return f"{short_name(task)} waits until {at}, and it is {offset_text(situation.clock.elapsed)} now."


def callbacks_waiting(situation: Situation) -> str | None:
    """Explain that Django delays callbacks until a commit."""
    is_about_tasks = situation.match is not None or situation.is_a_tests_own
    if not is_about_tasks and isinstance(situation.error, AssertionError):  # it has used the fake, in vain
        is_about_tasks = not situation.history.is_empty and not situation.history.calls()
    return hint_on_commit(situation.error) if is_about_tasks else None


def of_another_connection(situation: Situation) -> str | None:
    """Explain that Django's ASGI application doesn't see the transaction of the test."""
    return None if situation.error is None else hint_on_connection(situation.error)


def nearly_matching_route(situation: Situation) -> str | None:
    """Explain that an unused route has a task's URL, but another method or queue."""
    if situation.asserted == "enqueued" or isinstance(situation.error, NoTarget):  # that error says it by itself
        return None
    for task in situation.service.accepted:
        if isinstance(task.target, PullMessage):
            continue
        near = situation.targets.nearly(destination_of(task, situation.service.target_of(task)))
        if near:
            return f"{near} The task {short_name(task)} is {task.target.method} {url_of(task.target)}."
    return None


def redirected(situation: Situation) -> str | None:
    """Explain that an attempt failed because a redirect made its request a GET without a body."""
    if situation.asserted == "enqueued":
        return None
    for attempt, request in situation.history.requests.items():
        target, outcome = attempt.target, attempt.outcome
        is_lost = not isinstance(target, PullMessage) and target.method != request.method
        if is_lost and outcome is not None and not outcome.succeeded:
            return (
                f"{target.method} {url_of(target)} was redirected to {request.url}, as a {request.method} without a"
                " body. Give the task the final URL; in Django, that is often a slash at the end."
            )
    return None


def unknown_path(situation: Situation) -> str | None:
    """Explain that an application has no route for a task's path, or none for its method."""
    if situation.asserted == "enqueued":
        return None
    for task in situation.tasks:
        ended = [attempt for attempt in task.attempts if attempt.outcome is not None]
        statuses = {attempt.outcome.http_status for attempt in ended if attempt.outcome is not None}
        if isinstance(task.target, PullMessage) or statuses not in ({404}, {405}):
            continue
        sent = situation.service.target_of(task)
        target = situation.targets.find_for(task, sent)
        known = None if target is None else target.known_paths()
        if target is None or known is None:
            continue
        url = urlsplit(url_of(sent))
        path = url.path or "/"
        if statuses == {405}:
            answer = situation.history.answers.get(ended[-1])
            if answer is None or "Allow" not in answer.headers:  # a framework would have added it
                continue
            lacks = f"the method {sent.method} at {safe_repr(path)}."
        else:
            has_route = target.has_route(url.hostname or "", unquote(path))
            if has_route:  # the handler itself has answered
                continue
            unless = "" if has_route is False else ", unless the handler itself gave this answer"
            lacks = f"the path {safe_repr(path)}{unless}.{_similar(path, known)}"
        return (
            f"{'Each attempt' if len(ended) > 1 else 'The attempt'} of {short_name(task)} was answered"
            f" {listed(map(str, statuses))}: {target.describe()} seems to have no route for {lacks}"
        )
    return None


def _similar(path: str, templates: Iterable[str]) -> str:
    """Suggest ``/orders/42`` for ``/order/42``, by a route such as ``/orders/{number}`` or ``/orders/<number>``."""
    segments = path.rstrip("/").split("/")
    similar = []
    for template in templates:
        parts = template.rstrip("/").split("/")
        is_filled = [part[:1] in ("{", "<") for part in parts]
        filled = [given if fills else part for part, given, fills in zip(parts, segments, is_filled, strict=False)]
        differing = [(part, given) for part, given in zip(filled, segments, strict=False) if part != given]
        if len(parts) == len(segments) and all(did_you_mean(given, [part]) for part, given in differing):
            similar.append("/".join(filled) + template[len(template.rstrip("/")) :])
    return did_you_mean(path, [one for one in similar if one != path])


def several_match(situation: Situation) -> str | None:
    """Explain how the matching tasks differ, if one was expected and several match."""
    if situation.expected != 1 or len(situation.matches) < 2:
        return None
    first, second = situation.matches[:2]
    which = "The two" if len(situation.matches) == 2 else "The first two"
    apart = in_detail(match_like(first).differences(second))
    if not apart:
        return (
            f"{which} differ only in their names: the code enqueued the same task twice. Name the task so that the"
            " service rejects the second one, or pass count=."
        )
    fields = listed(
        f"{difference.field} ({shown(difference.expected)} and {shown(difference.actual)})"
        for difference in apart[:MOST]
    )
    return f"{which} differ in {fields}. Match one of these fields, or pass count=."


def counted_after_dispatch(situation: Situation) -> str | None:
    """Explain that an assertion that nothing was enqueued counts tasks that have ended."""
    is_asked_for_none = situation.asserted == "enqueued" and situation.expected == 0
    if not is_asked_for_none or any(model_task(task).is_live for task in situation.matches):
        return None
    return (
        "The assertion counts every task of the test, also one that has been dispatched. To check that no task is"
        " left, call cloud_tasks.assert_empty()."
    )


def dropped_header(situation: Situation) -> str | None:
    """Explain that the service changes or drops a header."""
    if situation.match is None:
        wanted = None
    else:
        headers = situation.match.expected().get("headers")
        wanted = {str(name).lower() for name in headers} if isinstance(headers, Mapping) else set()
    for task in situation.tasks:
        if isinstance(task.target, PullMessage):
            continue
        changes = [change for change in task.target.header_changes if wanted is None or change.name.lower() in wanted]
        if changes:
            return f"In {short_name(task)}, {'; '.join(f'{change.name!r} {change.what}' for change in changes)}."
    return None


def schedule_time_in_the_past(situation: Situation) -> str | None:
    """Explain a schedule time that lies hours before the task's creation."""
    if situation.asserted == "enqueued" and not _is_about_time(situation.match):
        return None
    for call in situation.history.calls():
        late = _lateness(call)
        if late >= FAR_PAST:
            return (
                f"The schedule time of {_created_by(call)} is {duration_text(late)} before its creation, so it was due"
                " at once. It may be a local time without a time zone: use datetime.now(timezone.utc)."
            )
    return None


def _is_about_time(match: Match | None) -> bool:
    return match is not None and not {"at", "delay"}.isdisjoint(match.expected())


def _lateness(call: IncomingCall) -> int:
    """Return how far a task's schedule time lies in the past, cut to seconds."""
    if call.method != "create_task" or call.result is None:
        return 0
    task = proto_of(call.request.task)
    return call.at - task.schedule_time.seconds * SECOND if task.HasField("schedule_time") else 0


def _created_by(call: IncomingCall) -> str:
    name = call.result.name
    queue, _, _ = name.rpartition("/tasks/")
    return f"{id_of(queue)}/{id_of(name)}"


def no_credentials(situation: Situation) -> str | None:
    """Explain that code looked for the machine's credentials and found none."""
    return None if situation.error is None else advice_inside(situation.error)


HINTS: Iterable[Hint] = (
    no_credentials,
    text_for_a_body,
    text_for_json,
    no_call,
    nothing_driven,
    callbacks_waiting,
    of_another_connection,
    nearly_matching_route,
    redirected,
    unknown_path,
    several_match,
    counted_after_dispatch,
    dropped_header,
    schedule_time_in_the_past,
)
"""All hints, the likeliest first."""
