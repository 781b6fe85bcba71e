"""Start-up: what an unused plugin imports, what the first use costs, and what each test pays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from pytest_cloudtasks import FakeCloudTasks

from .calls import PARENT, floor
from .measuring import Row, seconds_each

ROUNDS = 7
FIRST_USE = """
import time

def test_first_use(request):
    begin = time.process_time()
    import google.cloud.tasks_v2
    from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
    imported = time.process_time()
    cloud_tasks = request.getfixturevalue("cloud_tasks")
    cloud_tasks.create_queue("work")
    cloud_tasks.client().create_task(
        parent=cloud_tasks.queue_path("work"), task={"http_request": {"url": "https://app.test"}}
    )
    used = time.process_time()
    print("TOOK", imported - begin, used - imported)
"""


def rows() -> Iterator[Row]:
    """All about beginning."""
    own, of_pytest = _imports()
    yield Row("unused: own import time", own * 1e3, "ms", note="sum of -X importtime over the plugin's modules")
    yield Row("unused: own import time against pytest's", own / of_pytest, "×", 0.2)
    google, ours = _first_use()
    yield Row("first use, on top of Google's import", ours * 1e3, "ms", note=f"Google's import {google * 1e3:.0f} ms")
    yield Row("first use against Google's import", ours / google, "×", 0.2)
    unrewritten = _first_use("--assert=plain")[1]
    yield Row("first use, where pytest's assertion rewriting is off", unrewritten * 1e3, "ms")
    took = seconds_each({"bare": _bare, "fake": _fakes(), "used": _used()}, count=50)
    yield Row("a fake's set-up and teardown", took["fake"] * 1e3, "ms")
    yield Row("a fake's set-up and teardown against a client's constructor", took["fake"] / took["bare"], "×", 2)
    yield Row("the same with time held and its own client", took["used"] / took["bare"], "×")


def _imports() -> tuple[float, float]:
    """Seconds that an unused plugin's own modules take to import, and all modules of pytest's own."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text("def test_it(): pass\n")
        for _ in range(ROUNDS):
            told = subprocess.run(
                [sys.executable, "-X", "importtime", "-m", "pytest", "-qs", "-p", "pytest_cloudtasks.plugin", folder],
                env={**_environment(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
                capture_output=True,
                text=True,
                check=True,
                cwd=folder,
            ).stderr
            ours.append(sum(int(took) for took in re.findall(r":\s*(\d+) \|.*\| +pytest_cloudtasks", told)) / 1e6)
            theirs.append(sum(int(took) for took in re.findall(r":\s*(\d+) \|.*\| +_?pytest\b", told)) / 1e6)
    return min(ours), min(theirs)  # this one has no CPU time to go by, and a busy machine only adds


def _first_use(*options: str) -> tuple[float, float]:
    """CPU seconds of Google's import in a run of pytest's, and of everything else until a first task is created."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(FIRST_USE)
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *options, folder]
        for _ in range(ROUNDS):
            told = subprocess.run(
                command, env=_environment(folder), capture_output=True, text=True, check=True, cwd=folder
            ).stdout
            google, ours = re.findall(r"TOOK (\S+) (\S+)", told)[0]
            found.append((float(google), float(ours)))
    return median(google for google, _ in found), median(ours for _, ours in found)


def _environment(folder: str) -> dict[str, str]:
    """That of a process which finds its modules compiled, as the second run of any suite does."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(folder, "compiled"))}


def _bare(count: int) -> None:
    for _ in range(count):
        floor()


def _fakes() -> Callable[[int], None]:
    def fakes(count: int) -> None:
        for _ in range(count):
            with FakeCloudTasks(queues=["work"]):
                pass

    return fakes


def _used() -> Callable[[int], None]:
    def used(count: int) -> None:
        for _ in range(count):
            with FakeCloudTasks(queues=["work"]) as cloud_tasks:
                cloud_tasks.client().get_queue(name=PARENT)

    return used
