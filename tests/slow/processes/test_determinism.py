from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STORY = """
import json
import random
from datetime import datetime, timedelta, timezone

import pytest
from google.cloud import tasks_v2


def enqueue(queue, path, **fields):
    client = tasks_v2.CloudTasksClient()
    task = {"http_request": {"url": "https://a.test" + path, "headers": {"b": "1", "a": "2"}}, **fields}
    return client.create_task(parent=queue, task=task).name


SHUFFLED = pytest.param(3, marks=pytest.mark.cloud_tasks(order="shuffle"))


@pytest.mark.parametrize("number", [1, 2, SHUFFLED])
def test_story(cloud_tasks, number):
    if number == 3:
        cloud_tasks.deliver_twice(rate=0.5)
        cloud_tasks.lose_handler_response(rate=0.2)
    queues = [cloud_tasks.create_queue(name, retry_config={"min_backoff": "3s"}).name for name in ("one", "two")]
    cloud_tasks.route("https://a.test/slow/*").returns(429, 500, 200).takes(timedelta(seconds=2.5))
    cloud_tasks.route("https://a.test/*").returns(503, 200)
    now = datetime.now(timezone.utc)
    for index in range(6):
        enqueue(queues[index % 2], f"/{index}")
        enqueue(queues[index % 2], f"/slow/{index}", schedule_time=now + timedelta(seconds=index % 3))
    client = tasks_v2.CloudTasksClient()
    cloud_tasks.advance(seconds=2)
    client.pause_queue(name=queues[0])
    cloud_tasks.drain()
    client.resume_queue(name=queues[0])
    cloud_tasks.drain()
    with open("timelines.txt", "a") as file:
        file.write(f"--- {number}\\n{cloud_tasks.timeline()}\\n")
"""


def timelines(folder: Path, *arguments: str, hash_seed: str = "0") -> dict[str, str]:
    """Each test's timeline, from a run of pytest in a process of its own."""
    (folder / "timelines.txt").unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
    )
    parts = (folder / "timelines.txt").read_text().split("--- ")[1:]
    return dict(part.split("\n", 1) for part in parts)


def test_the_timeline_is_the_same_to_the_byte_in_every_run(tmp_path: Path) -> None:
    """Hash seeds, other tests, their order and xdist change nothing in a timeline, also where chance has a say."""
    (tmp_path / "test_story.py").write_text(STORY)
    expected = timelines(tmp_path, "-p", "no:randomly")
    assert expected["1"] != expected["2"], "task IDs follow from the test"
    assert len(expected["1"].splitlines()) > 30
    assert "delivered a second time" in expected["3"]
    assert timelines(tmp_path, "-p", "no:randomly", hash_seed="4711") == expected
    assert timelines(tmp_path, "-p", "no:randomly", "-k", "2") == {"2": expected["2"]}
    assert timelines(tmp_path, "-p", "randomly", "-p", "randomly", "--randomly-seed=3") == expected
    assert timelines(tmp_path, "-p", "no:randomly", "-n", "2") == expected
