from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cloudtasks._api.cli import main

THREE = """\
1  +0:00:00
2  +0:00:12         12 s later
3  +0:00:34         22 s later
It is given up after 36 s, by max_attempts 3.
"""
OF_FILE = """\
mails
1  +0:00:00
2  +0:00:02         2 s later
It is given up after 2 s, by max_attempts 2.

reports
1  +0:00:00
2  +0:00:00.100     0.1 s later
It is given up after 0.1 s, by max_attempts 2.
"""


def test_each_queue_of_a_file_has_its_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is given besides holds for all of them."""
    file = tmp_path / "queue.yaml"
    file.write_text("queue:\n- name: mails\n  retry_parameters:\n    min_backoff_seconds: 2\n- name: reports\n")
    assert main(["retry-schedule", str(file), "--max-attempts", "2"]) == 0
    assert capsys.readouterr().out == OF_FILE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--max-attempts=-2"],
            "The service rejects this retry config: RetryConfig.maxAttempts must be greater or equal to -1.",
        ),
        (["--min-backoff", "x"], "argument --min-backoff: 'x' is not a duration: write 10s, 5m, 1h or 7d"),
        (["queues.txt"], "queues.txt is not a queue file: its name must end in .yaml, .yml or .json."),
        (["queues.json"], "The queues file queues.json can't be read: No such file or directory."),
    ],
)
def test_what_is_wrong_is_reported_in_a_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As command lines do, with exit code 2."""
    with pytest.raises(SystemExit) as end:
        main(["retry-schedule", *arguments])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: python -m pytest_cloudtasks retry-schedule [-h] ")
    assert said.endswith(f"\npython -m pytest_cloudtasks retry-schedule: error: {message}\n")
