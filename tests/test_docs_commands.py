"""The commands that the documentation shows: what they name is there, and their options are those of the program.

Commands are not run: they install, start servers or take long. ``.ci/run`` runs those of the README.
"""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_cloudtasks._api.cli import main
from pytest_cloudtasks._server.emulator.command_line import add_serve

from .conformance.conftest import OPTIONS
from .conftest import RunPytest
from .each import each
from .test_docs import ROOT, every_block

LANGUAGES = ("shell", "console", "yaml")
Command = list[str]
SHOWN = [(page, text) for page, language, text in every_block() if language in LANGUAGES]
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
OUTSIDE = {"curl", "echo", "exec", "export", "gcloud", "sed"}
"""What is of the system; the requests of curl are sent in ``test_docs_requests.py``."""


def split(line: str) -> Iterator[Command]:
    """The simple commands of a line, without variables that are set before them and without redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command: Command = []
    for word in [*lexer, ";"]:
        if not set(word) <= set("();<>|&"):
            command.append(word)
        elif word.startswith(">"):
            command.append(">")
        elif command:
            command = [one for one in command if not re.match(r"[A-Z_]+=", one)]
            if command := command[: command.index(">")] if ">" in command else command:
                yield command
            command = []


def script(value: Any) -> Iterator[str]:
    """The lines that a job runs: the texts of ``run`` and ``script``, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from script(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from item if key == "script" else [item] if key in ("run", "command") else script(item)


def commands(text: str) -> list[Command]:
    """The commands of a block: those behind a prompt, those of a job, or all of its lines."""
    if text.startswith("$ "):
        lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    elif re.match(r"[\w]+:", text):
        lines = [re.sub(r"\$\{\{.*?\}\}", "", line) for line in script(yaml.safe_load(text))]
        lines = [shlex.split(line)[2] if line.startswith("sh -c") else line for line in lines]
    else:
        lines = text.replace("\\\n", "").splitlines()
    return [command for line in lines for command in split(line)]


@pytest.fixture
def options_of_pytest(run_pytest: RunPytest, tmp_path: Path) -> set[str]:
    """The options that pytest has with this plugin, and with those of the conformance suite."""
    found = re.findall(r"--[a-z][a-z-]+", run_pytest(tmp_path, "--help").stdout.str())
    return {"-n", "-rP", *found, *(f"--cloud-tasks-{name}" for name in OPTIONS)}


def check_pip(arguments: Command) -> None:
    """Groups, extras and bounds are those of the project."""
    assert [word for word in arguments if ">=" in word and not word.startswith("pip>=") and word not in PROJECT] == []
    for group in [arguments[at + 1] for at, word in enumerate(arguments) if word == "--group"]:
        assert re.search(rf"^{group} = \[", PROJECT.partition("[dependency-groups]")[2], re.MULTILINE), group
    for extra in re.findall(r"pytest-cloudtasks\[(\w+)\]", " ".join(arguments)):
        assert re.search(rf"^{extra} = \[", PROJECT.partition("[project.optional-dependencies]")[2], re.MULTILINE)


def check_pytest(arguments: Command, options: set[str]) -> None:
    """Options are known, and what is to run is there. A seed of the page's own may be anything."""
    if arguments[:1] == ["examples/properties"]:
        options = {*options, "--careless"}  # of the example's own conftest
    for word in arguments:
        if word.startswith("-"):
            assert word.partition("=")[0] in options, word
        elif not word.startswith("$") and word not in ("auto", "2"):
            assert (ROOT / word).exists(), word


def check_program(arguments: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """The options are those of ``python -m pytest_cloudtasks``, which begins with what it needs in order to run."""
    command, *rest = arguments
    with pytest.raises(SystemExit):
        main([command, "--help"], more=[add_serve])
    help_text = capsys.readouterr().out
    for option in (word for word in rest if word.startswith("--")):
        assert f"{option} " in help_text, option


def check_tox(arguments: Command) -> None:
    """The environment is one of ``tox.ini``, or one for a Python."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    for name in arguments[arguments.index("-e") + 1].split(",") if "-e" in arguments else []:
        assert tox.has_section(f"testenv:{name}"), name
    for path in arguments[arguments.index("--") + 1 :] if "--" in arguments else []:
        assert (ROOT / path).exists(), path


def check_tool(command: Command) -> None:
    """A tool of the project is in one of its groups, and the files that it is given are there."""
    name, *arguments = command
    module = ROOT / name.replace(".", "/")
    paths = [ROOT / name, module.with_suffix(".py"), module / "__main__.py"]
    is_there = any(path.exists() for path in paths)
    assert name == "venv" or name in OUTSIDE or re.search(rf'"{name}>=', PROJECT) or is_there, name
    if name in OUTSIDE or name == "venv":
        return
    for path in (word for word in arguments if "/" in word and not word.startswith((".venv", "docs/_build"))):
        assert (ROOT / path).exists(), path


def check(command: Command, options: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What the command names is there, and has these options."""
    program, *arguments = command
    if re.search(r"(^|/)python3?$", program):
        program, *arguments = arguments[1:] if arguments[0] == "-m" else arguments
    if program == "exec":
        program, *arguments = arguments
    if program.startswith(".venv/bin/"):
        program = program.removeprefix(".venv/bin/")
    if program == "pip":
        check_pip(arguments)
    elif program == "pytest":
        check_pytest(arguments, options)
    elif program in ("pytest_cloudtasks", "pytest-cloudtasks"):
        check_program(arguments, capsys)
    elif program == "tox":
        check_tox(arguments)
    else:
        check_tool([program, *arguments])


@each(("page", "text"), SHOWN)
def test_commands_are_possible(
    page: Path, text: str, options_of_pytest: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs, options, groups, environments and paths of every command are there."""
    found = commands(text)

    assert found, page
    for command in found:
        check(command, options_of_pytest, capsys)


@each(
    "line",
    [
        "python -m pip install --group flsk",
        "pip install 'pytest-cloudtasks[sever]'",
        "pip install 'flask>=1'",
        "python -m pytest --cloud-task-seed=1",
        "pytest examples/quickstrt",
        "python -m pytest_cloudtasks plan --max-attempt 5",
        "pytest-cloudtasks serve --queue a --forwards b=c",
        "tox -e py399",
        "tox -e proof -- test/proof",
        ".venv/bin/python docs/diagrams",
        "python -m ruf check .",
    ],
)
def test_misspelt_commands_are_found(
    line: str, options_of_pytest: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An option, a group, an environment, a path or a program that is not there does not pass."""
    (command,) = split(line)

    with pytest.raises(AssertionError):
        check(command, options_of_pytest, capsys)


def test_commands_are_taken_apart() -> None:
    """Lines are taken apart as a shell does it."""
    line = "A=1 python -m tox -e py310 && (echo; pytest -rP 'a b') >> x | head  # what it does"

    assert list(split(line)) == [["python", "-m", "tox", "-e", "py310"], ["echo"], ["pytest", "-rP", "a b"], ["head"]]
