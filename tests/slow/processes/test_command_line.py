"""Commands as they are called from a shell."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.api.test_command_line import THREE


def test_a_plan_is_printed_as_a_table() -> None:
    """In a process of its own, as it is called from a shell."""
    options = ["--max-attempts", "3", "--min-backoff", "10s", "--attempt-takes", "2s"]
    command = [sys.executable, "-W", "ignore::FutureWarning", "-m", "pytest_cloudtasks", "retry-schedule", *options]
    assert subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8").stdout == THREE


def test_a_reader_may_have_had_enough() -> None:
    """A pipe that is closed early, as by ``head``, ends the command without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        # Google's packages tell a Python that they are about to leave.
        command = [sys.executable, "-W", "ignore::FutureWarning", "-m", "pytest_cloudtasks", "retry-schedule"]
        ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")
