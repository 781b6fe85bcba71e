"""What happens in a comparison of the model with `reference`: commands in a row, and by what laws."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from .reference_parts import DAY, HOUR, SECOND, Answer, Laws, Rates, Retries
from .reference_requests import Request

BURSTS = {Fraction(1, 2): 1, Fraction(1): 2, Fraction(2): 1, Fraction(5): 3}
"""Rates at which a token takes a whole number of nanoseconds, and small bursts, so that tokens do run out."""


@dataclass(frozen=True)
class Create:
    queue: str
    task: str
    """Empty for a name of the service's own."""
    after: int | None
    """The schedule time, counted from now."""
    deadline: int | None
    retries: Retries | None
    times: int
    """How many of it are created, if unnamed."""
    answers: tuple[Answer, ...]
    """What the handler does, attempt by attempt; the last one repeats."""
    request: Request


@dataclass(frozen=True)
class OnTask:
    verb: str
    back: int
    """Which one: 0 for the task that was accepted last, gone or not."""


@dataclass(frozen=True)
class OnQueue:
    verb: str
    queue: str
    rates: Rates
    retries: Retries
    http_target: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchCreate:
    queue: str
    creations: tuple[Create, ...]
    """Unless they are of one queue, all of it is refused."""
    request_id: str


@dataclass(frozen=True)
class BatchDelete:
    queue: str
    backs: tuple[int, ...]
    request_id: str


@dataclass(frozen=True)
class Advance:
    by: int


Command = Create | OnTask | OnQueue | BatchCreate | BatchDelete | Advance


@dataclass(frozen=True)
class Workload:
    """What happens, and by what laws."""

    laws: Laws
    commands: list[Command]


QUICK = Retries(3, 0, SECOND, 5 * SECOND, 1)
retries = st.sampled_from(
    [
        QUICK,
        replace(QUICK, max_attempts=1),
        replace(QUICK, max_attempts=1, max_retry_duration=3 * SECOND),
        replace(QUICK, max_attempts=-1, max_retry_duration=7 * SECOND),
        replace(QUICK, max_attempts=6, max_retry_duration=7 * SECOND),
        replace(QUICK, max_attempts=2, max_retry_duration=5 * SECOND, min_backoff=5 * SECOND // 2, max_doublings=0),
        Retries(8, 0, 10 * SECOND, 300 * SECOND, 2),
        Retries(8, 0, 2 * SECOND, 7 * SECOND, 0),
        Retries(30, 0, SECOND // 10, HOUR, 16),
        Retries(-1, 0, 10 * SECOND, 100_000 * SECOND, 16),
    ]
)
rates = st.builds(
    lambda rate, concurrency: Rates(rate, BURSTS[rate], concurrency),
    st.sampled_from(sorted(BURSTS)),
    st.sampled_from([1000, 2, 1, 1]),
)
answers = st.builds(
    Answer,
    st.sampled_from([200, 503, 404, 500, 429, 304, None]),
    st.sampled_from([0, 0, SECOND, 3 * SECOND, 15 * SECOND, 20 * SECOND]),
    st.sampled_from([None, None, None, 4 * SECOND]),
)
queues = st.sampled_from([*"qqqqq", "r"])
requests = st.sampled_from(
    [
        *[Request("https://worker.test/run")] * 2,
        *[Request("https://worker.test/run", headers=(("x-queue", "own"),), body=b"abc")] * 2,
        Request("http://worker.test:81?a=1", "PUT", body=b"abc"),
        Request("/run", is_app_engine=True),
    ]
)
http_targets = st.sampled_from(
    [
        {},
        {"uri_override": {"host": "queue.test", "port": 99, "path_override": {"path": "all"}}, "http_method": "GET"},
        {"uri_override": {"scheme": "HTTP", "port": 0, "path_override": {}, "query_override": {}}},
        {
            "uri_override": {
                "uri_override_enforce_mode": "IF_NOT_EXISTS",
                "host": "queue.test",
                "path_override": {"path": "/filled"},
                "query_override": {"query_params": "b=2"},
            },
            "header_overrides": [{"header": {"key": "X-Queue", "value": "queue"}}],
            "oidc_token": {"service_account_email": "sa@p.test", "audience": "https://audience.test"},
        },
    ]
)
creations = st.builds(
    Create,
    queues,
    st.sampled_from(["", "", "a", "b"]),
    st.sampled_from([None, None, None, -5 * SECOND, SECOND, 5 * SECOND, HOUR, 720 * HOUR, 720 * HOUR + 1]),
    st.sampled_from([None, 15 * SECOND, 20 * SECOND]),
    st.none() | retries,
    st.sampled_from([1, 1, 1, 4]),
    st.lists(answers, min_size=1, max_size=4).map(tuple),
    requests,
)
on_tasks = st.builds(
    OnTask,
    st.sampled_from(["run_task", "run_task", "delete_task", "get_task"]),
    st.sampled_from([0, 0, 1, 2, 5]),
)
on_queues = st.builds(
    OnQueue,
    st.sampled_from(
        [
            "create_queue",
            "delete_queue",
            "purge_queue",
            *["pause_queue", "resume_queue"] * 2,
            *["update_rates", "update_retries"] * 3,
            "update_doublings",
            "update_target",
        ]
    ),
    queues,
    rates,
    retries,
    http_targets,
)
request_ids = st.sampled_from(["", "", "one", "two"])
batches = st.one_of(
    st.builds(BatchCreate, st.just("q"), st.lists(creations, min_size=1, max_size=4).map(tuple), request_ids),
    st.builds(BatchDelete, queues, st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple), request_ids),
)
_SHORT_WHILES = [SECOND // 2, *(seconds * SECOND for seconds in (1, 1, 2, 2, 3, 5, 5, 15, 60))]
advances = st.sampled_from([*_SHORT_WHILES, *_SHORT_WHILES, HOUR, DAY, 7 * DAY, 31 * DAY]).map(Advance)
any_laws = st.just(Laws()) | st.builds(
    Laws,
    queue_tombstone_ttl=st.sampled_from([7 * DAY, HOUR]),
    task_tombstone_ttl=st.sampled_from([DAY, HOUR]),
    purge_delay=st.sampled_from([0, 3 * SECOND]),
    queue_init_delay=st.sampled_from([0, 2 * SECOND]),
    ghosts=st.booleans(),
    old_errors=st.booleans(),
    throttles=st.booleans(),
    honours_retry_after=st.booleans(),
    takes_304=st.booleans(),
)


@st.composite
def names_used_again(draw: st.DrawFn, by: Laws) -> list[Command]:
    """A named task, or a queue, goes, and its name is asked for again about when it is free."""
    if draw(st.booleans()):
        first, again = draw(creations), draw(creations)
        ttl = by.task_tombstone_ttl
        return [
            replace(first, queue="q", task="a"),
            draw(st.sampled_from([OnTask("delete_task", 0), BatchDelete("q", (0,), "")])),
            Advance(draw(st.sampled_from([ttl, ttl - 1, SECOND]))),
            OnTask("get_task", 0),
            replace(again, queue="q", task="a"),
        ]
    first_queue, queue_again = draw(on_queues), draw(on_queues)
    ttl = by.queue_tombstone_ttl
    return [
        replace(first_queue, verb="delete_queue", queue="q"),
        Advance(draw(st.sampled_from([ttl, ttl - 1, SECOND]))),
        replace(draw(creations), queue="q"),
        replace(queue_again, verb="create_queue", queue="q"),
        Advance(draw(st.sampled_from([0, 2 * SECOND]))),
        replace(draw(creations), queue="q"),
    ]


@st.composite
def limits_changed_at_work(draw: st.DrawFn) -> list[Command]:
    """A queue with more tasks than it may dispatch gets other limits."""
    return [
        replace(draw(creations), queue="q", task="", times=4, after=None),
        draw(advances),
        replace(draw(on_queues), verb="update_rates", queue="q"),
        replace(draw(creations), queue="q", task="", times=4, after=None),
        draw(advances),
    ]


@st.composite
def purges_at_work(draw: st.DrawFn) -> list[Command]:
    """A queue is purged that has tasks, old ones maybe, and gets others, before the purge takes effect or after."""
    old = [replace(draw(on_queues), verb="pause_queue", queue="q"), Advance(31 * DAY - 2 * SECOND)]
    return [
        replace(draw(creations), queue="q", task=""),
        *draw(st.sampled_from([[], old])),
        replace(draw(on_queues), verb="purge_queue", queue="q"),
        Advance(draw(st.sampled_from([SECOND, 5 * SECOND]))),
        replace(draw(creations), queue="q", task=""),
        draw(advances),
    ]


@st.composite
def retries_to_the_end(draw: st.DrawFn) -> list[Command]:
    """A task fails and fails until its queue's settings, just changed, let it go."""
    short, linear = Retries(1, 3 * SECOND, SECOND, 5 * SECOND, 1), Retries(8, 0, 2 * SECOND, 7 * SECOND, 0)
    change = replace(draw(on_queues), queue="q", verb="update_retries", retries=draw(st.sampled_from([short, linear])))
    doublings = replace(change, verb="update_doublings")
    rates_then = replace(change, verb="update_rates")
    answer = Answer(503, 0, draw(st.sampled_from([None, SECOND // 2])))
    failing = replace(draw(creations), queue="q", task="", after=None, retries=None, times=1, answers=(answer,))
    return [
        change,
        *draw(st.sampled_from([[], [doublings], [doublings, rates_then]])),
        failing,
        Advance(60 * SECOND),
    ]


@st.composite
def two_attempts_at_once(draw: st.DrawFn) -> list[Command]:
    """RunTask while an attempt is under way."""
    slow = tuple(replace(draw(answers), takes=draw(st.sampled_from([SECOND, 3 * SECOND]))) for _ in range(3))
    return [
        replace(draw(creations), queue="q", task="", after=None, times=1, answers=slow),
        Advance(draw(st.sampled_from([0, SECOND // 2]))),
        OnTask("run_task", 0),
        draw(advances),
    ]


@st.composite
def batches_again(draw: st.DrawFn) -> list[Command]:
    """A batch, and another one by the same request ID."""
    one, other = draw(batches), draw(batches)
    return [replace(one, request_id="three"), replace(other, request_id="three")]


def _one(command: Command) -> list[Command]:
    return [command]


def episodes(by: Laws) -> st.SearchStrategy[list[Command]]:
    """What happens in a row."""
    return st.sampled_from(
        [
            *[creations.map(_one)] * 4,
            *[advances.map(_one)] * 4,
            *[on_tasks.map(_one)] * 2,
            *[on_queues.map(_one)] * 2,
            batches.map(_one),
            names_used_again(by),
            limits_changed_at_work(),
            purges_at_work(),
            retries_to_the_end(),
            batches_again(),
            two_attempts_at_once(),
        ]
    ).flatmap(lambda kind: kind)


@st.composite
def workloads_under(draw: st.DrawFn, laws: st.SearchStrategy[Laws]) -> Workload:
    """Two queues, and a number of episodes."""
    by = draw(laws)
    first = [OnQueue("create_queue", name, draw(rates), draw(retries), draw(http_targets)) for name in ("q", "r")]
    drawn = draw(st.lists(episodes(by), min_size=8, max_size=24))
    return Workload(by, [*first, Advance(by.queue_init_delay), *(one for episode in drawn for one in episode)])


workloads = workloads_under(any_laws)
