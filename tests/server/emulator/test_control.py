from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from aiohttp import web
from google.api_core.exceptions import PermissionDenied, ServiceUnavailable

from pytest_cloudtasks._messages.api_versions import TYPES
from pytest_cloudtasks._messages.methods import methods_of
from pytest_cloudtasks._messages.versioned_rpcs import NOT_SERVED
from pytest_cloudtasks._server.emulator.control_api import Control
from pytest_cloudtasks._server.emulator.destinations import Destinations
from pytest_cloudtasks._server.emulator.log import Log
from pytest_cloudtasks._server.emulator.scheduler_loop import SchedulerLoop
from pytest_cloudtasks._server.emulator.sender import Sender
from pytest_cloudtasks._simulation.settings.settings import Settings
from tests.patience import PATIENCE
from tests.targets.servers import Received, Reply

from .running import BASE, QUEUE, Emulator, Worker


def now_of(server: Emulator) -> datetime:
    """Return the server's instant."""
    return datetime.fromisoformat(server.get("/healthz")["now"])


def refusal(server: Emulator, method: str, path: str, body: str | bytes = "") -> tuple[int, str, str]:
    """Check the shape of Google's error, and return its HTTP status, code and message."""
    headers = {"Content-Type": "application/json"} if body else {}
    answer = requests.request(method, f"{server.url}{path}", data=body, headers=headers, timeout=PATIENCE)
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "status"}
    assert error["code"] == answer.status_code
    return error["code"], error["status"], error["message"]


def held_until(answering: threading.Event, arrived: threading.Event | None = None) -> Callable[[Received], Reply]:
    """Return a reply of 200 that waits for ``answering``; ``arrived`` is set when a request is there."""

    def reply(_: Received) -> Reply:
        if arrived is not None:
            arrived.set()
        return 200 if answering.wait(PATIENCE) else 500, [], b""

    return reply


def test_the_health_endpoint_says_what_time_it_is(server: Emulator) -> None:
    """It answers as long as the server runs."""
    health = server.get("/healthz")
    assert health["status"] == "ok"
    assert datetime.fromisoformat(health["now"]).tzinfo is not None


def test_a_jump_visits_each_event_at_its_own_instant(server: Emulator, worker: Worker) -> None:
    """Time does not move while an answer is awaited, so backoffs are exact to the nanosecond."""
    worker.answers(503, 503)
    with server.client() as client:
        client.update_queue(
            queue={"name": QUEUE, "retry_config": {"min_backoff": timedelta(seconds=10)}},
            update_mask={"paths": ["retry_config.min_backoff"]},
        )
    due = now_of(server) + timedelta(hours=1)
    server.create({"schedule_time": due})
    server.post("/control/jump", by="2h")
    times = [datetime.fromisoformat(one["dispatch_time"]) for one in server.get("/control/attempts")["attempts"]]
    assert times == [due, due + timedelta(seconds=10), due + timedelta(seconds=30)]
    assert server.results() == [503, 503, 200]


def test_a_jump_says_what_happened_on_the_way(server: Emulator, worker: Worker) -> None:
    """The result is like the summary of a driving method; tasks that can't be dispatched are listed with the reason."""
    due = now_of(server) + timedelta(minutes=5)
    server.create({"schedule_time": due})
    paused = QUEUE.replace("emails", "paused")
    with server.client() as client:
        client.create_queue(parent=QUEUE.partition("/queues/")[0], queue={"name": paused})
        client.pause_queue(name=paused)
        held = client.create_task(parent=paused, task={"http_request": {"url": f"{BASE}/held"}})
    gone = server.post("/control/jump", by="600s")
    assert datetime.fromisoformat(gone.pop("now")) > due
    assert gone == {
        "attempts": 1,
        "succeeded": 1,
        "failed": 0,
        "exhausted": 0,
        "expired": 0,
        "blocked": [{"task": held.name, "reason": "the queue is paused"}],
    }


def test_a_jump_goes_to_an_instant(server: Emulator) -> None:
    """The server's time is then that instant, and follows the wall clock from there."""
    there = (now_of(server) + timedelta(days=3)).replace(microsecond=0)
    assert datetime.fromisoformat(server.post("/control/jump", to=there.isoformat())["now"]) == there
    assert there <= now_of(server) < there + timedelta(hours=1)


def test_time_does_not_go_backwards(server: Emulator) -> None:
    """A jump to an earlier instant is rejected, and time stays where it is."""
    before = now_of(server)
    code, status, message = refusal(server, "POST", "/control/jump", '{"to": "2001-01-01T00:00:00Z"}')
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert message.startswith("Time can't go backwards: it is ")
    assert message.endswith(", but the jump got to=2001-01-01T00:00:00+00:00. Jump to a later instant.")
    assert before <= now_of(server) < before + timedelta(hours=1)


def test_a_jump_waits_for_what_is_under_way(server: Emulator, worker: Worker) -> None:
    """It doesn't move time before the response; its result has the outcome of the attempt that began before it."""
    arrived, answering = threading.Event(), threading.Event()
    worker.reply = held_until(answering, arrived)
    server.create()
    assert arrived.wait(PATIENCE)
    told: list[Any] = []
    jumping = threading.Thread(target=lambda: told.append(server.post("/control/jump", by="1h")))
    jumping.start()
    while now_of(server) != now_of(server):
        pass  # time stands still once the jump has begun
    assert (told, server.results()) == ([], [None])
    answering.set()
    jumping.join(PATIENCE)
    assert [(gone["attempts"], gone["succeeded"]) for gone in told] == [(0, 1)]


def test_draining_jumps_until_no_task_waits(server: Emulator, worker: Worker) -> None:
    """The last task may be arbitrarily far in the future."""
    server.create({"schedule_time": now_of(server) + timedelta(days=29)})
    assert server.post("/control/drain")["succeeded"] == 1
    assert [one.target for one in worker.received] == ["/send"]


def test_a_jump_has_a_limit(server: Emulator, worker: Worker) -> None:
    """A task that always fails would keep it going; the error has the instant that it reached."""
    worker.reply = lambda _: (500, [], b"")
    server.create()
    code, status, message = refusal(server, "POST", "/control/drain", '{"limit": 3}')
    assert (code, status) == (429, "RESOURCE_EXHAUSTED")
    assert message.startswith("The drain stopped after 3 attempts; its limit is 3. It is ")
    assert message.endswith(
        " now. Limit the queue's retries (maxAttempts, maxRetryDuration), or drain with a higher limit."
    )
    assert server.results()[:3] == [500, 500, 500]


def test_the_error_names_the_endpoint(server: Emulator, worker: Worker) -> None:
    """The error of a jump that reaches its limit doesn't call it a drain."""
    worker.reply = lambda _: (500, [], b"")
    server.create({"schedule_time": now_of(server) + timedelta(minutes=5)})
    _, _, message = refusal(server, "POST", "/control/jump", '{"by": "1h", "limit": 1}')
    assert message.startswith("The jump stopped after 1 attempt; its limit is 1. It is ")
    assert message.endswith(", or jump with a higher limit.")


@pytest.mark.parametrize(
    "body",
    [
        '{"by": "99999999d"}',
        '{"by": "999999999999s"}',
        '{"to": "9999-12-31T23:59:59Z"}',
        '{"to": "9000-01-01T00:00:00.000001Z"}',
    ],
)
def test_a_jump_too_far_is_rejected_before_anything_happens(server: Emulator, worker: Worker, body: str) -> None:
    """Nothing is dispatched if the end can't be reached, and time stays where it is."""
    server.create({"schedule_time": now_of(server) + timedelta(days=1)})
    before = now_of(server)
    code, status, message = refusal(server, "POST", "/control/jump", body)
    assert (code, status) == (400, "INVALID_ARGUMENT")
    told, now = re.fullmatch(r"(.* It is )(\S+)( now\. Jump by less\.)", message).group(1, 2)  # type: ignore[union-attr]
    assert told == "A jump can't go beyond 9000-01-01T00:00:00+00:00. It is "
    assert before <= datetime.fromisoformat(now) <= now_of(server) < before + timedelta(hours=1)
    assert (server.results(), worker.received) == ([], [])


def test_waiting_ends_when_the_answer_is_there(server: Emulator, worker: Worker) -> None:
    """It waits for the delivery under way, not for a task that is scheduled for later."""
    answering = threading.Event()
    worker.reply = held_until(answering)
    server.create()
    server.create({"schedule_time": now_of(server) + timedelta(hours=1)})
    told: list[Any] = []
    waiting = threading.Thread(target=lambda: told.append(server.post("/control/wait", queue="emails")))
    waiting.start()
    answering.set()
    waiting.join(PATIENCE)
    assert list(told[0]) == ["now"]
    assert server.results() == [200]


def test_a_time_out_for_idle_names_what_is_under_way(server: Emulator, worker: Worker) -> None:
    """The error is Google's for an exceeded deadline, and names the attempts."""
    arrived, answering = threading.Event(), threading.Event()
    worker.reply = held_until(answering, arrived)
    server.create({"name": f"{QUEUE}/tasks/slow"})
    assert arrived.wait(PATIENCE)
    assert refusal(server, "POST", "/control/wait", '{"timeout": "0.01s"}') == (
        504,
        "DEADLINE_EXCEEDED",
        "The server is not idle after 0.01 s. 1 attempt under way: emails/slow.",
    )
    answering.set()


def test_a_timeout_of_zero_does_not_wait(server: Emulator, worker: Worker) -> None:
    """With a timeout of 0 the endpoint answers at once."""
    server.create()
    server.post("/control/wait")
    assert list(server.post("/control/wait", timeout="0s")) == ["now"]


def test_a_time_out_for_empty_names_the_waiting_tasks(server: Emulator) -> None:
    """With a task for later the server is idle, but not empty."""
    server.create({"name": f"{QUEUE}/tasks/later", "schedule_time": now_of(server) + timedelta(hours=1)})
    server.post("/control/wait")
    assert refusal(server, "POST", "/control/wait", '{"for": "empty", "timeout": "0s"}') == (
        504,
        "DEADLINE_EXCEEDED",
        "The server is not empty after 0 s. 1 task waiting: emails/later.",
    )


def test_a_reset_removes_everything_but_the_time(server: Emulator, worker: Worker) -> None:
    """Only the queues of the start remain, names can be used again, and time doesn't go back."""
    other = QUEUE.replace("emails", "other")
    with server.client() as client:
        client.create_queue(parent=QUEUE.partition("/queues/")[0], queue={"name": other})
        client.pause_queue(name=QUEUE)
    server.create({"name": f"{QUEUE}/tasks/one"})
    there = datetime.fromisoformat(server.post("/control/jump", by="1d")["now"])
    assert datetime.fromisoformat(server.post("/control/reset")["now"]) >= there
    assert server.get("/control/tasks") == {"tasks": []}
    with server.client() as client:
        assert [queue.name for queue in client.list_queues(parent=QUEUE.partition("/queues/")[0])] == [QUEUE]
    server.create({"name": f"{QUEUE}/tasks/one"})
    server.post("/control/wait")
    assert server.results() == [200]


def test_a_reset_cancels_what_is_under_way(server: Emulator, worker: Worker) -> None:
    """A waiting jump gets an error, and the response of the attempt is dropped."""
    arrived, answering = threading.Event(), threading.Event()
    worker.reply = held_until(answering, arrived)
    server.create()
    told: list[tuple[int, str, str]] = []
    jumping = threading.Thread(target=lambda: told.append(refusal(server, "POST", "/control/drain")))
    jumping.start()
    assert arrived.wait(PATIENCE)
    while now_of(server) != now_of(server):
        pass  # time stands still once the jump has begun
    server.post("/control/reset")
    answering.set()
    jumping.join(PATIENCE)
    assert told == [(409, "ABORTED", "The server was reset during the drain. Drain again if you need to.")]
    assert server.results() == []


def test_tasks_can_be_inspected(server: Emulator, worker: Worker) -> None:
    """The endpoint lists removed tasks, too, with their payload and attempts."""
    task = server.create({"name": f"{QUEUE}/tasks/one"}, headers={"X-Own": "mine"}, body=b"hello")
    server.create({"schedule_time": now_of(server) + timedelta(hours=1)}, body=b"\xff")
    server.post("/control/wait")
    first, second = server.get("/control/tasks")["tasks"]
    (attempt,) = first.pop("attempts")
    created = task.create_time.replace(tzinfo=timezone.utc)
    assert datetime.fromisoformat(first.pop("create_time")).replace(microsecond=0) == created
    assert datetime.fromisoformat(first.pop("schedule_time")) >= created
    assert first == {
        "name": task.name,
        "queue": QUEUE,
        "state": "succeeded",
        "method": "POST",
        "url": f"{BASE}/send",
        "headers": {"User-Agent": "Google-Cloud-Tasks", "X-Own": "mine"},
        "body": "hello",
        "body_base64": "aGVsbG8=",
    }
    assert (attempt["number"], attempt["result"], attempt["succeeded"], attempt["forced"]) == (1, 200, True, False)
    assert (second["body_base64"], "body" in second) == ("/w==", False)
    assert server.get("/control/tasks", state="scheduled", queue="emails")["tasks"] == [second]
    assert server.get("/control/attempts", task="one")["attempts"] == [attempt]


def test_an_app_engine_task_has_its_routing(server: Emulator) -> None:
    """The routing is next to the relative URI; the service is `default` if the task names none."""
    for routing in ({}, {"service": "mailer", "version": "v2"}):
        task = {"app_engine_http_request": {"relative_uri": "/send", "app_engine_routing": routing}}
        with server.client() as client:
            client.create_task(parent=QUEUE, task={**task, "schedule_time": now_of(server) + timedelta(hours=1)})
    fields = ("relative_uri", "service", "version", "instance", "url")
    assert [[task[field] for field in fields] for task in server.get("/control/tasks")["tasks"]] == [
        ["/send", "default", "", "", "http://test-project.uc.r.appspot.com/send"],
        ["/send", "mailer", "v2", "", "http://v2.mailer.test-project.uc.r.appspot.com/send"],
    ]


def test_the_timeline_can_be_read(server: Emulator, worker: Worker) -> None:
    """It comes as data and as text, as in Python tests, and includes rejected calls."""
    server.create({"name": f"{QUEUE}/tasks/one"})
    server.post("/control/wait")
    requests.get(f"{server.url}/v2/{QUEUE}/tasks/two", timeout=PATIENCE)
    told = [one["event"] for one in server.get("/control/timeline")["timeline"]]
    assert told == ["queue_created", "task_created", "task_dispatched", "task_answered", "rpc"]
    text = requests.get(f"{server.url}/control/timeline?format=text", timeout=PATIENCE).text
    assert "queue emails created\n" in text
    assert text.endswith("get_task emails/two → NOT_FOUND\n")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        (
            "GET",
            "/control/nonsense",
            "",
            (
                404,
                "NOT_FOUND",
                "There is no GET /control/nonsense. Use POST /control/reset, wait, jump, drain or fail,"
                " or GET /control/tasks, attempts or timeline.",
            ),
        ),
        (
            "GET",
            "/control/reset",
            "",
            (
                404,
                "NOT_FOUND",
                "There is no GET /control/reset. Use POST /control/reset, wait, jump, drain or fail,"
                " or GET /control/tasks, attempts or timeline.",
            ),
        ),
        (
            "POST",
            "/control/jump",
            "{}",
            (
                400,
                "INVALID_ARGUMENT",
                "A jump takes either by, a duration such as 10m, or to, an instant. Pass one of the two.",
            ),
        ),
        (
            "POST",
            "/control/jump",
            '{"by": "soon"}',
            (400, "INVALID_ARGUMENT", "by takes a duration such as 90s, 10m, 1h or 7d, but got 'soon'."),
        ),
        (
            "POST",
            "/control/jump",
            '{"by": 90}',
            (400, "INVALID_ARGUMENT", "by takes a duration such as 90s, 10m, 1h or 7d, but got 90."),
        ),
        (
            "POST",
            "/control/jump",
            '{"to": "2030-01-01T00:00:00"}',
            (
                400,
                "INVALID_ARGUMENT",
                "to takes an instant with its offset from UTC, such as 2030-01-01T00:00:00Z, but got"
                " '2030-01-01T00:00:00'.",
            ),
        ),
        (
            "POST",
            "/control/jump",
            '{"by": "9999999999999d"}',
            (400, "INVALID_ARGUMENT", "by takes a duration such as 90s, 10m, 1h or 7d, but got '9999999999999d'."),
        ),
        (
            "POST",
            "/control/jump",
            '{"to": "0001-01-01T00:00:00+01:00"}',
            (
                400,
                "INVALID_ARGUMENT",
                "to takes an instant with its offset from UTC, such as 2030-01-01T00:00:00Z, but got"
                " '0001-01-01T00:00:00+01:00'.",
            ),
        ),
        *[
            (
                "GET",
                path,
                "",
                (
                    404,
                    "NOT_FOUND",
                    f"There is nothing at {path}. This server has GET /healthz; POST /control/reset, wait, jump, drain"
                    " and fail; GET /control/tasks, attempts and timeline; and the API of Cloud Tasks under /v2,"
                    " /v2beta3 and /v2beta2.",
                ),
            )
            for path in ("/control",)
        ],
        (
            "POST",
            "/control/jump",
            '{"to": 3}',
            (400, "INVALID_ARGUMENT", "to takes a text, but got 3."),
        ),
        (
            "POST",
            "/control/drain",
            '{"limit": 0}',
            (400, "INVALID_ARGUMENT", "limit takes a number of attempts from 1 to 999999999, but got 0."),
        ),
        (
            "POST",
            "/control/drain",
            f'{{"limit": "{"9" * 5000}"}}',
            (400, "INVALID_ARGUMENT", f"limit takes a number of attempts from 1 to 999999999, but got '{'9' * 5000}'."),
        ),
        (
            "POST",
            "/control/drain",
            '{"limits": 5}',
            (
                400,
                "INVALID_ARGUMENT",
                "/control/drain has no field 'limits'. Did you mean 'limit'? It takes limit.",
            ),
        ),
        (
            "POST",
            "/control/jump?by=1h&by=2h",
            "",
            (400, "INVALID_ARGUMENT", "/control/jump got the field 'by' twice: '1h' and '2h'. Send it once."),
        ),
        (
            "POST",
            "/control/jump?by=1h",
            '{"by": "60s"}',
            (400, "INVALID_ARGUMENT", "/control/jump got the field 'by' twice: '1h' and '60s'. Send it once."),
        ),
        (
            "POST",
            "/control/drain",
            '{"limit": 5, "limit": 5}',
            (400, "INVALID_ARGUMENT", "/control/drain got the field 'limit' twice: 5 and 5. Send it once."),
        ),
        (
            "POST",
            "/control/jump?to=2030-01-01T00:00:00Z",
            '{"by": {"hours": 1}}',
            (
                400,
                "INVALID_ARGUMENT",
                "A jump takes either by, a duration such as 10m, or to, an instant. Pass one of the two.",
            ),
        ),
        (
            "POST",
            "/control/jump",
            '{"by": {"hours": 1}}',
            (400, "INVALID_ARGUMENT", "by takes a duration such as 90s, 10m, 1h or 7d, but got {'hours': 1}."),
        ),
        (
            "GET",
            "/control/attempts?queue=emails&queue=emails",
            "",
            (
                400,
                "INVALID_ARGUMENT",
                "/control/attempts got the field 'queue' twice: 'emails' and 'emails'. Send it once.",
            ),
        ),
        (
            "POST",
            "/control/reset",
            '{"queue": "emails"}',
            (400, "INVALID_ARGUMENT", "/control/reset has no field 'queue'. It takes none."),
        ),
        (
            "POST",
            "/control/wait",
            "[1]",
            (400, "INVALID_ARGUMENT", "/control/wait takes a JSON object, but got '[1]'."),
        ),
        (
            "POST",
            "/control/wait",
            b"\xff\xfe",
            (400, "INVALID_ARGUMENT", "/control/wait takes a JSON object, but got '\ufffd\ufffd'."),
        ),
        (
            "POST",
            "/control/wait",
            "[" * 90_000,
            (400, "INVALID_ARGUMENT", f"/control/wait takes a JSON object, but got '{'[' * 80}'."),
        ),
        (
            "POST",
            "/control/wait",
            '{"for": "ever"}',
            (400, "INVALID_ARGUMENT", "for takes 'idle' or 'empty', but got 'ever'."),
        ),
        (
            "POST",
            "/control/wait",
            '{"queue": "email"}',
            (404, "NOT_FOUND", f"There is no queue 'email'. Did you mean '{QUEUE}'?"),
        ),
        (
            "GET",
            "/control/tasks?state=done",
            "",
            (
                400,
                "INVALID_ARGUMENT",
                "state takes scheduled, dispatched, succeeded, exhausted, expired or deleted, but got 'done'.",
            ),
        ),
        (
            "GET",
            "/control/timeline?format=xml",
            "",
            (400, "INVALID_ARGUMENT", "format takes 'json' or 'text', but got 'xml'."),
        ),
    ],
)
def test_an_invalid_request_gets_an_error(
    server: Emulator, method: str, path: str, body: str | bytes, expected: tuple[int, str, str]
) -> None:
    """The error has Google's form, and nothing has happened."""
    before = server.get("/control/timeline")
    assert refusal(server, method, path, body) == expected
    assert server.get("/control/timeline") == before


FOREIGN = (
    "The request was sent by a web page of {}. Only this server's own pages may send requests to it. Send the request"
    " from a program that is not a browser{}."
)
NOT_JSON = (
    "The request's body has {}. This server takes a body only as JSON, because every web page can make a browser send"
    " other types. Send JSON with the header `Content-Type:"
    " application/json`, or send no body."
)
BY_HOST = (
    "The request's Host is 'evil.test:9090', and this server answers no requests for that name: a web page could have"
    " sent it. If the name is yours, allow it with --allow-host evil.test."
)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (
            {"Origin": "https://evil.test"},
            "",
            (403, "PERMISSION_DENIED", FOREIGN.format("the origin 'https://evil.test'", "")),
        ),
        ({"Origin": "null"}, "", (403, "PERMISSION_DENIED", FOREIGN.format("the origin 'null'", ""))),
        (
            {"Sec-Fetch-Site": "cross-site"},
            "",
            (
                403,
                "PERMISSION_DENIED",
                FOREIGN.format(
                    "another origin (Sec-Fetch-Site is 'cross-site')", ", or type its address into the browser"
                ),
            ),
        ),
        ({"Host": "evil.test:9090"}, "", (403, "PERMISSION_DENIED", BY_HOST)),
        (
            {"Content-Type": "text/plain"},
            '{"by": "1h"}',
            (400, "INVALID_ARGUMENT", NOT_JSON.format("the Content-Type 'text/plain'")),
        ),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "by=1h",
            (400, "INVALID_ARGUMENT", NOT_JSON.format("the Content-Type 'application/x-www-form-urlencoded'")),
        ),
        (
            {"Content-Type": "application/x-www-form-urlencoded", "X-HTTP-Method-Override": "GET"},
            "by=1h",
            (400, "INVALID_ARGUMENT", NOT_JSON.format("the Content-Type 'application/x-www-form-urlencoded'")),
        ),
        ({}, '{"by": "1h"}', (400, "INVALID_ARGUMENT", NOT_JSON.format("no Content-Type"))),
    ],
)
@pytest.mark.parametrize("path", ["/control/jump", "/%63ontrol/jump", "/control/reset"])
def test_a_page_controls_nothing(
    server: Emulator, path: str, headers: dict[str, str], body: str, expected: tuple[int, str, str]
) -> None:
    """Requests of other sites' pages are rejected, under any host name, and nothing has happened."""
    before = server.get("/control/timeline")
    with requests.Session() as session:
        request = requests.Request("POST", server.url, headers=headers, data=body.encode()).prepare()
        request.url = f"{server.url}{path}"  # as it is written
        answer = session.send(request, timeout=PATIENCE)
    error = answer.json()["error"]
    assert (error["code"], error["status"], error["message"]) == expected
    assert server.get("/control/timeline") == before


@pytest.mark.parametrize("path", ["/healthz", "/control/tasks", "/oauth2/v3/certs", "/", "/nonsense"])
def test_a_rebound_name_reads_nothing(server: Emulator, path: str) -> None:
    """No path answers a page that uses DNS rebinding."""
    answer = requests.get(f"{server.url}{path}", headers={"Host": "evil.test:9090"}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, BY_HOST)


def test_the_next_calls_of_an_rpc_fail(server: Emulator) -> None:
    """As many calls fail as the request asks for, over gRPC and REST; they don't reach the service."""
    assert server.post("/control/fail", rpc="CreateTask", times=2) == {
        "rpc": "create_task",
        "code": "UNAVAILABLE",
        "times": 2,
        "queue": None,
        "message": "The service is currently unavailable.",
    }
    with pytest.raises(ServiceUnavailable, match=r"^503 The service is currently unavailable\.$"):
        server.create()
    assert refusal(
        server, "POST", f"/v2/{QUEUE}/tasks", '{"task": {"httpRequest": {"url": "http://127.0.0.1:9/"}}}'
    ) == (
        503,
        "UNAVAILABLE",
        "The service is currently unavailable.",
    )
    assert server.get("/control/tasks") == {"tasks": []}
    assert server.create().name.startswith(f"{QUEUE}/tasks/")


def test_calls_fail_for_one_queue_with_a_code_and_a_message(server: Emulator) -> None:
    """Calls about other queues, and other RPCs, work; a reset removes the planned failures."""
    other = QUEUE.replace("emails", "receipts")
    with server.client() as client:
        client.create_queue(parent=QUEUE.partition("/queues/")[0], queue={"name": other})
        server.post("/control/fail", rpc="*", code="permission_denied", times=100, queue="emails", message="No.")
        assert client.get_queue(name=other).name == other
        for call in (
            lambda: client.get_queue(name=QUEUE),
            lambda: client.list_tasks(parent=QUEUE),
            lambda: client.delete_task(name=f"{QUEUE}/tasks/a"),
            lambda: client.update_queue(queue={"name": QUEUE}),
        ):
            with pytest.raises(PermissionDenied, match=r"^403 No\.$"):
                call()
        server.post("/control/reset")
        assert client.get_queue(name=QUEUE).name == QUEUE


@pytest.mark.parametrize("api", TYPES)
def test_every_rpc_of_each_version_can_fail(server: Emulator, api: str) -> None:
    """That includes pull queues, BufferTask and batches, which only some versions or releases have."""
    codes = {}
    asked = [method for method in methods_of(api).values() if method.rpc not in NOT_SERVED]
    with grpc.insecure_channel(server.grpc) as channel:
        for method in asked:
            server.post("/control/fail", rpc=method.path.rpartition("/")[2], code="ABORTED")
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(method.path)(b"", timeout=PATIENCE)
            codes[method.rpc] = (caught.value.code().name, caught.value.details())
    assert codes == {method.rpc: ("ABORTED", "The operation was aborted.") for method in asked}


@pytest.mark.parametrize(
    ("rpc", "queue", "path"),
    [
        ("LeaseTasks", "emails", f"/v2beta2/{QUEUE}/tasks:lease"),
        ("AcknowledgeTask", "emails", f"/v2beta2/{QUEUE}/tasks/a:acknowledge"),
        ("RenewLease", "emails", f"/v2beta2/{QUEUE}/tasks/a:renewLease"),
        ("CancelLease", "emails", f"/v2beta2/{QUEUE}/tasks/a:cancelLease"),
        ("UploadQueueYaml", None, "/api/queue/update?appId=test-project"),
        ("BufferTask", "emails", f"/v2/{QUEUE}/tasks/a:buffer"),
        ("BufferTask", "emails", f"/v2beta3/{QUEUE}/tasks:buffer"),
        pytest.param(
            "BatchCreateTasks", "emails", f"/v2/{QUEUE}/tasks:batchCreate", marks=pytest.mark.needs("batches")
        ),
        ("RunTask", "emails", f"/v2beta3/{QUEUE}/tasks/a:run"),
    ],
)
def test_rpcs_of_some_versions_fail_over_rest(server: Emulator, rpc: str, queue: str | None, path: str) -> None:
    """One call fails; the field ``queue`` finds the queue in each request."""
    server.post("/control/fail", **{"rpc": rpc, "code": "ABORTED", **({"queue": queue} if queue else {})})
    assert refusal(server, "POST", path) == (409, "ABORTED", "The operation was aborted.")
    assert requests.post(f"{server.url}{path}", timeout=PATIENCE).status_code != 409


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "A failure needs the field rpc, such as CreateTask, or * for every call."),
        (
            "rpc=CreateTsk",
            "There is no RPC 'CreateTsk'. Did you mean 'create_task'? rpc takes * for every call, or one of ",
        ),
        ("rpc=*&code=UNAVAILBLE", "There is no code 'UNAVAILBLE'. Did you mean 'UNAVAILABLE'? code takes CANCELLED, "),
        ("rpc=*&times=9999999999", "times takes a number of calls from 1 to 999999999, but got '9999999999'."),
        ("rpc=*&times=0", "times takes a number of calls from 1 to 999999999, but got '0'."),
        (
            "rpc=*&rate=1",
            "/control/fail has no field 'rate'. It takes rpc, code, times, queue and message.",
        ),
    ],
)
def test_failures_that_cannot_be_planned(server: Emulator, query: str, message: str) -> None:
    """The error names the values that the field takes; only the beginning of long lists is compared."""
    code, _, text = refusal(server, "POST", f"/control/fail?{query}")
    assert code == 400
    assert text == message if message.endswith(".") else text.startswith(message)


def test_the_page_names_every_endpoint() -> None:
    """The documentation names every endpoint for programs, but not those of the browser's page."""
    page = (Path(__file__).parents[3] / "docs" / "serve.md").read_text("utf-8")
    application = web.Application()
    Control(SchedulerLoop(Settings(), Sender(Destinations()), Log("none", print))).add_to(application)
    paths = {resource.canonical for resource in application.router.resources()} - {"/", "/control", "/control/{rest}"}
    assert [path for path in sorted(paths) if f"{path}`" not in page] == []
