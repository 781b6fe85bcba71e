"""What is said in several places about Pythons, the version, and what CI runs is the same everywhere."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import pytest_cloudtasks

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def pythons() -> list[str]:
    """Those of the classifiers."""
    return re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PROJECT)


def tox_file() -> configparser.ConfigParser:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    return tox


def default_environments() -> list[str]:
    return [name for name in re.split(r"[,\s]+", tox_file()["tox"]["env_list"]) if name]


def tox_environments() -> set[str]:
    """Those that plain ``tox`` runs, and those that are long and have to be asked for."""
    return {*default_environments(), *(name.partition(":")[2] for name in tox_file() if name.startswith("testenv:"))}


def workflow(name: str) -> Any:
    # YAML 1.1 reads the key `on` as a boolean.
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    """Classifiers, the lowest version required, and tox's plain environments agree."""
    assert f'requires-python = ">={pythons()[0]}"' in PROJECT
    plain = [name for name in default_environments() if re.fullmatch(r"py3\d+", name)]
    assert plain == [f"py{one.replace('.', '')}" for one in pythons()]


def test_the_version_is_in_one_place() -> None:
    """The package's own attribute; the build reads it, and the changelog's newest release is none later than it."""
    assert 'dynamic = ["version"]' in PROJECT
    assert re.search(r"^version\s*=", PROJECT, re.MULTILINE) is None
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [pytest_cloudtasks.__version__])


def test_ci_runs_everything_on_each_classifiers_python() -> None:
    """The matrix is what the built package says, and each job of it runs the one script that developers run."""
    jobs = workflow("ci.yml")["jobs"]
    matrix = jobs["everything"]["strategy"]["matrix"]
    assert matrix == {"python": "${{ fromJson(needs.package.outputs.pythons) }}"}
    assert {"run": ".ci/run"} in jobs["everything"]["steps"]


def test_every_tox_environment_is_run_by_a_workflow() -> None:
    """But for the concerns that .ci/run has itself, and for the plain Pythons, on which it runs."""
    by_script = {"lint", "typing", "examples", "wheel", *(f"py{one.replace('.', '')}" for one in pythons())}
    jobs = (workflow("ci.yml")["jobs"]["concerns"], workflow("proof.yml")["jobs"]["proof"])
    by_workflows = [name for job in jobs for name in job["strategy"]["matrix"]["environment"]]
    assert {*by_script, *by_workflows} == tox_environments()
    assert len(by_workflows) == len(set(by_workflows))


def test_a_release_is_what_ci_has_passed_and_needs_no_secret() -> None:
    """Publishing waits for CI, asks for an identity instead of a token, and for nothing else."""
    jobs = workflow("release.yml")["jobs"]
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert jobs["publish"]["needs"] == "ci"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_no_secrets_and_few_rights(path: Path) -> None:
    """Nothing is granted to a whole workflow, and no job writes to the repository."""
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    found = workflow(path.name)
    assert found["permissions"] == {}
    granted = [job.get("permissions", {}) for job in found["jobs"].values()]
    assert all(one in ({"contents": "read"}, {"id-token": "write"}) for one in granted), json.dumps(granted)
