"""The package's machine, every step of which is done by the naive service, too."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from google.api_core.exceptions import GoogleAPICallError
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from pytest_cloudtasks import Route
from pytest_cloudtasks.stateful import CloudTasksMachine
from tests.acceptance import drawing, naive_permissions
from tests.acceptance.naive_fields import shown_instant, status_of
from tests.acceptance.plain_values import delivered, moved, plain, told
from tests.acceptance.sequences import CALLER, PARENTS, Script, Setting
from tests.service.reference_parts import SECOND, Attempt

URL = "https://example.com/"
UNDER_POLICY = f"{PARENTS[0]}/queues/under-policy"
AS_DRAWN = st.sampled_from(["pause_queue", "resume_queue", "purge_queue", "get_queue"])
ASKED = ["cloudtasks.tasks.create", "cloudtasks.queues.get", "none.such"]
SERVICE_OPTIONS = {"iam_emulation": CALLER, "iam_roles": drawing.OWN_ROLES["iam_roles"], "max_task_size": 3000}


class BothMachine(CloudTasksMachine):
    """Fails at the first answer, error, listing, attempt or instant in which the two differ."""

    options: ClassVar[Mapping[str, Any]] = {"service": SERVICE_OPTIONS}
    order = duplicates = lost_answers = False
    delays = timedelta(0)
    tally: ClassVar[Counter[str]] = Counter()
    """How often each rule, each RPC, each error was seen; `steps` are all of them."""

    queue_names: Bundle[str] = CloudTasksMachine.queue_names
    task_names: Bundle[str] = CloudTasksMachine.task_names

    def __init__(self) -> None:
        super().__init__()
        self.naive = Setting(SERVICE_OPTIONS, {URL: Script((200,))}).naive()
        self.routes = [self.cloud_tasks.route(URL).returns(200)]

    # --- both ----------------------------------------------------------------------------------------------------

    def _answer(self, rpc: str, request: dict[str, Any]) -> Any:
        error: GoogleAPICallError | None = None
        response: Any = None
        try:
            response = super()._answer(rpc, request)
            response = next(iter(response.pages)) if hasattr(response, "pages") else response
            observed = plain_answer(response)
        except GoogleAPICallError as refused:
            error, observed = refused, told(refused)
        expected = self.naive.rpc(rpc, as_naive(request), {}, observed)
        self.tally[rpc] += 1
        self.tally[error_in(observed) or f"{rpc} succeeded"] += 1
        assert expected == observed, f"{rpc} of {request!r}:\n  expected {expected!r}\n  observed {observed!r}"
        if error is not None:
            raise error
        return response.tasks if rpc == "list_tasks" else response

    def _drive(self, verb: str, **arguments: Any) -> None:
        observed = moved(getattr(self.cloud_tasks, verb)(**arguments))
        expected = self.naive.drive(verb, arguments)
        self.tally[verb] += 1
        assert expected == observed, f"{verb} of {arguments!r}:\n  expected {expected!r}\n  observed {observed!r}"

    def _change_answers(self, outcome: Any, after_seconds: int) -> Route:
        route = super()._change_answers(outcome, after_seconds)
        step = {TimeoutError: "late", ConnectionError: None}.get(outcome, outcome)
        self.tally["answers_change"] += 1
        self.routes = [route]
        self.naive.routes = [naive_permissions.Route(URL, Script((step,), after_seconds).answers)]
        return route

    @invariant()
    def both_are_alike(self) -> None:
        """The instant, the queues, the tasks in them with their attempts, and the latest delivery."""
        self.tally["steps"] += 1
        observed = {
            "now": self.cloud_tasks.clock.now().isoformat(),
            "queues": [[plain(queue) for queue in self.client.list_queues(parent=PARENTS[0])]],
            "tasks": [plain(task.message) for task in self.cloud_tasks.tasks()],
            "calls": [[len(route.calls), *(delivered(one) for one in route.calls[-1:])] for route in self.routes],
        }
        expected = self.naive.state(PARENTS[:1])
        assert expected == observed, f"The state:\n  expected {expected!r}\n  observed {observed!r}"

    def teardown(self) -> None:
        """Every attempt of the example, when it has come to its end."""
        if sys.exc_info()[0] is not None:
            return
        observed = [
            (one.dispatch_time, one.task.name, one.number, one.schedule_time, one.response_time, one.result)
            for one in self.cloud_tasks.attempts()
        ]
        expected = [
            (at(one.dispatch_time), task.name, one.number, at(one.schedule_time), at(one.response_time), result_of(one))
            for task in self.naive.reference.all_tasks
            for one in task.attempts
        ]
        self.tally["attempts"] += len(observed)
        assert sorted(expected, key=lambda one: one[:3]) == sorted(observed, key=lambda one: one[:3])

    # --- what is refused -----------------------------------------------------------------------------------------

    def _ask(self, rpc: str, **request: Any) -> None:
        with suppress(GoogleAPICallError):
            self._answer(rpc, request)

    @rule(queue=queue_names, kind=st.sampled_from(sorted(drawing.BAD_TASKS)))
    def create_bad_task(self, queue: str, kind: str) -> None:
        self._ask("create_task", parent=queue, task=drawing.BAD_TASKS[kind])

    @rule(queue=queue_names, fields=st.sampled_from(drawing.BAD_QUEUES), update=st.booleans())
    def set_bad_things(self, queue: str, fields: dict[str, Any], update: bool) -> None:
        if update:
            self._ask("update_queue", queue={"name": queue, **fields}, update_mask={"paths": sorted(fields)})
        else:
            self._ask("create_queue", parent=PARENTS[0], queue={"name": f"{queue}-bad", **fields})

    @rule(rpc=st.sampled_from(sorted(drawing.WITH_NAMES)), name=st.sampled_from(drawing.MALFORMED))
    def use_a_malformed_name(self, rpc: str, name: str) -> None:
        self._ask(rpc, **drawing.WITH_NAMES[rpc](name))

    @rule(project=st.just("projects/test-project"))
    def ask_for_what_is_not_implemented(self, project: str) -> None:
        self._ask("list_locations", name=project, filter="x")

    # --- more of the API -----------------------------------------------------------------------------------------

    @rule(queue=queue_names, fields=drawing.queue_fields, paths=drawing.masks)
    def update_parts(self, queue: str, fields: dict[str, Any], paths: list[str]) -> None:
        fields = {"retry_config": {"max_attempts": 2}, **fields}  # by default there are 100
        fields.pop("http_target", None)
        self._ask("update_queue", queue={"name": queue, **fields}, update_mask={"paths": paths})

    @rule(queue=queue_names, bad=st.booleans(), count=st.integers(1, 2), task_id=st.sampled_from(["", "0", "5"]))
    def batch_create(self, queue: str, bad: bool, count: int, task_id: str) -> None:
        task: dict[str, Any] = {"http_request": {"url": "" if bad else URL}}
        if task_id:
            task["name"] = f"{queue}/tasks/{task_id}"
        self._ask("batch_create_tasks", parent=queue, requests=[{"parent": queue, "task": task}] * count)

    @rule(queue=queue_names, ids=st.lists(st.sampled_from(["0", "1", "5"]), min_size=1, max_size=2))
    def batch_delete(self, queue: str, ids: list[str]) -> None:
        self._ask("batch_delete_tasks", parent=queue, names=[f"{queue}/tasks/{one}" for one in ids])

    @rule(policy=drawing.policies, rpcs=st.lists(AS_DRAWN, min_size=1, max_size=3))
    def work_under_a_policy(self, policy: dict[str, Any], rpcs: list[str]) -> None:
        self._ask("create_queue", parent=PARENTS[0], queue={"name": UNDER_POLICY})
        self._ask("set_iam_policy", resource=UNDER_POLICY, policy={**policy, "etag": b""})
        self._ask("test_iam_permissions", resource=UNDER_POLICY, permissions=ASKED)
        self._ask("create_task", parent=UNDER_POLICY, task={"http_request": {"url": URL}})
        for rpc in rpcs:
            self._ask(rpc, name=UNDER_POLICY)

    @rule(queue=queue_names, size=st.integers(1, 2))
    def list_pages(self, queue: str, size: int) -> None:
        self._ask("list_queues", parent=PARENTS[0], page_size=size)
        self._ask("list_tasks", parent=queue, page_size=size, response_view="FULL")


def error_in(observed: Any) -> str:
    """The class of the error that a call or a batch came to, if it did."""
    told_last = (observed or {}).get("result", observed) or {}
    return str(told_last.get("error", ""))


def plain_answer(response: Any) -> Any:
    """As the naive service returns it; of a batch the operation, and its result in the client."""
    if not hasattr(response, "operation"):
        return plain(response)
    try:
        result = plain(response.result())
    except GoogleAPICallError as error:
        result = {"error": type(error).__name__}
    return {"operation": plain(response.operation), "result": result}


def at(instant: int | None) -> datetime | None:
    """An instant of the naive service as the fake shows it."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant // SECOND, timezone.utc).replace(microsecond=instant % SECOND // 1000)


def result_of(attempt: Attempt) -> int | str | None:
    """What came of an attempt, as the fake shows it."""
    if attempt.response_time is None or attempt.answer_status is not None:
        return None if attempt.response_time is None else attempt.answer_status
    return status_of(attempt)[0]


def as_naive(value: Any) -> Any:
    """A request as the naive service reads it: durations and instants are texts."""
    if isinstance(value, Mapping):
        return {name: as_naive(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [as_naive(one) for one in value]
    if isinstance(value, timedelta):
        microseconds = value // timedelta(microseconds=1)
        return f"{microseconds // 10**6}.{microseconds % 10**6:06d}s"
    if isinstance(value, datetime):
        return shown_instant((int(value.timestamp()) * 10**6 + value.microsecond) * SECOND // 10**6)
    return value
