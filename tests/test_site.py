"""What the site is made of: every page has a place, every public name is described, diagrams are the model's own."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import pytest_cloudtasks
from pytest_cloudtasks._server.emulator.options import SERVE_OPTIONS
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._simulation.settings.options import OPTIONS

from .conftest import RunPytest

DOCS = Path(__file__).parent.parent / "docs"
DIAGRAMS = DOCS / "_diagrams"
GENERATED = ("LegacyCloudTasksClient",)
"""Classes with methods that are made from a table."""


@pytest.fixture
def diagrams(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The diagrams as the model makes them now."""
    monkeypatch.syspath_prepend(DIAGRAMS)
    for name in ("drawing", "walking"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    images: dict[str, str] = runpy.run_path(str(DIAGRAMS / "__main__.py"))["images"]()
    for name in ("drawing", "walking"):
        monkeypatch.delitem(sys.modules, name)
    return images


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    """The extension that makes tables of the reference."""
    return runpy.run_path(str(DOCS / "_extensions" / "reference_tables.py"))


@pytest.fixture(scope="module")
def pages() -> dict[str, Any]:
    """The extension that writes pages for what lies outside of ``docs``."""
    return runpy.run_path(str(DOCS / "_extensions" / "outside_pages.py"))


def test_index_has_every_page() -> None:
    """Every page is in a part of the index, from which the site's navigation is made."""
    index = (DOCS / "index.md").read_text("utf-8")
    listed = set(re.findall(r"^- \[[^]]*\]\(([\w-]+\.md)\)", index, re.MULTILINE))

    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} == listed


def test_diagrams_are_those_of_the_model(diagrams: dict[str, str]) -> None:
    """The diagrams that are committed show what the model does; `python docs/_diagrams` draws them again."""
    assert diagrams == {name: (DOCS / "images" / name).read_text("utf-8") for name in diagrams}


def test_tables_of_transitions_are_what_the_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk through all states that commands reach finds the transitions of the tables, and no others."""
    monkeypatch.syspath_prepend(DIAGRAMS)
    monkeypatch.delitem(sys.modules, "walking", raising=False)
    walking = importlib.import_module("walking")
    monkeypatch.delitem(sys.modules, "walking")
    of_queue = walking.walk(walking.Walker, walking.QUEUE_COMMANDS, walking.Walker.queue_state)
    of_task = walking.walk(lambda: walking.with_queue(is_pull=False), walking.PUSH_COMMANDS, walking.Walker.task_state)

    assert of_queue == walking.edges_of_queue()
    assert of_task == walking.edges_of_task()


def test_every_diagram_is_shown(diagrams: dict[str, str]) -> None:
    """The page about the model has every diagram that is made of it."""
    page = (DOCS / "model.md").read_text("utf-8")

    assert {name for name in diagrams if f"](images/{name})" not in page} == set()


def test_picture_is_of_a_test_that_fails(tmp_path: Path, run_pytest: RunPytest) -> None:
    """The test in the picture of the README fails as it is seen there, and has a page."""
    picture = DOCS / "_picture"
    result = run_pytest(tmp_path, "-W", "ignore", "--rootdir", picture, picture, f"--cloud-tasks-report={tmp_path}")

    assert "AssertionError: A receipt was given up." in result.stdout.str()
    assert len(list(tmp_path.glob("test_checkout*.html"))) == 1


def test_api_page_has_every_public_name() -> None:
    """The API page asks for every public name of the package, and for every public module beside the plugin."""
    page = (DOCS / "api.md").read_text("utf-8")
    documented = set(re.findall(r"^\.\. auto\w+:: pytest_cloudtasks\.([\w.]+)", page, re.MULTILINE))
    modules = {one.name for one in pkgutil.iter_modules(pytest_cloudtasks.__path__) if not one.name.startswith("_")}

    assert {*pytest_cloudtasks.__all__, *modules} - {"plugin"} - documented == set()


def test_api_page_has_what_is_there() -> None:
    """Whatever the API page asks for can be imported."""
    page = (DOCS / "api.md").read_text("utf-8")

    for path in re.findall(r"^\.\. auto\w+:: (pytest_cloudtasks\.[\w.]+)", page, re.MULTILINE):
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(module), name) or importlib.import_module(path), path


def test_api_page_names_public_modules_only() -> None:
    """Whatever the API page describes can be imported from a module whose name has no underscore."""
    page = (DOCS / "api.md").read_text("utf-8")

    assert re.findall(r"^\.\. auto\w+:: (pytest_cloudtasks\.[\w.]*\b_[\w.]*)", page, re.MULTILINE) == []


def test_every_public_member_is_described() -> None:
    """Each public method and property of a public class has a docstring, and a method with arguments has their list."""
    missing = []
    for name in pytest_cloudtasks.__all__:
        kind = getattr(pytest_cloudtasks, name)
        if not isinstance(kind, type):
            continue
        ours = [base for base in inspect.getmro(kind) if base.__module__.startswith("pytest_cloudtasks.")]
        for member, value in [pair for base in ours for pair in vars(base).items()]:
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                doc = inspect.getdoc(value) or ""
                takes = inspect.isfunction(value) and len(inspect.signature(value).parameters) > 1
                if not doc or (takes and "Args:" not in doc and "See `" not in doc and name not in GENERATED):
                    missing.append(f"{name}.{member}")

    assert missing == []


def test_reference_has_every_table(tables: dict[str, Any]) -> None:
    """Each table that the code makes has its place on the reference page, and the site puts it there."""
    page = (DOCS / "reference.md").read_text("utf-8")

    assert re.findall(r"^<!-- table: (.*) -->$", page, re.MULTILINE) == list(tables["TABLES"])
    assert "<!-- table" not in tables["filled"](page)


def test_tables_have_what_the_code_has(tables: dict[str, Any]) -> None:
    """A row for each fixture, option, service option, option of the command line, and option of `serve`."""
    made = {name: re.findall(r"^\| `([^` =]+)", make(), re.MULTILINE) for name, make in tables["TABLES"].items()}

    assert made == {
        "fixtures": [
            "cloud_tasks",
            "cloud_tasks_client",
            "cloud_tasks_async_client",
            "cloud_tasks_legacy_client",
            "cloud_tasks_server",
        ],
        "options": [*OPTIONS, "defer_credentials"],
        "service-options": list(ServiceOptions._fields),
        "command-line": [
            "--cloud-tasks-seed",
            "--cloud-tasks-report",
            "--cloud-tasks-report-for",
            "--cloud-tasks-show-secrets",
        ],
        "serve-options": [option.flag for option in SERVE_OPTIONS.values()],
        "timeline": list(json.loads((DOCS / "timeline.schema.json").read_text("utf-8"))["items"]["properties"]),
    }


def test_tables_show_types_defaults_and_evidence(tables: dict[str, Any]) -> None:
    """An option's row has its type and default; a service option's also how its default is known."""
    options, service = tables["TABLES"]["options"]().splitlines(), tables["TABLES"]["service-options"]().splitlines()

    assert '| `project` | `str` | `"test-project"` | the project of queues given by their ID |' in options
    assert "| `defer_credentials` | ini only | `true` | " in "\n".join(options)
    (row,) = (row for row in service if row.startswith("| `task_tombstone_ttl` |"))
    assert row.startswith("| `task_tombstone_ttl` | duration | 24 hours | ")
    assert row.endswith(" | [documented](fidelity.md#creating-tasks) |")


@pytest.mark.parametrize(
    ("link", "file", "on_site"),
    [
        ("[a](time.md#when)", "docs/faults.md", "[a](time.md#when)"),
        ("[a](#when)", "docs/time.md", "[a](#when)"),
        ("[a](https://example.com/x)", "docs/time.md", "[a](https://example.com/x)"),
        ("[a](../CHANGELOG.md)", "docs/index.md", "[a](project/changelog.md)"),
        ("[a](../examples/saga)", "docs/many-tasks.md", "[a](examples/saga.md)"),
        ("[a](../examples/saga/README.md)", "docs/many-tasks.md", "[a](examples/saga.md)"),
        ("[a](../examples/saga/booking.py)", "docs/many-tasks.md", "[a](examples/saga.md#bookingpy)"),
        ("[a](docs/time.md#when)", "CHANGELOG.md", "[a](../time.md#when)"),
        ("[a](README.md)", "CONTRIBUTING.md", "[a](readme.md)"),
        ("![a](docs/images/report.png)", "README.md", "![a](../images/report.png)"),
        ("[a](../../docs/many-tasks.md#a-saga)", "examples/saga/README.md", "[a](../many-tasks.md#a-saga)"),
        ("[a](../../README.md)", "examples/saga/README.md", "[a](../project/readme.md)"),
    ],
)
def test_links_are_led_to_the_site(pages: dict[str, Any], link: str, file: str, on_site: str) -> None:
    """A link that leaves the documentation leads to the page of the site that has what it names."""
    assert pages["led"](link, file) == on_site


def test_index_becomes_the_navigation(pages: dict[str, Any]) -> None:
    """A list of the index is a tree for Sphinx: its heading, behind that of its part, and the links of its items."""
    tutorial = "## Tutorial\n\n- [Retries](retries.md): see [time](time.md).\n- [Time](time.md): more.\n"
    how_to = "\n## How-to\n\n### Applications\n\n- [Flask](flask.md): retries.\n\n### Tests\n\n- [CI](ci.md): nights.\n"

    assert pages["toctrees"](f"# Title\n\nWords.\n\n{tutorial}{how_to}") == (
        "\n```{toctree}\n:hidden:\n:caption: Tutorial\n\nRetries <retries.md>\nTime <time.md>\n```\n"
        "\n```{toctree}\n:hidden:\n:caption: How-to: Applications\n\nFlask <flask.md>\n```\n"
        "\n```{toctree}\n:hidden:\n:caption: How-to: Tests\n\nCI <ci.md>\n```\n"
    )
