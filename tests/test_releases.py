"""What is said of releases in pyproject.toml, in tox.ini and on the page Compatibility is the same, and is so."""

from __future__ import annotations

import configparser
import os
import re
from importlib.metadata import version
from pathlib import Path

from tests.installed import CAPABILITIES

ROOT = Path(__file__).parents[1]
OF_NO_CLIENT = {"scopes of pytest-asyncio", "typed ini options"}
TOX = configparser.ConfigParser(interpolation=None)
TOX.read(ROOT / "tox.ini", encoding="utf-8")

Table = dict[str, dict[str, str]]


def lower_bounds() -> dict[str, str]:
    """What the package asks for, each with the lowest version that will do."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (dependencies,) = re.findall(r"^dependencies = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r'^    "([\w-]+)>=([\d.]+)"', dependencies, re.MULTILINE))


def environments() -> list[str]:
    """Those of tox that run the suite on some Python."""
    return [name for name in re.split(r"[,\s]+", TOX["tox"]["env_list"]) if name.startswith("py")]


def pins(environment: str) -> dict[str, str]:
    """The versions to which an environment of tox is held."""
    section = f"testenv:{environment}"
    deps = TOX[section].get("deps", "") if TOX.has_section(section) else ""
    deps = re.sub(r"\{\[(\w+)\](\w+)\}", lambda shared: TOX[shared[1]][shared[2]], deps)
    return dict(re.findall(r"^([\w-]+)==([\d.]+)$", deps, re.MULTILINE))


def numbers(text: str) -> list[int]:
    """``8`` as ``8.0.0``, to be compared and to be sorted."""
    return [*map(int, text.split(".")), 0, 0][:3]


def table(heading: str) -> Table:
    """The page's table with this heading over its first column: each row's cells by the headings of their columns."""
    page = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    (text,) = re.findall(rf"^(\| {heading} \|.*?)(?:\n\n|\Z)", page, re.MULTILINE | re.DOTALL)
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines())
    return {row[0].strip("`"): dict(zip(header[1:], row[1:], strict=True)) for row in rows}


def test_the_lowest_versions_are_those_that_are_tested() -> None:
    """Every lower bound of the package is what py310-lowest runs with, and what the page says."""
    lowest = {name: numbers(bound) for name, bound in lower_bounds().items()}
    pinned = pins("py310-lowest")
    told = {name: row["lowest"] for name, row in table("package").items()}
    assert len(lowest) > 5
    assert {name: numbers(pinned[name]) for name in lowest} == lowest
    assert told == {name: pinned[name] for name in lowest}


def test_an_environment_has_what_it_is_held_to() -> None:
    """In a run by tox nothing that was installed later has brought another version; it is named by its variable."""
    held_to = pins(os.environ.get("TOX_ENV_NAME", ""))
    assert {name: version(name) for name in held_to} == held_to


def test_the_page_has_every_environment() -> None:
    """With the Python, the client and the pytest that tox gives to it."""
    for row in (told := table("environment")).values():
        row.pop("tests")
    assert told == {
        name: {
            "Python": re.sub(r"py3(\d+).*", r"3.\1", name),
            "google-cloud-tasks": pins(name).get("google-cloud-tasks", "newest"),
            "pytest": pins(name).get("pytest", "newest"),
        }
        for name in environments()
    }


def test_clients_and_gaps_are_listed_for_every_release() -> None:
    """The columns of both tables are the releases of tox; 1.x has its own page."""
    releases = {pins(name)["google-cloud-tasks"] for name in environments() if "google-cloud-tasks" in pins(name)}
    columns = [*(one.removesuffix(".0") for one in sorted(releases, key=numbers)), "newest"]
    assert all(list(row) == columns for row in table("client of google-cloud-tasks").values())
    assert all(list(row) == [*columns[1:], "without it"] for row in table("what").values())


def test_every_client_has_versions_and_tests() -> None:
    """Each client, and each library on top of one, is listed with its tested versions and its tests."""
    rows = [*table("client").values(), *table("library").values()]
    assert [list(row) for row in rows] == [["tested versions", "tests"]] * len(rows)
    assert all(re.search(r"\d+\.\d+", row["tested versions"]) and row["tests"] for row in rows)


def test_what_a_release_lacks_is_what_the_page_says() -> None:
    """The column of the installed release has what it has, by the names that tests have for it."""
    told = table("what")
    columns = list(next(iter(told.values())))
    installed = ".".join(version("google-cloud-tasks").split(".")[:2])
    column = installed if installed in columns else "newest"
    there = {name for name, row in told.items() if row[column] == "yes"} if "clients of 2.x" in CAPABILITIES else set()
    assert there == CAPABILITIES - OF_NO_CLIENT
    assert {cell for row in told.values() for name, cell in row.items() if name != "without it"} == {"yes", "no"}
