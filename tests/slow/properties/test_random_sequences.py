"""Random sequences of RPCs and driving methods, through Google's client, against a naive service of our own.

Names come from small sets, so that collisions, reserved names and missing ones are frequent. A run has a fixed size and
a fixed seed: that every RPC and every class of error comes up often enough is part of what is tested.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from google.cloud.tasks_v2 import types
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from pytest_cloudtasks._messages.rpc_handlers import Frontend
from pytest_cloudtasks._service.queue import Queue
from pytest_cloudtasks._service.service import Service
from tests.acceptance import drawing
from tests.acceptance.drawing import MALFORMED, QUEUES, WITH_NAMES, queue_names, task_names, views
from tests.acceptance.naive_fields import FILTERS, shown_instant
from tests.acceptance.sequences import PARENTS, PROJECT, Call, Difference, Drive, Play, Script, Setting
from tests.service.reference_parts import SECOND

ON_QUEUES = [*["get_queue", "purge_queue", "pause_queue", "resume_queue"] * 3, "resume_queue", "delete_queue"]
OF_ANOTHER = {"list_tasks": "filter", "list_queues": "parent"}
"""What of `drawing.changes_of_listings` isn't for this listing."""
ON_TASKS = ["get_task", "get_task", "run_task", "run_task", "delete_task"]


class Machine(RuleBasedStateMachine):
    """One example: a fake with its options, and what a client and a test do to it."""

    transport: ClassVar[str] = "grpc"
    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.play: Play | None = None
        self.etags = [b"of long ago"]
        self.operations = [f"{PARENTS[0]}/operations/unknown"]

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.play = Play(data.draw(drawing.setting_of(self.transport)), self.tally)
        for name in QUEUES[:2]:
            self.call("create_queue", parent=PARENTS[0], queue={"name": name, **data.draw(drawing.good_queues)})
        if data.draw(st.booleans()):
            self.drive("advance", seconds=5)  # queues may not be there before
        for task_id in ("t1", "", ""):
            self.create_plain_task(QUEUES[0], (drawing.URLS[0], task_id, data.draw(st.sampled_from([0, 5, 3600]))))
        if data.draw(st.booleans()):
            self.go_round(QUEUES[0], ["pause_queue", "resume_queue"])
        if self.play.naive.caller and data.draw(st.booleans()):
            rpcs = ["get_queue", "pause_queue", "resume_queue", "get_task", "run_task"]
            self.work_under_a_policy(QUEUES[1], data.draw(drawing.policies), rpcs)

    def teardown(self) -> None:
        if self.play is not None:
            self.play.close()

    def call(self, rpc: str, options: Mapping[str, Any] | None = None, /, **request: Any) -> Any:
        assert self.play is not None
        return self.play.do(Call(rpc, request, dict(options or {})))

    def drive(self, verb: str, **arguments: Any) -> None:
        assert self.play is not None
        self.play.do(Drive(verb, arguments))

    @property
    def now(self) -> int:
        assert self.play is not None
        return self.play.naive.reference.now

    # --- queues --------------------------------------------------------------------------------------------------

    @rule(name=queue_names, fields=drawing.queue_fields, ill=st.sampled_from([None] * 5 + ["a_b", "x" * 101, "moved"]))
    def create_queue(self, name: str, fields: dict[str, Any], ill: str | None) -> None:
        parent = name.partition("/queues/")[0]
        if ill == "moved":
            parent = PARENTS[0] if parent == PARENTS[1] else PARENTS[1]
        elif ill:
            name = f"{parent}/queues/{ill}"
        self.call("create_queue", parent=parent, queue={"name": name, **fields})

    @rule(rpcs=st.lists(st.sampled_from(ON_QUEUES), min_size=2, max_size=4), name=queue_names)
    def do_to_queue(self, rpcs: list[str], name: str) -> None:
        for rpc in rpcs:
            self.call(rpc, name=name)

    @rule(name=queue_names, seconds=st.sampled_from([5, 60]))
    def purge_and_drain(self, name: str, seconds: int) -> None:
        """No driving method waits for a task that will be removed."""
        self.create_plain_task(name, (drawing.URLS[0], "", seconds))
        self.call("purge_queue", name=name)
        self.drive("drain")

    @rule(name=queue_names, fields=drawing.queue_fields, good=drawing.good_queues, paths=drawing.masks)
    def update_queue(self, name: str, fields: dict[str, Any], good: dict[str, Any], paths: list[str] | None) -> None:
        mask = {} if paths is None else {"update_mask": {"paths": paths}}
        first = {} if paths is None else {"update_mask": {"paths": paths[:1]}}
        self.call("update_queue", queue={"name": name, **fields}, **mask)
        self.call("update_queue", queue={"name": name, **good}, **first)

    @rule(parent=st.sampled_from(PARENTS), size=st.sampled_from([0, 1, -1]), text=st.sampled_from(sorted(FILTERS)))
    def list_queues(self, parent: str, size: int, text: str) -> None:
        self.call("list_queues", parent=parent, page_size=size, filter=text)

    @rule(parent=queue_names, size=st.sampled_from([0, 1, 2, -1]), view=views)
    def list_tasks(self, parent: str, size: int, view: dict[str, str]) -> None:
        self.call("list_tasks", parent=parent, page_size=size, **view)

    @rule(queue=queue_names, seconds=st.sampled_from([0, 0, 7200, 7201]), change=drawing.changes_of_listings)
    def turn_a_page(self, queue: str, seconds: int, change: dict[str, str]) -> None:
        """The next page, about as long as a token is good, of the same listing or of another."""
        for rpc, parent in (("list_tasks", queue), ("list_queues", PARENTS[0])):
            request = {"parent": parent, "page_size": 1}
            token = self.call(rpc, **request).get("next_page_token", "a token")
            if seconds:
                self.drive("advance", seconds=seconds)
            other = {key: value for key, value in change.items() if key != OF_ANOTHER[rpc]}
            self.call(rpc, **{**request, "page_token": token, **other})

    @rule(queue=queue_names, size=st.sampled_from([1, 2, 5]))
    def list_all(self, queue: str, size: int) -> None:
        assert self.play is not None
        self.play.do(Call("list_tasks", {"parent": queue, "page_size": size}, every=True))
        self.play.do(Call("list_queues", {"parent": PARENTS[0], "page_size": size}, every=True))

    @rule(name=queue_names, states=st.sampled_from([["pause_queue"], ["pause_queue", "resume_queue"]]))
    def go_round(self, name: str, states: list[str]) -> None:
        """A little of everything, as it is meant to be done."""
        location, task = name.partition("/queues/")[0], {"http_request": {"url": drawing.URLS[1]}}
        self.create_plain_task(name, (drawing.URLS[0], "t2", 60))
        self.call("get_task", name=f"{name}/tasks/t2", response_view="FULL")
        self.call("run_task", name=f"{name}/tasks/t2")
        self.call("list_tasks", parent=name)
        self.batch("batch_create_tasks", parent=name, requests=[{"parent": name, "task": task}])
        self.batch("batch_delete_tasks", parent=name, names=[f"{name}/tasks/{one}" for one in ("t2", "none")])
        self.call("get_operation", name=self.operations[-1])
        for rpc in [*states, "get_queue"]:
            self.call(rpc, name=name)
        self.call("list_queues", parent=location)
        self.call("get_iam_policy", resource=name)
        self.call("get_location", name=location)

    # --- tasks ---------------------------------------------------------------------------------------------------

    @rule(parent=queue_names, data=st.data(), view=views, timeout=st.sampled_from([None, None, None, 30.0, 31.0]))
    def create_tasks(self, parent: str, data: st.DataObject, view: dict[str, str], timeout: float | None) -> None:
        for options in ({} if timeout is None else {"timeout": timeout}, {}):
            task = data.draw(drawing.tasks(parent, self.now))
            self.call("create_task", options, parent=parent, task=task, **view)

    @rule(parent=queue_names, bad=st.lists(st.sampled_from(sorted(drawing.BAD_TASKS)), min_size=2, max_size=5))
    def create_bad_tasks(self, parent: str, bad: list[str]) -> None:
        for kind in bad:
            self.call("create_task", parent=parent, task=drawing.BAD_TASKS[kind])

    @rule(name=queue_names, bad=st.lists(st.sampled_from(drawing.BAD_QUEUES), min_size=2, max_size=4))
    def set_bad_things(self, name: str, bad: list[dict[str, Any]]) -> None:
        for fields in bad:
            self.call("create_queue", parent=name.partition("/queues/")[0], queue={"name": name, **fields})
            self.call("update_queue", queue={"name": name, **fields}, update_mask={"paths": sorted(fields)})

    @rule(parent=queue_names, kinds=st.lists(drawing.plain_tasks, min_size=1, max_size=4))
    def create_plain_tasks(self, parent: str, kinds: list[tuple[str, str, int]]) -> None:
        for kind in kinds:
            self.create_plain_task(parent, kind)

    def create_plain_task(self, parent: str, kind: tuple[str, str, int]) -> None:
        url, task_id, seconds = kind
        name = {"name": f"{parent}/tasks/{task_id}"} if task_id else {}
        time = {"schedule_time": shown_instant(self.now + seconds * SECOND)} if seconds else {}
        self.call("create_task", parent=parent, task={**name, **time, "http_request": {"url": url}})

    def one_there(self, data: st.DataObject, other: str) -> str:
        """A task that is there, or ``other``."""
        assert self.play is not None
        there = [task.name for queue in self.play.naive.reference.live_queues for task in queue.live_tasks]
        return data.draw(st.sampled_from([*there, *there, other]))

    @rule(rpcs=st.lists(st.sampled_from(ON_TASKS), min_size=2, max_size=4), name=task_names, data=st.data(), view=views)
    def do_to_task(self, rpcs: list[str], name: str, data: st.DataObject, view: dict[str, str]) -> None:
        for rpc in rpcs:
            self.call(rpc, name=self.one_there(data, name), **({} if rpc == "delete_task" else view))

    @rule(name=task_names, again=st.booleans(), passed=st.sampled_from([0, 3599, 3600, 86400]))
    def use_a_name_again(self, name: str, again: bool, passed: int) -> None:
        """A name that was just given up is asked for, and asked after, about when it is free."""
        task = {"name": name, "http_request": {"url": drawing.URLS[0]}}
        self.call("create_task", parent=name.partition("/tasks/")[0], task=task)
        self.call("delete_task", name=name)
        self.call("get_task", name=name)
        if passed:
            self.drive("advance", seconds=passed)
        if again:
            self.call("create_task", parent=name.partition("/tasks/")[0], task=task)

    @rule(parent=queue_names, data=st.data(), outside=st.integers(0, 9), request_id=drawing.request_ids)
    def batch_create_tasks(self, parent: str, data: st.DataObject, outside: int, request_id: str) -> None:
        drawn = data.draw(st.lists(st.tuples(drawing.tasks(parent, self.now), views), max_size=4))
        requests = [{"parent": parent, "task": task, **view} for task, view in drawn]
        if requests and not outside:
            requests[-1]["parent"] = QUEUES[1]
        self.batch("batch_create_tasks", parent=parent, requests=requests, request_id=request_id)

    @rule(
        names=st.lists(task_names, max_size=2),
        data=st.data(),
        outside=st.integers(0, 9),
        request_id=drawing.request_ids,
    )
    def batch_delete_tasks(self, names: list[str], data: st.DataObject, outside: int, request_id: str) -> None:
        names = [self.one_there(data, name) for name in names[:1]] + names
        parent = names[0].partition("/tasks/")[0] if names else QUEUES[0]
        if outside:
            names = [f"{parent}/tasks/{name.rpartition('/')[2]}" for name in names]
        self.batch("batch_delete_tasks", parent=parent, names=names, request_id=request_id)

    def batch(self, rpc: str, **request: Any) -> None:
        answer = self.call(rpc, **request)
        if "operation" in answer:
            self.operations.append(answer["operation"]["name"])

    # --- policies, keys, locations, operations -------------------------------------------------------------------

    @rule(resource=queue_names, policy=drawing.policies, data=st.data())
    def use_policies(self, resource: str, policy: dict[str, Any], data: st.DataObject) -> None:
        asked = ["cloudtasks.tasks.create", "cloudtasks.queues.get", "cloudtasks.tasks.run"]
        asked += data.draw(st.sampled_from([[], [], ["none.such"], ["cloudtasks.queues.create"], asked]))
        self.call("test_iam_permissions", resource=resource, permissions=asked)
        self.note_etag(self.call("get_iam_policy", resource=resource))
        etag = data.draw(st.sampled_from([b"", b"", *self.etags[-2:]]))
        self.note_etag(self.call("set_iam_policy", resource=resource, policy={**policy, "etag": etag}))

    @precondition(lambda self: self.play is not None and self.play.naive.caller)
    @rule(
        name=queue_names, policy=drawing.policies, rpcs=st.lists(st.sampled_from([*ON_QUEUES, *ON_TASKS]), min_size=3)
    )
    def work_under_a_policy(self, name: str, policy: dict[str, Any], rpcs: list[str]) -> None:
        self.note_etag(self.call("set_iam_policy", resource=name, policy=policy))
        self.create_plain_task(name, (drawing.URLS[0], "t1", 5))
        for rpc in rpcs:
            self.call(rpc, name=name if rpc in ON_QUEUES else f"{name}/tasks/t1")

    def note_etag(self, policy: dict[str, str]) -> None:
        if "etag" in policy:
            self.etags.append(base64.b64decode(policy["etag"]))

    @rule(parent=st.sampled_from(PARENTS), key=drawing.keys, data=st.data())
    def ask_for_the_rest(self, parent: str, key: str, data: st.DataObject) -> None:
        config = {"name": f"{parent}/cmekConfig", "kms_key": key}
        paths = data.draw(st.sampled_from([[], ["kms_key"], ["name"], ["colour"]]))
        self.call("update_cmek_config", cmek_config=config, update_mask={"paths": paths})
        self.call("get_cmek_config", name=config["name"])
        self.call("get_location", name=data.draw(st.sampled_from([parent, parent, f"{PROJECT}/locations/-"])))
        self.call("list_locations", name=PROJECT, filter=data.draw(st.sampled_from(["", "", "", "x"])))
        self.call("get_operation", name=data.draw(st.sampled_from(self.operations[-3:])))

    @precondition(lambda self: self.transport == "grpc")
    @rule(rpc=st.sampled_from(sorted(drawing.WITH_NAMES)), name=st.sampled_from(MALFORMED))
    def use_a_malformed_name(self, rpc: str, name: str) -> None:
        """Over REST the client itself finds no path for it."""
        self.call(rpc, **drawing.WITH_NAMES[rpc](name))

    # --- driving -------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 1, 1, 2, 5, 15, 60, 600, 3600]))
    def advance(self, seconds: float) -> None:
        self.drive("advance", seconds=seconds)

    @rule(name=queue_names, days=st.sampled_from([0, 1 / 24, 3, 7, 31]))
    def advance_far(self, name: str, days: float) -> None:
        """A name that was just given up may be free again."""
        self.call("delete_queue", name=name)
        self.drive("advance", seconds=int(days * 86400))
        self.call("create_queue", parent=name.partition("/queues/")[0], queue={"name": name})

    @rule()
    def step(self) -> None:
        self.drive("step")

    @rule(only=st.booleans())
    def dispatch_due(self, only: bool) -> None:
        assert self.play is not None
        names = [queue.name for queue in self.play.naive.reference.live_queues]
        self.drive("dispatch_due", **({"queue": names[-1]} if only and names else {}))

    @rule(until=st.sampled_from([None, 1, 30, 4000]))
    def drain(self, until: int | None) -> None:
        self.drive("drain", **({} if until is None else {"until": until}))


class OverRest(Machine):
    """The same over the REST transport."""

    transport = "rest"
    tally: ClassVar[Counter[str]] = Counter()


def run(machine: type[Machine], examples: int, *phases: Phase) -> Counter[str]:
    """A run of that size, always the same; how often each RPC and each error came up in it."""
    machine.tally.clear()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            phases=[Phase.generate, *phases],
            report_multiple_bugs=False,
        ),
    )
    return machine.tally


ERRORS = ["NotFound", "AlreadyExists", "InvalidArgument", "FailedPrecondition", "PermissionDenied", "Aborted"]
LEAST = {
    **dict.fromkeys(WITH_NAMES, 10),
    **{f"{rpc} succeeded": 3 for rpc in WITH_NAMES},
    **dict.fromkeys(["advance", "step", "dispatch_due", "drain"], 20),
    **dict.fromkeys(ERRORS, 10),
    "MethodNotImplemented": 2,
}
"""How often each must come up in a run."""


def starved(tally: Counter[str]) -> list[str]:
    """What came up too seldom."""
    return [f"{what}: {tally[what]} of {least}" for what, least in LEAST.items() if tally[what] < least]


def test_every_answer_is_the_naive_services() -> None:
    """So are every error and the whole state after each call; and no RPC and no class of error is left out."""
    tally = run(Machine, 70, Phase.shrink)
    assert starved(tally) == []
    assert len([what for what in tally if what.startswith("text: ")]) >= 45, "too few refusals were tried"


def test_over_rest_errors_go_by_their_http_status() -> None:
    """The machine finds no difference over REST either, where Google's client has other classes for some codes."""
    tally = run(OverRest, 10, Phase.shrink)
    assert min(tally[name] for name in ("NotFound", "BadRequest", "Conflict", "create_task succeeded")) > 5


def test_every_rpc_that_is_modelled_is_called() -> None:
    """A new one fails here until the machine has it."""
    in_no_client = {"buffer_task"}  # tests/server calls it over REST and gRPC
    assert Frontend(types).rpcs - in_no_client == WITH_NAMES.keys()


def test_what_is_starved_is_named() -> None:
    """A run in which an RPC or a class of error comes up too seldom fails with their names and counts."""
    tally = Counter(LEAST)
    assert starved(tally) == []
    tally.update({"run_task": -1, "Aborted": -10})
    assert starved(tally) == ["run_task: 9 of 10", "Aborted: 0 of 10"]


# --- reproductions -----------------------------------------------------------------------------------------------


def unpaused(service: Service, now: int, name: str) -> Queue:
    """PauseQueue that doesn't."""
    return service.get_queue(now, name)


def forgetful(service: Service, now: int, name: str) -> None:
    """DeleteTask that does not reserve the name."""
    task = service.get_task(now, name)
    DELETE_TASK(service, now, name)
    service._reserved_tasks[task.queue_name]._until.clear()


def raising(service: Service, now: int, name: str) -> Queue:
    """GetQueue that lets an exception of its own out."""
    return service.queues[name]


DELETE_TASK = Service.delete_task


@pytest.mark.parametrize(
    ("rpc", "broken"), [("pause_queue", unpaused), ("delete_task", forgetful), ("get_queue", raising)]
)
def test_a_difference_comes_with_what_reproduces_it(
    rpc: str, broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printed script fails on the broken fake, by itself, and passes on one that isn't broken."""
    with monkeypatch.context() as patch:
        patch.setattr(Service, rpc, broken)
        with pytest.raises(Difference) as found:
            run(Machine, 70)
        script = found.value.script
        assert script in str(found.value)
        with pytest.raises((AssertionError, KeyError)):
            play(script)
    play(script)


def play(script: str) -> None:
    """Run it as a file of its own would be."""
    exec(compile(script, "reproduction.py", "exec"), {"__name__": "reproduction"})


def test_a_reproduction_is_a_script_of_googles_calls() -> None:
    """It has the setting, the calls and the methods in order, and ends with the expected results."""
    setting = Setting({"burst_size": 1}, {"*": Script((503, None, "late"), 3)})
    play_ = Play(setting)
    try:
        play_.do(Call("create_queue", {"parent": PARENTS[0], "queue": {"name": QUEUES[0]}}))
        play_.do(Drive("drain", {"until": 60}))
        play_.naive.reference.queues[0].state = "PAUSED"
        with pytest.raises(Difference) as found:
            play_.do(Call("get_queue", {"name": QUEUES[0]}))
    finally:
        play_.close()
    _, _, body = found.value.script.partition("with FakeCloudTasks(")
    assert body == TOLD
    assert str(found.value).startswith(
        f"The answer to answer_to(client.get_queue, {{'name': '{QUEUES[0]}'}}):\n  expected {{'name': '{QUEUES[0]}', "
    )


TOLD = f"""\
start=datetime(2030, 1, 1, 0, 0, tzinfo=timezone.utc), service={{'burst_size': 1}}) as cloud_tasks:
    client = CloudTasksClient(transport='grpc')
    routes = [cloud_tasks.route('*').returns(503).raises(ConnectionError).raises(TimeoutError)\
.takes(timedelta(seconds=3))]
    answer_to(client.create_queue, {{'parent': '{PARENTS[0]}', 'queue': {{'name': '{QUEUES[0]}'}}}})
    moved(cloud_tasks.drain(until=timedelta(seconds=60)))
    observed = answer_to(client.get_queue, {{'name': '{QUEUES[0]}'}})
    expected = {{'name': '{QUEUES[0]}',
     'rate_limits': {{'max_burst_size': 1, 'max_concurrent_dispatches': 1000, 'max_dispatches_per_second': 500.0}},
     'retry_config': {{'max_attempts': 100, 'max_backoff': '3600s', 'max_doublings': 16, 'min_backoff': '0.100s'}},
     'state': 'PAUSED'}}
    assert expected == observed, observed
"""
