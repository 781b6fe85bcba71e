"""A suite that never touches Cloud Tasks: functions, parameters, skips and failures of its own."""

import sys
import warnings

import pytest


@pytest.fixture(scope="session")
def shared():
    yield []


@pytest.fixture
def failing_fixture():
    raise LookupError("there is none")


@pytest.fixture
def failing_at_the_end():
    yield
    raise RuntimeError("not closed")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_numbers(number, shared):
    shared.append(number)
    assert len(shared) == number


def test_a_failure():
    assert {"a": 1} == {"a": 2}


def test_an_error(failing_fixture):
    raise AssertionError("unreachable")


def test_an_error_at_the_end(failing_at_the_end):
    assert True


def test_a_warning():
    warnings.warn("an old way", DeprecationWarning)


@pytest.mark.skip(reason="not here")
def test_a_skip():
    raise AssertionError("unreachable")


@pytest.mark.xfail(raises=ZeroDivisionError, strict=True)
def test_an_expected_failure():
    1 / 0


def test_google_is_not_imported():
    assert not [name for name in sys.modules if name.split(".")[0] in ("google", "grpc", "time_machine")]


def test_output(capsys):
    print("hello")
    assert capsys.readouterr().out == "hello\n"
