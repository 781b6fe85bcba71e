"""What the documentation shows of output is what is printed, and no block of it goes unlooked at.

IDs that the service makes up, folders and versions are the reader's own, and compared as such.
"""

from __future__ import annotations

import ast
import io
import re
import runpy
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from pytest_cloudtasks._api.cli import main

from .conftest import RunPytest
from .test_docs import CONFIGURATION, FENCE, ROOT, blocks, every_block, write_blocks

DOCS = ROOT / "docs"
PRINTS = "\n\n@pytest.fixture(autouse=True)\ndef story(cloud_tasks):\n    yield\n    print(cloud_tasks.timeline())\n"
"""For a conftest: every test tells its timeline."""
LEFT_BEHIND = """
import pytest
from shop import Shop

@pytest.mark.cloud_tasks(queues=["receipts"], strict=True)
def test_left_behind(cloud_tasks, cloud_tasks_client):
    cloud_tasks_client.pause_queue(name=cloud_tasks.queue_path("receipts"))
    Shop().place_order(42)
"""
BY_CHANCE = """
import pytest
from shop import Shop

@pytest.mark.cloud_tasks(queues=["receipts"], order="shuffle")
def test_chance(cloud_tasks):
    cloud_tasks.route("https://mailer.test/send")
    Shop().place_order(42)
    Shop().place_order(43)
    cloud_tasks.drain()
    assert False

def test_no_chance(cloud_tasks):
    assert cloud_tasks.tasks() == [1]
"""
ONE_IN_TWO_CLOCKS = """
import pytest
import time_machine
from datetime import datetime, timezone
from freezegun import freeze_time
from shop import Shop

@pytest.mark.cloud_tasks(queues=["receipts"])
def test_both(cloud_tasks):
    with time_machine.travel(datetime(2000, 1, 1, tzinfo=timezone.utc), tick=False):
        with freeze_time("2000-01-01"):
            cloud_tasks.advance(hours=1)
            Shop().place_order(42)
        cloud_tasks.drain()
"""
CARELESS = """
from careless import careless_shipping
from test_shipping import check_one_parcel_while_the_warehouse_is_down, pytestmark

def test_careless(cloud_tasks):
    check_one_parcel_while_the_warehouse_is_down(cloud_tasks, careless_shipping)
"""


def same_for_all(text: str) -> str:
    """Text without what is different for each reader: IDs, seeds, instants, durations, folders, ports, the version."""
    text = re.sub(r"\b\d{17,20}\b", "<id>", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", "<instant>", text)
    text = re.sub(r"after \d\.\d+ s", "after <seconds>", text)
    text = re.sub(r"\b127\.0\.0\.1:\d+", "<address>", text)
    text = re.sub(r"seed[ =]\d+", "seed <seed>", text)
    text = re.sub(r'^(ready .*?), "queues": .*\}$', r"\1, …}", text, flags=re.MULTILINE)
    text = re.sub(r"(report: ).*(/build)", r"\1<folder>\2", text)
    return re.sub(r"pytest-cloudtasks \d\S*:", "pytest-cloudtasks <version>:", text)


def printed_by_pytest(
    run: RunPytest, folder: Path, page: str, *options: str, test: str = "", story: bool = False
) -> str:
    """Return pytest's output for a test, or for those of a page, with the shop of the quickstart."""
    (folder / "pytest.ini").write_text(CONFIGURATION, "utf-8")
    write_blocks(DOCS / page, folder)
    if story:
        (folder / "conftest.py").write_text((folder / "conftest.py").read_text("utf-8") + PRINTS, "utf-8")
    if test:
        (folder / "test_it.py").write_text(test, "utf-8")
    files = ["test_it.py"] if test else []
    return run(folder, "--color=no", "-rP", *options, *files).stdout.str()


def in_example(run: RunPytest, name: str, folder: Path, test: str) -> str:
    """What pytest prints of a test in an example."""
    shutil.copytree(ROOT / "examples" / name, folder / name)
    (folder / name / "test_it.py").write_text(test, "utf-8")
    return run(folder / name, "--color=no", "test_it.py").stdout.str()


def none_like_it(run: RunPytest, folder: Path) -> str:
    """The first test of the tutorial, with another user than the one that is reminded."""
    (test, *_) = [text for text in blocks(DOCS / "first-test.md", "python") if "def test_reminder_is_enqueued" in text]
    test = test.replace('json={"user": "ada"}, delay=timedelta(hours=3)', 'json={"user": "bob"}')
    printed = printed_by_pytest(run, folder, "first-test.md", test=test)
    lines = [line.removeprefix("E").removeprefix("       ") for line in printed.splitlines() if line.startswith("E ")]
    return "\n".join(lines).replace("pytest_cloudtasks.CloudTasksAssertionError: ", "")


def a_report(run: RunPytest, folder: Path) -> str:
    """Two tests that fail, by the page's command."""
    return printed_by_pytest(run, folder, "report.md", "--cloud-tasks-report=build/cloud-tasks", test=BY_CHANCE)


def printed_by(run: Callable[[], object]) -> str:
    """What is printed meanwhile."""
    with redirect_stdout(io.StringIO()) as printed:
        run()
    return printed.getvalue()


def a_script(_: RunPytest, folder: Path) -> str:
    """The script of the page, run by Python alone."""
    (script,) = (text for text in blocks(DOCS / "without-fixture.md", "python") if "print(" in text)
    (folder / "script.py").write_text(script, "utf-8")
    return printed_by(lambda: runpy.run_path(str(folder / "script.py"), run_name="__main__"))


SHOWN: dict[str, list[Callable[[RunPytest, Path], str]]] = {
    "assertions.md": [lambda run, folder: printed_by_pytest(run, folder, "assertions.md", test=LEFT_BEHIND)],
    "ci.md": [lambda run, folder: printed_by_pytest(run, folder, "ci.md", "--cloud-tasks-seed=random", test=BY_CHANCE)],
    "faults.md": [
        lambda run, folder: printed_by_pytest(run, folder, "faults.md", "--cloud-tasks-seed=random", test=BY_CHANCE)
    ],
    "first-test.md": [
        none_like_it,
        lambda run, folder: printed_by_pytest(run, folder, "first-test.md", "-k", "two_failures", story=True),
    ],
    "flask.md": [lambda run, folder: in_example(run, "flask_shop", folder, CARELESS)],
    "retry-schedule.md": [lambda _, folder: printed_by(lambda: main(["retry-schedule", *RETRY_CONFIG]))],
    "report.md": [a_report],
    "time.md": [lambda run, folder: printed_by_pytest(run, folder, "time.md", test=ONE_IN_TWO_CLOCKS)],
    "without-fixture.md": [a_script],
}
RETRY_CONFIG = ("--max-attempts", "5", "--min-backoff", "10s")
ELSEWHERE = {
    "ARCHITECTURE.md": "test_layers.py",
    "django.md": "slow/processes/test_django_page.py",
    "event-loops.md": "slow/processes/test_plugin_pages.py",
    "failures.md": "test_failures_page.py",
    "fidelity.md": "test_docs_commands.py",
    "properties.md": "slow/processes/test_properties_page.py",
    "serve.md": "slow/processes/test_serve_page.py",
    "stateful.md": "slow/properties/test_stateful_page.py",
}
"""Pages whose output, or drawing, has a test of its own, or that show commands without their output."""
LOOKED_AT = {
    "python": "test_docs.py",
    "ini": "test_docs.py",
    "toml": "test_docs.py",
    "shell": "test_docs_commands.py",
    "yaml": "test_docs_commands.py",
    "{eval-rst}": "test_site.py",
    **dict.fromkeys(("text", "console", "pycon", "py"), "test_docs_output.py"),
    **dict.fromkeys(("json", "go", "javascript"), "test_docs_requests.py"),
}
"""Which file has the tests of a language's blocks. Of Go and Node only the variables that they read are looked at."""
TRIED_BY_HAND = {"dockerfile", "java", "rust"}
"""Languages whose blocks the suite doesn't run. The page says with which versions they were tried."""


def outputs(page: str) -> list[str]:
    """The blocks of a page that show what is printed, without the commands that print it."""
    found = FENCE.finditer((DOCS / page).read_text("utf-8"))
    texts = [block["text"] for block in found if block["language"] in ("text", "console")]
    shown = [re.sub(r"^(\$ .*|…)\n", "", text, flags=re.MULTILINE) for text in texts]
    return [text for text in shown if text]


@pytest.mark.parametrize(
    ("page", "number"), [(page, number) for page, made in SHOWN.items() for number in range(len(made))]
)
def test_output_is_printed_as_shown(page: str, number: int, tmp_path: Path, run_pytest: RunPytest) -> None:
    """Every line of it, and in one piece."""
    shown = outputs(page)
    assert len(shown) == len(SHOWN[page])

    printed = SHOWN[page][number](run_pytest, tmp_path)

    if page == "flask.md":  # whose line is the first that says what is wrong
        printed = "\n".join(line for line in printed.splitlines() if line.startswith("E "))
    assert same_for_all(shown[number]).strip() in same_for_all(printed), printed


def test_every_block_is_looked_at() -> None:
    """Each has a language, and what shows output has a test that compares it."""
    found = {(page.name, language) for page, language, _ in every_block()}

    assert {language for _, language in found} == {*LOOKED_AT, *TRIED_BY_HAND}
    output = {page for page, language in found if language in ("text", "console")}
    assert output == {*SHOWN, *ELSEWHERE}
    for test in {*LOOKED_AT.values(), *ELSEWHERE.values()}:
        assert (ROOT / "tests" / test).exists(), test


def test_python_outside_of_tests_is_python() -> None:
    """A block that would never end is shown, and parsed."""
    found = [text for page, language, text in every_block() if language == "py" and page.name == "time.md"]

    assert len(found) == 1
    assert ast.parse(found[0]).body


def test_dialogues_are_had(tmp_path: Path, run_pytest: RunPytest) -> None:
    """The answer behind each prompt is as shown."""
    found = [text for _, language, text in every_block() if language == "pycon"]
    assert len(found) == 1
    (tmp_path / "dialogue.txt").write_text(found[0], "utf-8")

    assert "1 passed" in printed_by_pytest(
        run_pytest, tmp_path, "without-fixture.md", "--doctest-glob=dialogue.txt", "dialogue.txt"
    )
