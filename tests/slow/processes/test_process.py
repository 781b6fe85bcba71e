from __future__ import annotations

import argparse
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core.exceptions import InvalidArgument, NotFound

from pytest_cloudtasks import __version__
from pytest_cloudtasks.__main__ import run
from pytest_cloudtasks._server.emulator.command_line import ServeOptions, add_serve, serve_options
from tests.patience import PATIENCE
from tests.server.emulator.conftest import own_worker
from tests.server.emulator.running import BASE, QUEUE, Worker, command, running_emulator
from tests.targets.servers import Received, Reply

__all__ = ["own_worker"]

LOCATION = QUEUE.partition("/queues/")[0]


def told(log: list[str]) -> list[str]:
    """Lines without what differs from run to run: the instant, and how long an answer took."""
    lines = [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z  ", "", line) for line in log]
    return [re.sub(r" after [0-9.]+ s", "", line) for line in lines]


def ended(*options: str) -> tuple[int, str]:
    """Exit code and output of a server that does not come to serve."""
    command_line = [sys.executable, "-W", "ignore", "-m", "pytest_cloudtasks", "serve", *options]
    done = subprocess.run(command_line, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def test_the_banner_says_where_the_server_is() -> None:
    """With the lines to export; a port of 0 is shown as the one that was chosen."""
    with running_emulator("--queue", "emails", "--queue", "projects/p/locations/l/queues/q", "--seed", "7") as server:
        assert server.banner == [
            f"pytest-cloudtasks {__version__}: local Cloud Tasks emulator, seed 7",
            f"  gRPC    {server.grpc}",
            f"  REST    {server.url}",
            f"  page    {server.url}/",
            f"  queues  {QUEUE}",
            "          projects/p/locations/l/queues/q",
            f"export CLOUD_TASKS_EMULATOR_HOST={server.url.removeprefix('http://')}",
            f"export CLOUDTASKS_EMULATOR_HOST={server.url.removeprefix('http://')}",
            f"ready {json.dumps(server.ready)}",
        ]
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", server.grpc)


def test_the_banner_says_that_it_listens_everywhere() -> None:
    """The banner says who may reset it; the addresses to export are those of this machine."""
    with running_emulator("--host", "0.0.0.0", "--allow-host", "tasks", "--seed", "7") as server:
        assert server.banner == [
            f"pytest-cloudtasks {__version__}: local Cloud Tasks emulator, seed 7",
            f"  gRPC    {server.grpc}",
            f"  REST    {server.url}",
            f"  page    {server.url}/",
            "  listens on all interfaces: anyone who can reach this machine may create tasks, jump and reset",
            "  queues  none yet; see --queue",
            f"export CLOUD_TASKS_EMULATOR_HOST={server.url.removeprefix('http://')}",
            f"export CLOUDTASKS_EMULATOR_HOST={server.url.removeprefix('http://')}",
            f"ready {json.dumps(server.ready)}",
        ]
        assert server.url.startswith("http://127.0.0.1:")


def test_hosts_are_allowed_by_options() -> None:
    """Those of --allow-host, and of --host if it is one address; 0.0.0.0 is not, though the server listens there."""
    with running_emulator("--host", "0.0.0.0", "--allow-host", "tasks", "--allow-host", "[fd00::1]") as server:
        hosts = ["tasks", "TASKS:9090", "[fd00:0::1]:1", "localhost", "0.0.0.0", "evil.test"]
        answers = [
            requests.get(f"{server.url}/healthz", headers={"Host": host}, timeout=PATIENCE).status_code
            for host in hosts
        ]
    assert answers == [200, 200, 200, 200, 403, 403]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server(number: signal.Signals) -> None:
    """The exit code is that of success."""
    with running_emulator("--queue", "emails") as server:
        assert server.stop(number) == 0
        assert told(server.log) == ["stopping", "stopped"]


def test_the_log_has_a_line_for_what_happens(own_worker: Worker) -> None:
    """Tasks, attempts with what follows, rejected calls, resets: each in a line of its own."""
    own_worker.answers(503)
    with running_emulator("--queue", "emails", "--forward", f"{BASE}={own_worker.url}") as server:
        server.create({"name": f"{QUEUE}/tasks/one"})
        server.post("/control/drain")
        with pytest.raises(NotFound):
            server.get_task(f"{QUEUE}/tasks/two")
        server.create({"name": f"{QUEUE}/tasks/three"}, url="https://example.com/")
        server.post("/control/wait")
        server.post("/control/reset")
        assert server.stop() == 0
    log = told(server.log)
    refused = (
        "example.com is not a loopback address, and this server sends to no other. Send what goes there to a server"
        " here with --forward https://example.com=http://127.0.0.1:8080, or allow any address with --allow-remote."
    )
    retries = [
        line for line in log if re.fullmatch(r"emails/three attempt [2-9] → PERMISSION_DENIED, retry in .*", line)
    ]
    assert [line for line in log if line not in retries] == [
        f"emails/one created: POST {BASE}/send",
        "emails/one attempt 1 → 503, retry in 0.1 s",
        "emails/one attempt 2 → 200",
        "get_task emails/two rejected: NOT_FOUND: Requested entity was not found.",
        "emails/three created: POST https://example.com/",
        f"emails/three attempt 1 → PERMISSION_DENIED, retry in 0.1 s ({refused})",
        "reset: removed all tasks, and all queues except those of the start",
        "stopping",
        "stopped",
    ]


def test_the_log_is_there_for_programs(own_worker: Worker) -> None:
    """Each line is a JSON object, the first says where the server is, and nothing else is written."""
    options = ["--queue", "emails", "--forward", f"{BASE}={own_worker.url}", "--log-format", "json", "--seed", "3"]
    with subprocess.Popen(command(*options), stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        url = ready["rest"]
        task = {"name": f"{QUEUE}/tasks/one", "httpRequest": {"url": f"{BASE}/send"}}
        for _ in range(2):  # the second is refused
            requests.post(f"{url}/v2/{QUEUE}/tasks", json={"task": task}, timeout=PATIENCE)
            requests.post(f"{url}/control/wait", timeout=PATIENCE)
        process.terminate()
        lines = [json.loads(line) for line in process.stdout]
        assert process.wait(PATIENCE) == 0
    assert (ready["event"], ready["queues"], ready["seed"]) == ("server", [QUEUE], 3)
    assert [(one["event"], one["text"]) for one in lines[:1] + lines[2:]] == [
        ("task_created", f"emails/one created: POST {BASE}/send"),
        (
            "rpc",
            "create_task emails/one rejected: ALREADY_EXISTS: The task cannot be created because a task with this name"
            " existed too recently. For more information about task de-duplication see"
            " https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create#body"
            ".request_body.FIELDS.task.",
        ),
        ("server", "stopping"),
        ("server", "stopped"),
    ]
    assert (lines[1]["event"], lines[1]["result"], lines[1]["attempt"]) == ("task_answered", 200, 1)


def held_until(answering: threading.Event, arrived: threading.Event) -> Any:
    """Answers once ``answering`` is set."""

    def reply(_: Received) -> Reply:
        arrived.set()
        answering.wait(PATIENCE)
        return 200, [], b""

    return reply


def test_deliveries_under_way_may_end(own_worker: Worker) -> None:
    """A stopped server waits for their answers, and begins no others; its endpoints answer until then."""
    arrived, answering = threading.Event(), threading.Event()
    own_worker.reply = held_until(answering, arrived)
    with running_emulator("--queue", "emails", "--forward", f"{BASE}={own_worker.url}", "--grace", "50s") as server:
        server.create({"name": f"{QUEUE}/tasks/one"})
        assert arrived.wait(PATIENCE)
        server.process.terminate()
        while len(server.log) < 2:
            assert server.process.poll() is None
        assert server.get("/healthz")["status"] == "ok"
        server.create({"name": f"{QUEUE}/tasks/two"})
        answering.set()
        assert server.ended() == 0
    assert told(server.log) == [
        f"emails/one created: POST {BASE}/send",
        "stopping; 1 attempt under way may take 50 s more",
        f"emails/two created: POST {BASE}/send",
        "emails/one attempt 1 → 200",
        "stopped",
    ]
    assert len(own_worker.received) == 1


@pytest.mark.parametrize("second", [True, False])
def test_deliveries_that_do_not_end_are_cancelled(own_worker: Worker, second: bool) -> None:
    """When their time of grace is over, or when a second signal comes."""
    arrived, answering = threading.Event(), threading.Event()
    own_worker.reply = held_until(answering, arrived)
    grace = "59s" if second else "0s"
    with running_emulator("--queue", "emails", "--forward", f"{BASE}={own_worker.url}", "--grace", grace) as server:
        server.create({"name": f"{QUEUE}/tasks/one"})
        assert arrived.wait(PATIENCE)
        server.process.terminate()
        while second and len(server.log) < 2:
            assert server.process.poll() is None
        assert (server.stop() if second else server.ended()) == 0
        answering.set()
    assert told(server.log)[1:] == [
        f"stopping; 1 attempt under way may take {grace.replace('s', ' s')} more",
        "stopped; 1 attempt cancelled",
    ]


def test_queues_come_from_a_queue_yaml(tmp_path: Path) -> None:
    """With their limits, in the given project and location, next to those of other options."""
    file = tmp_path / "queue.yaml"
    file.write_text("queue:\n- name: mails\n  rate: 5/s\n  max_concurrent_requests: 3\n")
    options = ["--queues", str(file), "--queue", "more", "--project", "shop", "--location", "europe-west1"]
    with running_emulator(*options) as server, server.client() as client:
        parent = "projects/shop/locations/europe-west1"
        mails, more = client.list_queues(parent=parent)
        assert (mails.name, more.name) == (f"{parent}/queues/mails", f"{parent}/queues/more")
        limits = mails.rate_limits
        assert (limits.max_dispatches_per_second, limits.max_concurrent_dispatches) == (5, 3)


def test_queues_come_from_what_gcloud_lists(tmp_path: Path) -> None:
    """The JSON has full names, and what the queue's state was."""
    file = tmp_path / "queues.json"
    file.write_text(json.dumps([{"name": QUEUE, "state": "PAUSED", "rateLimits": {"maxConcurrentDispatches": 2}}]))
    with running_emulator("--queues", str(file)) as server, server.client() as client:
        queue = client.get_queue(name=QUEUE)
        assert (queue.state.name, queue.rate_limits.max_concurrent_dispatches) == ("PAUSED", 2)


def test_missing_queues_may_be_created(own_worker: Worker) -> None:
    """By the option, with the first task."""
    with running_emulator("--auto-create-queues", "--forward", f"{BASE}={own_worker.url}") as server:
        assert "  queues  none yet; CreateTask creates them" in server.banner
        server.create()
        server.post("/control/wait")
        assert server.results() == [200]


def test_service_options_and_the_seed_hold_for_the_server() -> None:
    """What the ini file has for tests is an option here; the same seed gives the same task IDs."""
    names = []
    for _ in range(2):
        with running_emulator("--queue", "emails", "--service", "max_task_size=500", "--seed", "5") as server:
            with pytest.raises(InvalidArgument) as refusal:
                server.create(body=b"x" * 500)
            assert refusal.value.message == "Task size too large"
            names.append(server.create().name)
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--grpc-port", "70000"], "--grpc-port takes a port from 0 to 65535, but got 70000."),
        (["--grpc-port", "x"], "argument --grpc-port: invalid int value: 'x'"),
        (["--grace", "soon"], "--grace takes a duration such as 10s or 1m, but got 'soon'."),
        (
            ["--forward", "https://worker.test"],
            "--forward takes BASE=TO, two base URLs such as https://worker.test=http://127.0.0.1:8080, but got"
            " 'https://worker.test'.",
        ),
        (
            ["--forward", "https://worker.test=http://user@127.0.0.1"],
            "--forward takes the base URL of a server such as http://127.0.0.1:8080, but got 'http://user@127.0.0.1'.",
        ),
        (
            ["--app-engine-host", "localhost:8080"],
            "--app-engine-host takes the base URL of a server such as http://127.0.0.1:8080, but got 'localhost:8080'.",
        ),
        (
            ["--firebase-functions", "localhost:5001"],
            "--firebase-functions takes the base URL of a server such as http://127.0.0.1:8080, but got"
            " 'localhost:5001'.",
        ),
        (
            ["--queues", "emails"],
            "--queues takes a file whose name ends with .yaml, .yml or .json, but got 'emails'.",
        ),
        (
            ["--queues", "none.yaml"],
            "The queues file none.yaml can't be read: No such file or directory.",
        ),
        (
            ["--queue", "no queue", "--port", "0"],
            "The queue 'no queue' of the settings can't be created: Queue ID \"no queue\" can contain only letters"
            " ([A-Za-z]), numbers ([0-9]), or hyphens (-). Queue ID must be between 1 and 100 characters.",
        ),
        (["--seed", "x"], "seed takes an integer, but got 'x'."),
        (["--host", ""], "--host takes an address to listen on, such as 127.0.0.1, but got ''."),
        (
            ["--allow-host", "http://tasks:9090"],
            "--allow-host takes a host name or an address without scheme and port, such as tasks or 192.168.1.20, but"
            " got 'http://tasks:9090'.",
        ),
        (
            ["--allow-host", "tasks", "--allow-host", "0.0.0.0"],
            "--allow-host takes the name or address by which clients call the server, and 0.0.0.0 is an address to"
            " listen on. Pass the name instead, such as tasks or 192.168.1.20.",
        ),
        (["--grace", "9999999999999d"], "--grace takes a duration such as 10s or 1m, but got '9999999999999d'."),
        (["--grace", "5\u00b2s"], "--grace takes a duration such as 10s or 1m, but got '5\u00b2s'."),
        (["--project", "A/b"], "--project takes the ID of a project, such as my-shop, but got 'A/b'."),
        (["--location", ""], "--location takes the ID of a location, such as europe-west1, but got ''."),
        (["--service", "foo"], "--service takes OPTION=VALUE, such as max_task_size=102400, but got 'foo'."),
        (
            ["--service", "max_tsk_size=3"],
            "service has no option 'max_tsk_size'. Did you mean 'max_task_size'? Its options are ",
        ),
        (
            ["--log-format", "xml"],
            "argument --log-format: invalid choice: 'xml' (choose from ",
        ),
    ],
)
def test_a_wrong_option_is_rejected_in_a_sentence(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exit code 2 and the command's own usage; nothing is served.

    What ends in a list is compared to its beginning.
    """
    monkeypatch.setattr(sys, "argv", ["pytest-cloudtasks", "serve", *options])
    with pytest.raises(SystemExit) as exited:
        run()
    first, *_, last = capsys.readouterr().err.splitlines()
    assert exited.value.code == 2
    assert first == "usage: python -m pytest_cloudtasks serve [options]"
    said = last.partition("error: ")[2]
    assert said == message if message[-1] not in " (" else said.startswith(message)


def test_options_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line wins over it, and adds to repeatable options; an empty variable is ignored."""
    for name, value in {
        "HOST": "::1",
        "ALLOW_HOST": "tasks, tasks.test",
        "GRPC_PORT": "0",
        "REST_PORT": "1",
        "QUEUE": "emails",
        "PROJECT": "shop",
        "LOCATION": "",
        "AUTO_CREATE_QUEUES": "1",
        "ALLOW_REMOTE": "off",
        "FORWARD": "https://a.test=http://127.0.0.1:1,https://b.test=http://127.0.0.1:2",
        "APP_ENGINE_HOST": "http://127.0.0.1:3",
        "FIREBASE_FUNCTIONS": "http://functions:5001/",
        "SERVICE": "max_task_size=500",
        "SEED": "7",
        "GRACE": "1m",
        "LOG_FORMAT": "json",
    }.items():
        monkeypatch.setenv(f"PYTEST_CLOUDTASKS_{name}", value)
    serving = parsed("--rest-port", "2", "--queue", "receipts", "--allow-host", "other")
    assert (serving.host, serving.grpc_port, serving.rest_port) == ("::1", 0, 2)
    assert (serving.grace, serving.log_format) == (60, "json")
    assert serving.allowed_hosts == {"::1", "tasks", "tasks.test", "other"}
    settings = serving.settings
    assert (list(settings.queues), settings.project, settings.location) == (
        ["emails", "receipts"],
        "shop",
        "us-central1",
    )
    assert (settings.auto_create_queues, settings.seed, settings.service.max_task_size) == (True, 7, 500)
    routes = [
        serving.destinations.route(url, is_app_engine="c.test" in url)
        for url in (
            "https://a.test/",
            "https://b.test/",
            "https://c.test/",
            "http://functions:5001/shop/us-central1/resize",
            "https://d.test/",
        )
    ]
    assert settings.firebase_functions == "http://functions:5001"
    assert [getattr(route, "url", None) for route in routes] == [
        "http://127.0.0.1:1/",
        "http://127.0.0.1:2/",
        "http://127.0.0.1:3/",
        "http://functions:5001/shop/us-central1/resize",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ALLOW_REMOTE", "maybe", "PYTEST_CLOUDTASKS_ALLOW_REMOTE takes 1 or 0, but got 'maybe'."),
        ("AUTO_CREATE_QUEUES", "2", "PYTEST_CLOUDTASKS_AUTO_CREATE_QUEUES takes 1 or 0, but got '2'."),
        ("LOG_FORMAT", "xml", "--log-format takes text, json or none, but got 'xml'."),
        (
            "ALLOW_HOST",
            "tasks,*",
            "--allow-host takes a host name or an address without scheme and port, such as tasks or 192.168.1.20, but"
            " got '*'.",
        ),
    ],
)
def test_a_wrong_variable_is_rejected_in_a_sentence(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a wrong option is."""
    monkeypatch.setenv(f"PYTEST_CLOUDTASKS_{name}", value)
    with pytest.raises(ValueError, match=r".") as raised:
        parsed()
    assert str(raised.value) == message


def parsed(*options: str) -> ServeOptions:
    """Return what the command line and the environment come to."""
    parser = argparse.ArgumentParser()
    add_serve(parser.add_subparsers())
    return serve_options(parser.parse_args(["serve", *options]))


def test_a_port_in_use_is_reported_in_a_sentence() -> None:
    """The exit code is 1: the options are right, the machine is in the way. gRPC has its own word before ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        advice = (
            f"The server can't listen on 127.0.0.1:{port}: the address is in use, or does not belong to this machine."
            " Choose another with {}, or 0 for a free one."
        )
        for option, other in (("--rest-port", "--grpc-port"), ("--grpc-port", "--rest-port")):
            code, output = ended(option, port, other, "0")
            assert (code, output.splitlines()[-1]) == (1, advice.format(option))


@pytest.mark.parametrize("host", ["nope.invalid", "x" * 64], ids=["unknown", "too long for a label"])
def test_a_host_that_does_not_resolve_is_reported_in_a_sentence(host: str) -> None:
    """The port has nothing to do with it."""
    assert ended("--host", host, "--allow-host", "tasks", "--rest-port", "0", "--grpc-port", "0") == (
        1,
        f"The server can't listen on '{host}': the host's name doesn't resolve to an address. Choose another with"
        " --host, such as 127.0.0.1.\n",
    )


def test_without_aiohttp_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plugin itself doesn't need it."""
    monkeypatch.setattr(sys, "argv", ["pytest-cloudtasks", "serve"])
    monkeypatch.setattr("pytest_cloudtasks._server.emulator.command_line.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as exited:
        run()
    assert exited.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].partition("error: ")[2] == (
        "serve needs aiohttp and cryptography, which this Python doesn't have. Run"
        " `pip install 'pytest-cloudtasks[server]'`."
    )


def test_help_teaches() -> None:
    """Every option is there with a word on it, and examples that can be copied."""
    code, text = ended("--help")
    assert code == 0
    assert "usage: python -m pytest_cloudtasks serve [options]" in text
    for option in (
        "--host",
        "--allow-host HOST",
        "--forward BASE=TO",
        "--app-engine-host URL",
        "--allow-remote",
        "--service OPTION=VALUE",
    ):
        assert option in text
    for example in ("serve --queue emails\n", "--queues queue.yaml", "--allow-host tasks", "/control/jump?by=10m'"):
        assert example in text


def test_an_address_of_ipv6_is_served() -> None:
    """It has its brackets wherever a port follows."""
    with running_emulator("--host", "::1", "--queue", "emails") as server:
        assert server.grpc.startswith("[::1]:")
        assert server.get("/healthz")["status"] == "ok"
        with server.client() as client:
            assert client.get_queue(name=QUEUE).name == QUEUE


def test_a_command_works_without_a_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none where the process was started with a closed one."""
    monkeypatch.setattr(sys, "argv", ["pytest-cloudtasks", "retry-schedule", "--max-attempts", "1"])
    monkeypatch.setattr(sys, "stdout", None)
    assert run() == 0


def test_the_version_is_reported() -> None:
    """Of the command, as of the program."""
    assert ended("--version") == (0, f"pytest-cloudtasks {__version__}\n")
