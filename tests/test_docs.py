"""The documentation runs: every Python block is a test file, every ini or toml block a configuration for pytest.

A block whose first line is a comment with a file name (``# shop.py``) is that file, for the blocks of the same page.
The pages also find the modules and fixtures of the quickstart, and the chapters of the tutorial those of the first.
A block whose fence names a file of the examples (``python examples/flask_shop/shop.py``), or a function or class in one
(``…/shop.py#create_shop``), quotes it word for word. It runs there.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import textwrap
from pathlib import Path

import pytest

from pytest_cloudtasks._service.events import EventKind
from tests.conftest import RunPytest
from tests.each import each

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGURATION = """\
[pytest]
cloud_tasks_project = my-shop
cloud_tasks_location = europe-west1
filterwarnings =
    error
    ignore:You are using a:FutureWarning
    ignore:Using `httpx` with `starlette.testclient` is deprecated
"""
QUICKSTART = ROOT / "examples" / "quickstart"
FIRST_CHAPTER = ROOT / "docs" / "first-test.md"
FILE_NAME = re.compile(r"# ([\w.]+\.py)\n")
NAMES = [page.name for page in PAGES]
EXAMPLES = sorted(one.name for one in (ROOT / "examples").iterdir() if one.is_dir())
FENCE = re.compile(r"^```(?P<language>[\w-]+)(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_FENCE = re.compile(r"^( *)```(?P<language>[^\s`]*)[^\n]*\n(?P<text>.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]*))?\)")
HEADING = re.compile(r"^#+ (?P<text>.*)$", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language that are its own."""
    found = FENCE.finditer(page.read_text("utf-8"))
    return [block["text"] for block in found if block["language"] == language and not block["info"].strip()]


def every_block() -> list[tuple[Path, str, str]]:
    """Page, language and text of every fenced block that a reader meets, those in lists included."""
    others = [ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]
    pages = [*PAGES, *others, *sorted((ROOT / "examples").glob("*/README.md"))]
    found = [(page, block) for page in pages for block in ANY_FENCE.finditer(page.read_text("utf-8"))]
    return [(page, block["language"], textwrap.dedent(block["text"])) for page, block in found]


def quotations(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page that quote an example: what they name, and their text."""
    found = FENCE.finditer(page.read_text("utf-8"))
    return [(block["info"].strip(), block["text"]) for block in found if block["info"].strip()]


def source(reference: str) -> str:
    """The text of ``examples/…/shop.py``, or of what it defines by the name after ``#``, with its decorators."""
    path, _, name = reference.partition("#")
    text = (ROOT / path).read_text("utf-8")
    if not name:
        return text
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    (node,) = (node for node in ast.parse(text).body if isinstance(node, named) and node.name == name)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "".join(text.splitlines(keepends=True)[first - 1 : node.end_lineno])


def write_blocks(page: Path, into: Path) -> None:
    """One file for every Python block; a block that does not name its file is a test file."""
    for name in ("shop.py", "mailer.py", "fake_mail_server.py", "conftest.py"):
        shutil.copy(QUICKSTART / name, into)
    if page.name.startswith("tutorial-"):
        for text in blocks(FIRST_CHAPTER, "python"):
            if named := FILE_NAME.match(text):
                (into / named[1]).write_text(text, "utf-8")
    for number, text in enumerate(blocks(page, "python"), start=1):
        named = FILE_NAME.match(text)
        name = named[1] if named else f"test_block_{number}.py"
        (into / name).write_text(text, "utf-8")


def needs_a_project(page: Path) -> bool:
    """Whether blocks of the page use the shop, or name its project."""
    return any("from shop import" in text or "my-shop" in text for text in blocks(page, "python"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made where Markdown is shown; of recordings, the cases' IDs."""
    if page.suffix == ".json":
        return {case["id"] for case in json.loads(page.read_text("utf-8"))["cases"]}
    text = FENCE.sub("", page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading["text"].lower()).replace(" ", "-") for heading in HEADING.finditer(text)}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run(page: Path, tmp_path: Path, run_pytest: RunPytest) -> None:
    """Every test that a page shows passes, and every other block at least runs."""
    (tmp_path / "pytest.ini").write_text(CONFIGURATION, "utf-8")
    write_blocks(page, tmp_path)

    result = run_pytest(tmp_path, "--strict-markers")

    assert result.ret == 0


@pytest.mark.parametrize("page", [page for page in PAGES if quotations(page)], ids=lambda page: page.name)
def test_quotations_are_literal(page: Path) -> None:
    """What a page quotes of an example is what the example has, character by character."""
    for reference, text in quotations(page):
        assert text == source(reference), reference


@pytest.mark.parametrize("example", [name for name in EXAMPLES if name != "quickstart"])
def test_every_example_is_quoted(example: str) -> None:
    """The careless module of every example, and its tests, are quoted in the documentation."""
    quoted = {reference.partition("#")[0] for page in PAGES for reference, _ in quotations(page)}
    ours = {path.removeprefix(f"examples/{example}/") for path in quoted if path.startswith(f"examples/{example}/")}

    assert any(path.endswith("careless.py") for path in ours)
    assert any(path.startswith("test_") for path in ours)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "ini")], ids=lambda page: page.name)
def test_ini_blocks_are_accepted(page: Path, tmp_path: Path, run_pytest: RunPytest) -> None:
    """Pytest and the plugin accept every configuration that a page shows."""
    (tmp_path / "test_fake.py").write_text("def test_fake(cloud_tasks): assert cloud_tasks.tasks() == []\n", "utf-8")
    for text in blocks(page, "ini"):
        (tmp_path / "pytest.ini").write_text(text, "utf-8")

        result = run_pytest(tmp_path, "--strict-config")

        assert result.ret == 0


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.name)
def test_toml_blocks_are_accepted(page: Path, tmp_path: Path, run_pytest: RunPytest) -> None:
    """Every configuration that a page shows for a pyproject.toml is one, with queues where it names some."""
    (tmp_path / "test_fake.py").write_text(
        "def test_fake(cloud_tasks):\n    assert cloud_tasks.queue('receipts').name.startswith('projects/my-shop/')\n",
        "utf-8",
    )
    for text in blocks(page, "toml"):
        (tmp_path / "pyproject.toml").write_text(text, "utf-8")

        result = run_pytest(tmp_path, "--strict-config")

        assert result.ret == 0


@pytest.mark.parametrize("chapter", ["first-test.md", "tutorial-retries.md", "tutorial-time.md"])
def test_chapters_work_in_one_file(chapter: str, tmp_path: Path, run_pytest: RunPytest) -> None:
    """All tests of a chapter in one file have the same results as in several."""
    page = ROOT / "docs" / chapter
    write_blocks(page, tmp_path)
    (configuration,) = blocks(FIRST_CHAPTER, "ini")
    (tmp_path / "pytest.ini").write_text(configuration, "utf-8")
    for name in [*tmp_path.glob("test_block_*.py"), tmp_path / "conftest.py"]:
        name.unlink()
    tests = [text for text in blocks(page, "python") if not FILE_NAME.match(text)]
    (tmp_path / "test_chapter.py").write_text("\n\n".join(tests), "utf-8")

    result = run_pytest(tmp_path, "--strict-markers")

    result.assert_outcomes(passed=len(tests))


@each("page", [page for page in PAGES if needs_a_project(page)], ids=lambda page: page.name)
def test_pages_with_a_project_say_where_it_is_set(page: Path) -> None:
    """Blocks that need the shop's project come with the configuration, or with the quickstart, which has it."""
    text = page.read_text("utf-8")

    assert "cloud_tasks_project" in text or "examples/quickstart" in text or page.name.startswith("tutorial-")


@each("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file of the project, and to a heading that is there."""
    for link in LINK.finditer(FENCE.sub("", page.read_text("utf-8"))):
        target = page if not link["path"] else (page.parent / link["path"]).resolve()
        assert target.exists(), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors(target), link[0]


def test_reference_lists_its_parts() -> None:
    """The list at the top of the reference has every part, in order."""
    text = FENCE.sub("", (ROOT / "docs" / "reference.md").read_text("utf-8"))

    assert re.findall(r"^- \[(.*)\]\(#", text, re.MULTILINE) == re.findall(r"^## (.*)$", text, re.MULTILINE)


def test_reference_names_every_event() -> None:
    """The reference has every kind of event that the timeline as data can have."""
    reference = (ROOT / "docs" / "reference.md").read_text("utf-8")

    assert [kind.name for kind in EventKind if f"`{kind.name.lower()}`" not in reference] == []
