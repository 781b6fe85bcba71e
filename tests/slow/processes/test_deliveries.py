from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import google.auth.transport.requests
import jwt
import pytest
import requests
from google.oauth2 import id_token

from tests.patience import PATIENCE
from tests.server.emulator.conftest import one_server, one_worker, own_worker, server, worker
from tests.server.emulator.running import BASE, QUEUE, Emulator, Worker, ok, running_emulator
from tests.targets.servers import closed_port, serving

__all__ = ["one_server", "one_worker", "own_worker", "server", "worker"]

ACCOUNT = "sender@test-project.iam.gserviceaccount.com"


def header(headers: list[tuple[str, str]], name: str) -> str:
    """The one value of a header."""
    (value,) = [text for key, text in headers if key.lower() == name.lower()]
    return value


def test_a_task_is_delivered_as_the_service_delivers_it(server: Emulator, worker: Worker) -> None:
    """Method, path, body and headers are the task's and the service's, and no header is added or lost."""
    task = server.create(
        {"name": f"{QUEUE}/tasks/one"},
        url=f"{BASE}/send?to=%C3%A9&b",
        http_method="PUT",
        headers={"Content-Type": "application/json", "X-Own": "mine"},
        body=b'{"order": 42}',
    )
    server.post("/control/wait")
    (received,) = worker.received
    assert (received.method, received.target, received.body) == ("PUT", "/send?to=%C3%A9&b", b'{"order": 42}')
    seconds = task.schedule_time.timestamp()
    assert sorted((name, value) for name, value in received.headers if name != "X-CloudTasks-TaskETA") == [
        ("Accept-Encoding", "gzip"),
        ("Content-Length", "13"),
        ("Content-Type", "application/json"),
        ("Host", "worker.test"),
        ("User-Agent", "Google-Cloud-Tasks"),
        ("X-CloudTasks-QueueName", "emails"),
        ("X-CloudTasks-TaskExecutionCount", "0"),
        ("X-CloudTasks-TaskName", "one"),
        ("X-CloudTasks-TaskRetryCount", "0"),
        ("X-Forwarded-Proto", "https"),
        ("X-Own", "mine"),
    ]
    assert float(header(received.headers, "X-CloudTasks-TaskETA")) == pytest.approx(seconds, abs=1e-3)


def test_a_request_that_is_not_forwarded_has_no_header_of_a_proxy(server: Emulator, worker: Worker) -> None:
    """A task whose URL is on this machine goes there as it is."""
    server.create(url=f"{worker.url}/here", http_method="GET")
    server.post("/control/wait")
    (received,) = worker.received
    names = {name for name, _ in received.headers}
    assert (received.method, received.target) == ("GET", "/here")
    assert header(received.headers, "Host") == worker.url.removeprefix("http://")
    assert not names & {"X-Forwarded-Proto", "Content-Length", "Content-Type", "Accept", "Connection"}


def test_a_failed_attempt_comes_again_after_its_backoff(server: Emulator, worker: Worker) -> None:
    """Retries are driven by time alone, and carry what came of the attempt before."""
    worker.answers(503, 404)
    server.create()
    assert server.post("/control/drain")["succeeded"] == 1
    assert server.results() == [503, 404, 200]
    assert [header(one.headers, "X-CloudTasks-TaskRetryCount") for one in worker.received] == ["0", "1", "2"]
    assert [header(one.headers, "X-CloudTasks-TaskPreviousResponse") for one in worker.received[1:]] == ["503", "404"]


def test_retries_come_by_themselves(server: Emulator, worker: Worker) -> None:
    """An emulator needs no driving: its time is the wall clock's."""
    worker.answers(503, 503)
    server.create()
    server.post("/control/wait", **{"for": "empty"})
    assert server.results() == [503, 503, 200]


def test_a_closed_port_counts_as_no_response(server: Emulator) -> None:
    """The attempt is recorded as Google records one without a connection, and the control endpoint says more."""
    url = closed_port()
    task = server.create(url=f"{url}/x")
    server.post("/control/wait")
    attempt = server.get("/control/attempts")["attempts"][0]
    assert attempt["result"] == "UNKNOWN"
    assert attempt["diagnostic"] == f"{url}/x sent no response: nothing listens there"
    status = server.get_task(task.name).last_attempt.response_status
    assert (status.code, status.message) == (2, "UNKNOWN(2): HTTP status code 0")


def test_another_machine_is_rejected(server: Emulator) -> None:
    """Nothing goes to an address that is not this machine's; the attempt says what to do, also to get_task."""
    told = (
        "shop.example.com is not a loopback address, and this server sends to no other. Send what goes there to a"
        " server here with --forward https://shop.example.com=http://127.0.0.1:8080, or allow any address with"
        " --allow-remote."
    )
    task = server.create(url="https://shop.example.com/send")
    server.post("/control/wait")
    attempt = server.get("/control/attempts")["attempts"][0]
    assert (attempt["result"], attempt["diagnostic"]) == ("PERMISSION_DENIED", told)
    status = server.get_task(task.name).last_attempt.response_status
    assert (status.code, status.message) == (7, f"PERMISSION_DENIED(7): {told}")


def test_an_app_engine_task_needs_a_server_for_app_engine(server: Emulator) -> None:
    """Without the option App Engine has no server, and the attempt says so."""
    with server.client() as client:
        client.create_task(parent=QUEUE, task={"app_engine_http_request": {"relative_uri": "/x"}})
    server.post("/control/wait")
    assert server.get("/control/attempts")["attempts"][0]["diagnostic"] == (
        "There is no server for App Engine tasks. Start this one with --app-engine-host and the URL of your"
        " application, such as http://127.0.0.1:8080."
    )


def test_app_engine_tasks_go_to_the_server_of_the_option(own_worker: Worker) -> None:
    """It gets App Engine's headers, and App Engine's host, which distinguishes services."""
    with running_emulator("--queue", "emails", "--app-engine-host", f"{own_worker.url}/app") as server:
        with server.client() as client:
            request = {"relative_uri": "/work?x=1", "app_engine_routing": {"service": "mail"}}
            client.create_task(parent=QUEUE, task={"app_engine_http_request": request})
        server.post("/control/wait")
    (received,) = own_worker.received
    assert received.target == "/app/work?x=1"
    assert header(received.headers, "Host") == "mail.test-project.uc.r.appspot.com"
    assert header(received.headers, "X-AppEngine-QueueName") == "emails"


def test_redirects_are_answers_if_the_option_says_so(own_worker: Worker) -> None:
    """Then a redirect is a failed attempt, and no request goes where it leads."""
    own_worker.reply = lambda received: (
        (302, [("Location", "/there")], b"") if received.target == "/send" else ok(received)
    )
    options = ["--queue", "emails", "--forward", f"{BASE}={own_worker.url}", "--service", "follow_redirects=false"]
    with running_emulator(*options) as server:
        server.create()
        server.post("/control/wait")
        assert server.results()[0] == 302
    assert {one.target for one in own_worker.received} == {"/send"}


def test_redirects_are_followed(own_worker: Worker) -> None:
    """Within one attempt, and by the same rules as in a test."""
    own_worker.reply = lambda received: (
        (302, [("Location", "/there")], b"") if received.target == "/send" else ok(received)
    )
    options = ["--queue", "emails", "--forward", f"{BASE}={own_worker.url}"]
    with running_emulator(*options) as server:
        server.create()
        server.post("/control/wait")
        assert server.results() == [200]
    assert [(one.method, one.target) for one in own_worker.received] == [("POST", "/send"), ("GET", "/there")]


def test_the_longest_base_gets_the_request(own_worker: Worker) -> None:
    """Of several forwards, the one that says most about a URL decides."""
    with serving(ok) as other:
        options = ["--forward", f"{BASE}={other.url}", "--forward", f"{BASE}/deep={own_worker.url}"]
        with running_emulator("--queue", "emails", *options) as server:
            server.create(url=f"{BASE}/deep/down")
            server.create(url=f"{BASE}/deeper")
            server.post("/control/wait")
    assert [one.target for one in own_worker.received] == ["/deep/down"]
    assert [one.target for one in other.received] == ["/deeper"]


def token_of(server: Emulator, worker: Worker) -> str:
    """The token that the worker got with a task."""
    server.create(oidc_token={"service_account_email": ACCOUNT, "audience": "the-shop"})
    server.post("/control/wait")
    return header(worker.received[-1].headers, "Authorization").removeprefix("Bearer ")


def test_tokens_verify_by_googles_verifier(server: Emulator, worker: Worker) -> None:
    """google-auth needs the server's certificates, and no more; here in a request session of its own."""
    session = google.auth.transport.requests.Request()
    claims: dict[str, Any] = id_token.verify_token(  # type: ignore[no-untyped-call]
        token_of(server, worker), session, audience="the-shop", certs_url=f"{server.url}/oauth2/v1/certs"
    )
    assert (claims["iss"], claims["email"]) == ("https://accounts.google.com", ACCOUNT)


def test_tokens_verify_by_the_keys_that_discovery_leads_to(server: Emulator, worker: Worker) -> None:
    """Verifiers of other languages begin with the discovery document."""
    found = requests.get(f"{server.url}/.well-known/openid-configuration", timeout=PATIENCE).json()
    assert found["jwks_uri"] == f"{server.url}/oauth2/v3/certs"
    token = token_of(server, worker)
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="the-shop", issuer=found["issuer"])
    assert claims["email"] == ACCOUNT


def test_tokens_are_of_the_walls_time(server: Emulator, worker: Worker) -> None:
    """A verifier's clock does not jump: after a jump of a day the tokens are still valid."""
    server.post("/control/jump", by="1d")
    keys = requests.get(f"{server.url}/oauth2/v3/certs", timeout=PATIENCE).json()
    token = token_of(server, worker)
    key = jwt.PyJWK(keys["keys"][0])
    assert jwt.decode(token, key, algorithms=["RS256"], audience="the-shop")["email"] == ACCOUNT


def test_concurrency_is_kept(server: Emulator, worker: Worker) -> None:
    """No more attempts are under way than the queue allows, whatever is due."""
    with server.client() as client:
        client.update_queue(
            queue={"name": QUEUE, "rate_limits": {"max_concurrent_dispatches": 1}},
            update_mask={"paths": ["rate_limits.max_concurrent_dispatches"]},
        )
        for number in range(5):
            client.create_task(parent=QUEUE, task={"http_request": {"url": f"{BASE}/{number}"}})
    server.post("/control/wait")
    spans = [(one["dispatch_time"], one["response_time"]) for one in server.get("/control/attempts")["attempts"]]
    assert len(spans) == 5
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_the_rate_is_kept(server: Emulator, worker: Worker) -> None:
    """Beyond the burst, dispatches keep their distance; a jump visits each at its own instant."""
    due = datetime.fromisoformat(server.get("/healthz")["now"]) + timedelta(hours=1)
    with server.client() as client:
        client.update_queue(
            queue={"name": QUEUE, "rate_limits": {"max_dispatches_per_second": 1}},
            update_mask={"paths": ["rate_limits.max_dispatches_per_second"]},
        )
        for number in range(13):
            request = {"url": f"{BASE}/{number}"}
            client.create_task(parent=QUEUE, task={"http_request": request, "schedule_time": due})
    server.post("/control/drain")
    times = [datetime.fromisoformat(one["dispatch_time"]) for one in server.get("/control/attempts")["attempts"]]
    assert times == [due] * 10 + [due + timedelta(seconds=seconds) for seconds in (1, 2, 3)]


def test_a_handler_may_enqueue(server: Emulator, worker: Worker) -> None:
    """A task that a handler creates over REST goes out like any other."""

    def reply(received: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        if received.target == "/send":
            body = {"task": {"httpRequest": {"url": f"{BASE}/next"}}}
            requests.post(f"{server.url}/v2/{QUEUE}/tasks", json=body, timeout=PATIENCE).raise_for_status()
        return ok(received)

    worker.reply = reply
    server.create()
    assert server.post("/control/drain")["attempts"] + len(worker.received) >= 2
    server.post("/control/wait", **{"for": "empty"})
    assert [one.target for one in worker.received] == ["/send", "/next"]
