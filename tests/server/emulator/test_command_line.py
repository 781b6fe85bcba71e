"""Tests of the options of `serve`: each has a flag and an environment variable, and an invalid one gets an error."""

from __future__ import annotations

import argparse
import re

import pytest

from pytest_cloudtasks._server.emulator.command_line import ServeOptions, add_serve, serve_options
from pytest_cloudtasks._server.emulator.options import GROUPS, SERVE_OPTIONS, Kind
from tests.each import each


def parsed(*options: str) -> ServeOptions:
    """Return the options from a command line and an environment."""
    parser = argparse.ArgumentParser()
    add_serve(parser.add_subparsers())
    return serve_options(parser.parse_args(["serve", *options]))


def rejection(*options: str) -> str:
    """Return the message of the error for these options."""
    with pytest.raises(ValueError, match=r".") as rejected:
        parsed(*options)
    return str(rejected.value)


def test_the_help_shows_each_option_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    """The table has every option once, under one heading."""
    parser = argparse.ArgumentParser(prog="pytest-cloudtasks")
    add_serve(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["serve", "--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert len(SERVE_OPTIONS) == sum(map(len, GROUPS.values()))
    for option in SERVE_OPTIONS.values():
        assert option.help in text
        assert f"[{option.variable}]" in text
    assert SERVE_OPTIONS["allow_host"].variable == "PYTEST_CLOUDTASKS_ALLOW_HOST"


def test_each_option_can_be_set_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The result has the variable's value: the parts of a list, the number of a port."""
    values = {Kind.TEXT: "a", Kind.PORT: "1", Kind.LIST: "a, b", Kind.SWITCH: "1"}
    becomes = {Kind.TEXT: "a", Kind.PORT: 1, Kind.LIST: ["a", "b"], Kind.SWITCH: "1"}
    for option in SERVE_OPTIONS.values():
        monkeypatch.setenv(option.variable, values[option.kind])
    parser = argparse.ArgumentParser()
    add_serve(parser.add_subparsers())
    given = parser.parse_args(["serve"])
    assert {name: getattr(given, name) for name in SERVE_OPTIONS} == {
        name: becomes[option.kind] for name, option in SERVE_OPTIONS.items()
    }


@each(
    ("options", "ports"),
    [
        ([], (8123, 9090)),
        (["--grpc-port", "1"], (1, 9090)),
        (["--rest-port", "0"], (8123, 0)),
        (["--port", "8123"], (None, 8123)),
        (["--port", "0"], (None, 0)),
    ],
)
def test_ports(options: list[str], ports: tuple[int | None, int]) -> None:
    """By default there are two ports; --port is one for both."""
    serving = parsed(*options)
    assert (serving.grpc_port, serving.rest_port) == ports


@each(
    ("options", "message"),
    [
        (["--port", "65536"], "--port takes a port from 0 to 65535, but got 65536."),
        (
            ["--port", "1", "--rest-port", "2"],
            "--port is one port for gRPC and REST, and --grpc-port and --rest-port are two. Pass --port alone, or the"
            " two.",
        ),
        (
            ["--token", "a b"],
            "--token takes letters, digits and any of - . _ ~ + / =, but got an empty text or other characters.",
        ),
        (
            ["--ready-file", "nowhere/ready.json"],
            "--ready-file takes the path of a file that can be written, in a directory that exists, but got"
            " 'nowhere/ready.json'. Create the directory, or choose another path.",
        ),
        (
            ["--insecure-target", "https://localhost"],
            "--insecure-target takes a host name or an address without scheme and port, such as tasks or 192.168.1.20,"
            " but got 'https://localhost'.",
        ),
        (
            ["--token", ""],
            "--token takes letters, digits and any of - . _ ~ + / =, but got an empty text or other characters.",
        ),
    ],
)
def test_wrong_options(options: list[str], message: str) -> None:
    """The message says what the option takes, and doesn't repeat a secret."""
    assert rejection(*options) == message


@each("host", ["0.0.0.0", "::", "192.168.1.20", "tasks", "127.0.0.1.evil.test"])
def test_a_host_that_others_reach_needs_a_name_or_a_token(host: str) -> None:
    """Without either option nobody opens the server to a network by accident."""
    assert rejection("--host", host) == (
        f"--host {host} lets other machines reach the server. Name the host by which they call it, such as --allow-host"
        " tasks, or set a secret for the page and the control endpoints by --token."
    )
    assert parsed("--host", host, "--allow-host", "tasks").token is None
    assert parsed("--host", host, "--token", "s3cret").token == "s3cret"


@each("host", ["127.0.0.1", "127.1", "::1", "localhost"])
def test_a_loopback_address_needs_neither(host: str) -> None:
    """Only this machine reaches it."""
    assert parsed("--host", host).host == host
