"""The conformance suite itself, against an endpoint on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conformance.server import serving

ROOT = Path(__file__).parents[3]


def run(address: str, *options: str) -> tuple[int, str]:
    """The suite's exit code and output, in a process of its own, which no option of this run reaches."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/conformance",
        f"--cloud-tasks-endpoint={address}",
        "-q",
        "-p",
        "no:randomly",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_endpoint_that_answers_as_the_ledger_says_passes() -> None:
    """Over a real connection the same cases give no difference, and what can't be asked there says why."""
    with serving({}) as address:
        code, output = run(address, "-rs")
    assert code == 0, output
    assert "differences from the ledger" not in output
    assert "It needs a clock that can be moved." in output
    assert "It turns a service option of the fake." in output
    assert "It needs a receiver." in output


def test_differences_are_a_table(tmp_path: Path) -> None:
    """What differs fails and is printed; what is known to differ is printed only, and fails once it differs no more."""
    known = tmp_path / "known.json"
    known.write_text(
        json.dumps(
            {
                "pause-queue/queue-never-existed/never-existed": "it has another text",
                "get-queue/queue-never-existed/never-existed": "it had another text once",
            }
        )
    )
    with serving({"pause_queue": "No queue.", "resume_queue": "No queue."}) as address:
        code, output = run(address, f"--cloud-tasks-known={known}", "-k", "never-existed or known")
    assert code == 1, output
    assert output.count("FAILED") == 2
    assert (
        "get-queue/queue-never-existed/never-existed is listed as known to differ (it had another text once), and"
        " differs no more. Take it off the list." in output
    )
    expected = (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )
    _, rows = output[output.index("differences from the ledger") :].split("\n", 1)
    assert rows.startswith(
        "pause-queue/queue-never-existed/never-existed (known: it has another text)\n"
        "  message\n"
        f"    expected {expected!r}\n"
        "    observed 'No queue.'\n"
        "resume-queue/queue-never-existed/never-existed\n"
        "  message\n"
        f"    expected {expected!r}\n"
        "    observed 'No queue.'\n"
    )


def test_a_misspelt_known_difference_is_reported(tmp_path: Path) -> None:
    """A list that names no case fails."""
    known = tmp_path / "known.json"
    known.write_text(json.dumps({"pause-queue/no-such-case": "gone"}))
    with serving({}) as address:
        code, output = run(address, f"--cloud-tasks-known={known}", "-k", "known_differences")
    assert code == 1, output
    assert "pause-queue/no-such-case" in output
