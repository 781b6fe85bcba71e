"""The table of refusals."""

from __future__ import annotations

import string

import pytest

from pytest_cloudtasks._model import refusals
from pytest_cloudtasks._model.refusals import Code, Evidence, Help, Refusal, ServiceError

TABLE = {name: entry for name, entry in vars(refusals).items() if isinstance(entry, Refusal)}


def test_codes_have_the_numbers_of_grpc() -> None:
    """google.rpc.Code numbers them so."""
    assert {code.name: code.value for code in Code} == {
        "INVALID_ARGUMENT": 3,
        "NOT_FOUND": 5,
        "ALREADY_EXISTS": 6,
        "PERMISSION_DENIED": 7,
        "FAILED_PRECONDITION": 9,
        "UNIMPLEMENTED": 12,
    }


@pytest.mark.parametrize("name", TABLE)
def test_every_entry_says_what_it_is_and_how_that_is_known(name: str) -> None:
    """A text and a source are there, and the text can be filled in with what it names and nothing else."""
    entry = TABLE[name]
    assert isinstance(entry.evidence, Evidence)
    assert entry.source
    fields = {field for _, field, _, _ in string.Formatter().parse(entry.text) if field is not None}
    error = entry.error(**dict.fromkeys(fields, "value"))
    assert (error.code, error.help) == (entry.code, entry.help)
    assert error.message
    assert "{" not in error.message


def test_texts_are_told_apart() -> None:
    """No two entries have the same text."""
    assert len({entry.text for entry in TABLE.values()}) == len(TABLE)


def test_an_error_carries_code_text_and_help() -> None:
    """The values are filled in, and str() is the text."""
    help = (Help("More", "https://example.com"),)
    error = Refusal(Code.NOT_FOUND, "No {what} here.", Evidence.OUR_CHOICE, "this test", help).error(what="tea")
    assert isinstance(error, ServiceError)
    assert (error.code, error.message, str(error), error.help) == (
        Code.NOT_FOUND,
        "No tea here.",
        "No tea here.",
        help,
    )


def test_a_text_without_values_is_given_as_it_is() -> None:
    """Braces in a text are no fields then."""
    assert Refusal(Code.NOT_FOUND, "{}", Evidence.OUR_CHOICE, "this test").error().message == "{}"
