"""The table of refusals."""

from __future__ import annotations

import string

from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import (
    BadRequest,
    Code,
    ErrorInfo,
    Evidence,
    Help,
    LocalizedMessage,
    Refusal,
    ServiceError,
)
from tests.each import each

TABLE = {name: entry for name, entry in vars(errors).items() if isinstance(entry, Refusal)}


def test_codes_have_the_numbers_of_grpc() -> None:
    """google.rpc.Code numbers them so."""
    assert {code.name: code.value for code in Code} == {
        "INVALID_ARGUMENT": 3,
        "NOT_FOUND": 5,
        "ALREADY_EXISTS": 6,
        "PERMISSION_DENIED": 7,
        "RESOURCE_EXHAUSTED": 8,
        "FAILED_PRECONDITION": 9,
        "ABORTED": 10,
        "UNIMPLEMENTED": 12,
    }


def texts_of(detail: object) -> list[str]:
    """The texts of a detail, in tuples as well."""
    if isinstance(detail, tuple):
        return [text for part in detail for text in texts_of(part)]
    return [str(detail)]


@each("name", TABLE)
def test_every_entry_says_what_it_is_and_how_that_is_known(name: str) -> None:
    """A text and a source are there, and the text can be filled in with what it names and nothing else."""
    entry = TABLE[name]
    assert isinstance(entry.evidence, Evidence)
    assert entry.source
    texts = (entry.text, *(text for detail in entry.details for text in texts_of(detail)))
    fields = {field for text in texts for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    error = entry.error(**dict.fromkeys(fields, "value"))
    assert (error.code, [type(detail) for detail in error.details]) == (
        entry.code,
        [type(detail) for detail in entry.details],
    )
    assert error.message == string.Formatter().vformat(entry.text, (), dict.fromkeys(fields, "value"))


def test_texts_are_told_apart() -> None:
    """No two entries have the same code and text."""
    assert len({(entry.code, entry.text) for entry in TABLE.values()}) == len(TABLE)


def test_an_error_carries_code_text_and_details() -> None:
    """The values are filled into the text and into every detail, and str() is the text."""
    details = (
        Help("More about {what}", "https://example.com/{what}"),
        ErrorInfo("NONE_LEFT", "example.com", (("drink", "{what}"),)),
        LocalizedMessage("en-GB", "No {what} here."),
        BadRequest((("drinks.{what}", "There is no {what}."),)),
    )
    error = Refusal(Code.NOT_FOUND, "No {what} here.", Evidence.OUR_CHOICE, "this test", details).error(what="tea")
    assert isinstance(error, ServiceError)
    assert (error.code, error.message, str(error)) == (Code.NOT_FOUND, "No tea here.", "No tea here.")
    assert error.details == (
        Help("More about tea", "https://example.com/tea"),
        ErrorInfo("NONE_LEFT", "example.com", (("drink", "tea"),)),
        LocalizedMessage("en-GB", "No tea here."),
        BadRequest((("drinks.tea", "There is no tea."),)),
    )


def test_braces_of_a_text_are_doubled() -> None:
    """They are no fields then, with values or without."""
    entry = Refusal(Code.NOT_FOUND, "{{a}}", Evidence.OUR_CHOICE, "this test")
    assert (entry.error().message, entry.error(a="b").message) == ("{a}", "{a}")
