"""What is said in several places about Pythons, the version, and what CI runs is the same everywhere."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from importlib.metadata import distribution
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


def needs(job: Any) -> list[str]:
    """The jobs that have to be done before it."""
    asked = job.get("needs", [])
    return [asked] if isinstance(asked, str) else list(asked)


def artifacts(job: Any) -> list[dict[str, str]]:
    """What a job takes from those before it."""
    return [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/download-artifact@")]


def installed_at() -> Path:
    """The folder in which the installation has the package: the checkout if it is editable."""
    installed = distribution("pytest-cloudtasks")
    links = [file for file in installed.files or [] if file.suffix == ".pth"]
    return Path(links[0].read_text().strip() if links else str(installed.locate_file(""))).resolve()


def test_the_package_that_is_tested_is_the_installed_one() -> None:
    """A run against the wheel takes no module of the package from the checkout, which may lie on the path before it."""
    package = installed_at() / "pytest_cloudtasks"
    modules = {name: found for name, found in sys.modules.items() if name.partition(".")[0] == "pytest_cloudtasks"}
    files = {name: getattr(found, "__file__", None) for name, found in modules.items()}
    elsewhere = {name: file for name, file in files.items() if file and package not in Path(file).resolve().parents}
    assert elsewhere == {}
    assert len(files) > 100


@pytest.mark.parametrize("folder", [ROOT, Path.cwd()], ids=["beside the tests", "where pytest was started"])
def test_processes_that_tests_start_have_the_installed_package(folder: Path) -> None:
    """The folder it is started in comes first on the path: a suite against the wheel runs apart from the checkout."""
    program = "import pytest_cloudtasks; print(*pytest_cloudtasks.__path__, sep='\\n')"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", check=True)
    assert [Path(path).resolve() for path in done.stdout.splitlines()] == [installed_at() / "pytest_cloudtasks"]


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    """Classifiers, the lowest version required, and tox's plain environments agree."""
    assert f'requires-python = ">={pythons()[0]}"' in PROJECT
    plain = [name for name in default_environments() if re.fullmatch(r"py3\d+", name)]
    assert plain == [f"py{one.replace('.', '')}" for one in pythons()]


def test_the_version_is_in_one_place() -> None:
    """The package's own attribute; the build reads it, and no release in the changelog is newer."""
    assert re.search(r'^dynamic = \[.*"version".*\]$', PROJECT, re.MULTILINE)
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


def test_each_classifiers_python_has_the_suite_against_the_wheel_that_is_published() -> None:
    """The job takes the artifact that a release takes, and tox installs it instead of a build of its own."""
    job = workflow("ci.yml")["jobs"]["wheel"]
    assert job["needs"] == "package"
    assert job["strategy"]["matrix"] == {"python": "${{ fromJson(needs.package.outputs.pythons) }}"}
    assert artifacts(job) == artifacts(workflow("release.yml")["jobs"]["publish"])
    assert artifacts(job) == [{"name": "Packages", "path": "dist"}]
    assert job["steps"][-1] == {
        "run": 'tox run -e "py${PYTHON/./}" --installpkg "$(echo dist/*.whl)"',
        "env": {"PYTHON": "${{ matrix.python }}"},
    }


def test_every_tox_environment_is_run_by_a_workflow() -> None:
    """But for the concerns that .ci/run has itself, and for the plain Pythons, which are a matrix of their own."""
    slow = {"browser", "mutants", "processes", "properties", "py310-lowest", "py311-lowest"}
    by_script = {"lint", "typing", "examples", "wheel", *slow, *(f"py{one.replace('.', '')}" for one in pythons())}
    jobs = (workflow("ci.yml")["jobs"]["concerns"], workflow("proof.yml")["jobs"]["proof"])
    by_workflows = [name for job in jobs for name in job["strategy"]["matrix"]["environment"]]
    assert {*by_script, *by_workflows} == tox_environments()
    assert len(by_workflows) == len(set(by_workflows))


def test_a_release_is_what_ci_has_passed_and_needs_no_secret() -> None:
    """Publishing waits for CI, asks for an identity instead of a token, and for nothing else."""
    jobs = workflow("release.yml")["jobs"]
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in workflow("ci.yml")[True]
    asked = [job["permissions"] for job in workflow("ci.yml")["jobs"].values()]
    assert all(one.items() <= jobs["ci"]["permissions"].items() for one in asked), "a called workflow gets no more"
    assert jobs["publish"]["needs"] == "ci"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_have_no_secrets_and_few_rights(path: Path) -> None:
    """Nothing is granted to a whole workflow, no job writes to the repository or waits for one that isn't there."""
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    found = workflow(path.name)
    assert found["permissions"] == {}
    granted = [job.get("permissions", {}) for job in found["jobs"].values()]
    assert {needed for job in found["jobs"].values() for needed in needs(job)} <= {*found["jobs"]}
    assert all(one in ({"contents": "read"}, {"id-token": "write"}) for one in granted), json.dumps(granted)
