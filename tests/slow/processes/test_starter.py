"""Tests of a program that starts the emulator: the ready file, one port, and the end with the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.patience import PATIENCE
from tests.server.emulator.running import QUEUE, command, running_emulator
from tests.server.test_relay import TLS_TOLD


def test_a_ready_file_has_the_addresses(tmp_path: Path) -> None:
    """It has the same data as the line on stdout, and is removed when the server ends."""
    file = tmp_path / "ready.json"
    file.write_text("of an earlier run")
    with running_emulator("--queue", "emails", "--seed", "7", "--ready-file", str(file)) as server:
        ready = json.loads(file.read_text("utf-8"))
        rest = server.url.removeprefix("http://")
        assert ready == {
            "grpc": server.grpc,
            "rest": server.url,
            "queues": [QUEUE],
            "seed": 7,
            "pid": server.process.pid,
            "environment": {"CLOUD_TASKS_EMULATOR_HOST": rest, "CLOUDTASKS_EMULATOR_HOST": rest},
        }
        assert json.loads(server.banner[-1].removeprefix("ready ")) == ready
        assert server.stop() == 0
    assert list(tmp_path.iterdir()) == []


def test_one_port_takes_both() -> None:
    """gRPC and REST have the same address; a client that uses TLS there is logged."""
    with running_emulator("--queue", "emails", ports=("--port", "0")) as server:
        assert server.url == f"http://{server.grpc}"
        assert server.get("/healthz")["status"] == "ok"
        with server.client() as client:
            assert client.get_queue(name=QUEUE).name == QUEUE
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.url.replace("http:", "https:"), timeout=PATIENCE)
        assert server.stop() == 0
        assert [line.partition("  ")[2] for line in server.log] == [TLS_TOLD, "stopping", "stopped"]


def ended_with(process: subprocess.Popen[str]) -> list[str]:
    """Close the process's standard input once the server is ready, and return the rest of the output."""
    assert process.stdin is not None
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready {"):
            break
    process.stdin.close()
    return [line.partition("  ")[2].rstrip("\n") for line in process.stdout]


PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}


def test_it_ends_with_its_standard_input() -> None:
    """It is a pipe from the program that started the server, so this works on every system."""
    with subprocess.Popen(command("--end-with", "stdin"), **PIPES) as process:
        assert ended_with(process) == ["the standard input has ended", "stopping", "stopped"]
        assert process.wait(PATIENCE) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't say that a parent has ended")
def test_it_ends_with_its_parent() -> None:
    """It ends even if its standard input stays open."""
    script = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script, *command("--end-with", "parent")], **PIPES) as parent:
        assert ended_with(parent) == ["the parent process has ended", "stopping", "stopped"]
