"""What random sequences are made of: names from small sets, settings good and bad, tasks good and bad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ..service.reference_parts import HOUR, SECOND
from .naive_fields import shown_instant
from .sequences import CALLER, PARENTS, PROJECT, Script, Setting

QUEUES = [f"{PARENTS[0]}/queues/a", f"{PARENTS[0]}/queues/b", f"{PARENTS[1]}/queues/a"]
URLS = ["https://worker.test/a", "https://worker.test/b?x=1"]
ACCOUNT = "sa@test-project.iam.gserviceaccount.com"
MALFORMED = ["", "queues/a", f"{PARENTS[0]}/queues", f"{PARENTS[0]}/queues/a/b", "projects/a_b/locations/l/queues/q"]

queue_names = st.sampled_from([*[QUEUES[0]] * 4, QUEUES[1], QUEUES[2]])
task_names = st.builds("{}/tasks/{}".format, queue_names, st.sampled_from(["t1", "t1", "t2", "t3"]))
views = st.sampled_from([{}, {}, {"response_view": "BASIC"}, {"response_view": "FULL"}])


def some(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A message with some of these fields."""
    choices = {name: st.sampled_from(values) for name, values in fields.items()}
    return st.lists(st.sampled_from(sorted(choices)), max_size=3, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: choices[name] for name in names})
    )


# --- what the service is given -----------------------------------------------------------------------------------

rate_limits = some(
    max_dispatches_per_second=[0, 0.5, 1, 2, 100, 500, -1, 501],
    max_concurrent_dispatches=[1, 1, 2, 5001, -1],
    max_burst_size=[-1, 7],
)
retry_configs = some(
    max_attempts=[1, 2, 3, 3, 5, 0, -2],
    max_retry_duration=["0s", "5s", "20s", "-1s", "2.5s"],
    min_backoff=["1s", "2.5s", "0.5s", "0s", "10s", "7200s", "-1s"],
    max_backoff=["5s", "100s", "4.9s", "-1s"],
    max_doublings=[0, 0, 1, 3, -1],
)
good_retry_configs = st.sampled_from(
    [{"max_attempts": 2}, {"max_attempts": 3, "min_backoff": "2.5s", "max_doublings": 1}, {}]
)
http_targets = st.sampled_from(
    [
        {},
        {"uri_override": {"host": "queue.test", "port": 99, "path_override": {"path": "all"}}, "http_method": "GET"},
        {"uri_override": {"scheme": "HTTP", "port": 0, "path_override": {}, "query_override": {}}},
        {
            "uri_override": {"uri_override_enforce_mode": "IF_NOT_EXISTS", "query_override": {"query_params": "b=2"}},
            "header_overrides": [{"header": {"key": "X-Queue", "value": "queue"}}],
        },
        {"header_overrides": [{"header": {"key": "x-queue", "value": "a\r\nqueue"}}]},
        {"header_overrides": [{"header": {"key": "X-Queue"}}]},
        {"uri_override": {"host": ""}},
        {"uri_override": {"host": "queue.test:80"}},
        {"uri_override": {}},
        {"oidc_token": {"service_account_email": ACCOUNT}},
        {"oauth_token": {"service_account_email": ACCOUNT}},
        {"oidc_token": {"audience": "a"}},
        {"uri_override": {"port": -1}},
        {"header_overrides": [{}, {"header": {"key": "host", "value": "a"}}]},
    ]
)
queue_fields = st.builds(
    lambda *parts: {name: value for part in parts for name, value in part.items()},
    st.just({}) | rate_limits.map(lambda one: {"rate_limits": one}),
    st.just({}) | (retry_configs | good_retry_configs).map(lambda one: {"retry_config": one}),
    st.just({}) | http_targets.map(lambda one: {"http_target": one}),
    st.sampled_from(
        [
            *[{}] * 5,
            {"stackdriver_logging_config": {"sampling_ratio": 0.5}},
            {"stackdriver_logging_config": {}},
            {"stackdriver_logging_config": {"sampling_ratio": 1.5}},
            {"app_engine_routing_override": {"service": "worker", "version": "v1"}},
            {"state": "PAUSED"},
        ]
    ),
)
masks = st.sampled_from(
    [
        *[None] * 4,
        [],
        ["rate_limits"],
        ["retry_config", "state"],
        ["rate_limits.max_dispatches_per_second"],
        ["retry_config.max_attempts", "retry_config.min_backoff"],
        ["retry_config.max_doublings"],
        ["http_target", "stackdriver_logging_config.sampling_ratio"],
        ["http_target.uri_override.host", "app_engine_routing_override"],
        ["colour"],
        ["retry_config.colour"],
    ]
)
headers = st.sampled_from(
    [
        *[{}] * 4,
        *[{"X-Queue": "own"}] * 2,
        {"user-agent": "me", "Host": "h", "X-CloudTasks-TaskName": "x", "content-type": "a/b"},
        {"X-Queue": "a\r\nb", "X-Nul": "a\0b", "X-Tab": "a\tb c", "X-Empty": "", "X-Del": "a\x7f", "X-Far": "日本"},
        {"X Space": "a", "X:Colon": "a", "X/Slash": "a", "Ü": "a", "": "a"},
        {"X-Long": "x" * 8182, "X-Longer": "x" * 8181},
        {"TE": "a", "Via": "a", "From": "a", "Proxy-A": "a", "Keep-Alive": "a", "X-Forwarded-For": "a", "Upgrade": "a"},
        {"X-Google-A": "a", "X-Goog-A": "a", "X-AppEngine-A": "a", "X-Forwarded-Proto": "a", "Trailer": "a"},
        {"Authorization": "Bearer own", "X-CloudTasks-Own": "a", "Accept-Encoding": "a", "Transfer-Encoding": "a"},
    ]
)
bodies = st.sampled_from([{}, {"body": b"abc"}])
http_requests = st.builds(
    lambda url, sent, body, rest: {"http_request": {"url": url, "headers": sent, **body, **rest}},
    st.sampled_from([*URLS * 3, "https://worker.test/c", "http://worker.test:81", "https://storage.googleapis.com/c"]),
    headers,
    bodies,
    st.sampled_from(
        [
            *[{}] * 5,
            {"http_method": "PUT"},
            {"oidc_token": {"service_account_email": ACCOUNT, "audience": "x"}},
            {"oidc_token": {"service_account_email": ACCOUNT}},
            {"oauth_token": {"service_account_email": ACCOUNT}},
            {"oauth_token": {"service_account_email": "worker"}},
        ]
    ),
)
app_engine_requests = st.builds(
    lambda uri, sent, body, rest: {"app_engine_http_request": {"relative_uri": uri, "headers": sent, **body, **rest}},
    st.sampled_from(["", "/run"]),
    headers,
    bodies,
    st.sampled_from([{}, {"app_engine_routing": {"service": "worker", "instance": "1"}}]),
)
BAD_QUEUES: list[dict[str, Any]] = [
    *({"rate_limits": {"max_dispatches_per_second": rate}} for rate in (-1, 501)),
    *({"rate_limits": {"max_concurrent_dispatches": number}} for number in (-1, 5001)),
    *({"retry_config": {name: -2}} for name in ("max_attempts", "max_doublings")),
    *({"retry_config": {name: "-1s"}} for name in ("min_backoff", "max_backoff", "max_retry_duration")),
    {"retry_config": {"min_backoff": "7200s"}},
    {"stackdriver_logging_config": {"sampling_ratio": 1.5}},
    {"http_target": {"uri_override": {"host": ""}}},
    {"http_target": {"uri_override": {"port": -1}}},
    {"http_target": {"oidc_token": {}}},
    {"http_target": {"oidc_token": {"service_account_email": "worker"}}},
    {"http_target": {"uri_override": {}}},
]
BAD_TASKS: dict[str, dict[str, Any]] = {
    "no target": {},
    "no URL": {"http_request": {"url": ""}},
    "no scheme": {"http_request": {"url": "worker.test/a"}},
    "another scheme": {"http_request": {"url": "ftp://worker.test/a"}},
    "a long URL": {"http_request": {"url": "https://worker.test/" + "x" * 2084}},
    "large headers": {"http_request": {"url": URLS[0], "headers": {f"X-{n}": "x" * 8000 for n in range(11)}}},
    "a token over http": {
        "http_request": {"url": "http://worker.test/a", "oidc_token": {"service_account_email": ACCOUNT}}
    },
    "a body with GET": {"http_request": {"url": URLS[0], "http_method": "GET", "body": b"abc"}},
    "a short deadline": {"http_request": {"url": URLS[0]}, "dispatch_deadline": "14.9s"},
    "a long deadline": {"http_request": {"url": URLS[0]}, "dispatch_deadline": "1800.1s"},
    "too far in the future": {"http_request": {"url": URLS[0]}, "schedule_time": "2039-01-01T00:00:00.5Z"},
    "bad retries": {"http_request": {"url": URLS[0]}, "retry_config": {"max_doublings": -1}},
    "a malformed name": {"http_request": {"url": URLS[0]}, "name": "tasks/t1"},
    "a task of another queue": {"http_request": {"url": URLS[0]}, "name": f"{QUEUES[1]}/tasks/t1"},
    "a bad ID": {"http_request": {"url": URLS[0]}, "name": f"{QUEUES[0]}/tasks/no id"},
    "a large body": {"http_request": {"url": URLS[0], "body": b"x" * 4000}},
    "a long App Engine deadline": {"app_engine_http_request": {}, "dispatch_deadline": "86415.1s"},
    "a long path": {"app_engine_http_request": {"relative_uri": "/" + "x" * 2083}},
    "a path without a slash": {"app_engine_http_request": {"relative_uri": "run"}},
    "a space": {"app_engine_http_request": {"relative_uri": "/a b"}},
    "a body with PATCH": {"app_engine_http_request": {"relative_uri": "/run", "http_method": "PATCH", "body": b"abc"}},
}
deadlines = st.sampled_from(
    [*[{}] * 6, *({"dispatch_deadline": one} for one in ("15s", "20.0005s", "14s", "1801s", "86416s"))]
)
DELAYS = [None, None, None, *(after * SECOND for after in (-5, 1, 5, 60, 3600, 720 * 3600)), 720 * HOUR + 1000]
settings_of_tasks = st.sampled_from(
    [*[{}] * 4, {"retry_config": {"max_attempts": 1}}, {"retry_config": {"max_attempts": -3}}]
)
OWN_ROLES = {
    "iam_emulation": CALLER,
    "iam_roles": {f"{PROJECT}/roles/creator": ["cloudtasks.tasks.create", "cloudtasks.tasks.get"]},
}
policies = st.builds(
    lambda roles, members: {"bindings": [{"role": role, "members": members} for role in roles]},
    st.sampled_from(
        [
            ["roles/cloudtasks.admin", "roles/iam.serviceAccountUser"],
            ["roles/cloudtasks.enqueuer"],
            ["roles/cloudtasks.enqueuer", "roles/cloudtasks.enqueuer"],
            ["viewer"],
            ["roles/cloudtasks.queueAdmin"],
            ["roles/cloudtasks.admin"],
            ["roles/cloudtasks.taskRunner"],
            *[[f"{PROJECT}/roles/creator"]] * 2,
        ]
    ),
    st.sampled_from([[CALLER], [CALLER], ["allUsers"], ["user:you@example.com"], [CALLER, CALLER], ["you"]]),
)
scripts = st.builds(
    Script,
    st.sampled_from([(200,), (503,), (500, 200), (404, None, 200), ("late", 200), (304, 200), (429, 503, 200)])
    | st.tuples(st.sampled_from([301, 307, 400, 401, 403, 409, 410, 499, 501, 502, 504]), st.just(200))
    | st.sampled_from([(URLS[1], 503, 200), (503, URLS[1], 200), (302, 200)]),
    st.sampled_from([0, 0, 0, 3, 20]),
    st.none(),
) | st.builds(Script, st.sampled_from([(503, 200), (429, 429, 200), (304, 200)]), st.sampled_from([0, 1]), st.just(7))
options = some(
    queue_tombstone_ttl=["0s", "3600s", "259200s"],
    task_tombstone_ttl=["3600s"],
    purge_delay=["30s"],
    queue_init_delay=["5s"],
    ghost_recreate=[True],
    legacy_errors=[True],
    system_throttle=["simple"],
    honour_retry_after=[True],
    treat_304_as_success=[True],
    burst_size=[1, 3],
    max_task_size=[3000],
)

good_queues = st.builds(
    lambda rates, retries: {"rate_limits": rates, "retry_config": retries},
    st.sampled_from([{}, {"max_dispatches_per_second": 1}, {"max_concurrent_dispatches": 1}]),
    good_retry_configs,
)
plain_tasks = st.tuples(
    st.sampled_from(URLS), st.sampled_from(["", "", "t1", "t2", "t3"]), st.sampled_from([0, 0, 5, 3600])
)
changes_of_listings = st.sampled_from(
    [{}, {}, {"page_token": "a token"}, {"parent": QUEUES[1]}, {"filter": "state = RUNNING"}]
)
request_ids = st.sampled_from(["", "", "", "one", "two"])
keys = st.sampled_from(
    [
        "",
        *(f"{PARENTS[0]}/keyRings/r{rest}" for rest in ("", "/cryptoKeys/k", "/cryptoKeys/k/cryptoKeyVersions/1")),
        "k",
    ]
)
WITH_NAMES: dict[str, Callable[[str], dict[str, Any]]] = {
    **dict.fromkeys(
        ("get_queue", "delete_queue", "purge_queue", "pause_queue", "resume_queue", "get_task", "delete_task"),
        lambda name: {"name": name},
    ),
    **dict.fromkeys(("run_task", "get_operation", "get_cmek_config", "get_location"), lambda name: {"name": name}),
    **dict.fromkeys(("get_iam_policy", "test_iam_permissions"), lambda name: {"resource": name}),
    "set_iam_policy": lambda name: {"resource": name, "policy": {"etag": b""}},
    "list_queues": lambda name: {"parent": name},
    "list_tasks": lambda name: {"parent": name},
    "create_queue": lambda name: {"parent": PARENTS[0], "queue": {"name": name}},
    "update_queue": lambda name: {"queue": {"name": name}},
    "create_task": lambda name: {"parent": name, "task": {"http_request": {"url": URLS[0]}}},
    "batch_create_tasks": lambda name: {"parent": name, "requests": []},
    "batch_delete_tasks": lambda name: {"parent": name, "names": []},
    "update_cmek_config": lambda name: {"cmek_config": {"name": name}},
    "list_locations": lambda name: {"name": name},
}
"""RPCs, asked with a name that may be malformed."""


@st.composite
def setting_of(draw: st.DrawFn, transport: str) -> Setting:
    """Service options, a few of them or none, and what the routes answer; any URL has one."""
    chosen = {
        **draw(options),
        **draw(st.sampled_from([{}, {}, {}, OWN_ROLES, OWN_ROLES, {"max_task_size": 3000}, {"purge_delay": "30s"}])),
    }
    return Setting(chosen, {url: draw(scripts) for url in [*URLS, "*"]}, transport)


@st.composite
def tasks(draw: st.DrawFn, queue: str, now: int) -> dict[str, Any]:
    """A task for ``queue``, good more often than not."""
    target = draw(http_requests | http_requests | app_engine_requests)
    if draw(st.integers(0, 7)) == 7:
        target = BAD_TASKS[draw(st.sampled_from(sorted(BAD_TASKS)))]
    name = draw(st.sampled_from(["", "", "t1", "t1", "t2", "t3", "no id", "t9"]))
    task = {**target, **draw(deadlines), **draw(settings_of_tasks)}
    if name:
        parent = QUEUES[1] if name == "t9" else queue
        task["name"] = f"{parent}/tasks/{name}"
    if draw(st.integers(0, 30)) == 30:
        task["name"] = "tasks/t1"
    after = draw(st.sampled_from(DELAYS))
    if after is not None:
        task["schedule_time"] = shown_instant(now + after)
    if draw(st.integers(0, 12)) == 12:
        task["http_request"] = {"url": URLS[0], "body": b"x" * 4000}
        task.pop("app_engine_http_request", None)
    return task
