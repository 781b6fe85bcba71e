"""The ledger's cases over the wire."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks

ROOT = Path(__file__).parents[3]


def test_the_conformance_suite_meets_the_grpc_endpoint() -> None:
    """Every case that a server on loopback can be asked gives what the ledger says."""
    options = ["-q", "-rs", "-p", "no:randomly", "-p", "no:cacheprovider"]
    with FakeCloudTasks(time="virtual") as fake, CloudTasksServer(fake) as server:
        fake.route("*")
        command = [sys.executable, "-m", "pytest", "tests/conformance", *options]
        done = subprocess.run(
            [*command, f"--cloud-tasks-endpoint={server.grpc_target}"], cwd=ROOT, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout
    assert "differences from the ledger" not in done.stdout
    assert " passed, " in done.stdout
