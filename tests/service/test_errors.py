"""The table of rejections."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence

from pytest_cloudtasks._ledger.reading import entries
from pytest_cloudtasks._service import errors
from pytest_cloudtasks._service.errors import (
    BadRequest,
    Code,
    ErrorInfo,
    Help,
    LocalizedMessage,
    Rejection,
    ServiceError,
)
from tests.each import each

PARSE = string.Formatter().parse
TABLE = {name: entry for name, entry in vars(errors).items() if isinstance(entry, Rejection)}


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
def test_every_text_takes_what_it_names(name: str) -> None:
    """Text and details can be filled in with the values that they name, and with nothing else."""
    row = TABLE[name]
    texts = (row.text, *(text for detail in row.details for text in texts_of(detail)))
    fields = {field for text in texts for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    error = row.error(**dict.fromkeys(fields, "value"))
    assert (error.code, [type(detail) for detail in error.details]) == (
        row.code,
        [type(detail) for detail in row.details],
    )
    assert error.message == string.Formatter().vformat(row.text, (), dict.fromkeys(fields, "value"))


LEDGER = {entry.id: entry for entry in entries()}
ROWS = {
    "POLICY_MEMBER": "set-iam-policy/bad-policy",
    "POLICY_CONDITION": "set-iam-policy/bad-policy",
    "PERMISSIONS_MISSING": "test-iam-permissions/bad",
    "PERMISSION_FORMAT": "test-iam-permissions/bad",
    "MAX_RETRY_DURATION_NANOS": "create-queue/retry-config-max-retry-duration-negative",
    "FILTER_FIELD_MISSING": "list-queues/filter-that-asks-for-no-field-or-value",
    "FILTER_VALUE": "list-queues/filter-that-asks-for-no-field-or-value",
    "FILTER_NESTED": "list-queues/filter-that-asks-for-no-field-or-value",
    "OAUTH_HOST": "create-task/http-url-with-oidc-token-or-oauth",
    "BUFFER_NEEDS_HTTP_TARGET": "buffer-task/queue-without-http-target",
    "BATCH_EMPTY": "batch-create-tasks/no-requests",
    "BATCH_CREATE_SIZE": "batch-create-tasks/more-than-100-requests",
    "BATCH_PARENT": "batch-create-tasks/a-request-s-parent-differs-from-the",
    "BATCH_DUPLICATE_NAME": "batch-create-tasks/a-name-twice",
    "BATCH_DUPLICATE_ID": "batch/request-id",
    "BATCH_PAYLOAD": "batch-create-tasks/some-requests-fail",
    "BATCH_ALL_FAILED": "batch-delete-tasks/every-delete-fails",
    "READ_MASK_UNKNOWN_FIELD": "beta-queue/stats",
    "HTTP_TARGET_HEADERS": "http-target/method-and-headers",
    "HTTP_TARGET_HEADERS_TOO_LARGE": "create-task/headers-80-kb-or-more-http",
    "NOT_A_PULL_TASK": "acknowledge-task/schedule-time-is-not-the-current-one",
    "QUEUE_YAML_UNREADABLE": "upload-queue-yaml/refused",
    "UNREGISTERED_CALLER": "operations/not-served",
}
"""The rows of the ledger about errors whose text no case of the ledger expects."""
OURS = {"RATE_TOO_LOW", "NOT_MODELLED"}
"""What only the fake rejects: what it can't do."""


def expected_texts(steps: object) -> Iterator[str]:
    """All texts in the cases of the ledger."""
    if isinstance(steps, str):
        yield steps
    elif isinstance(steps, Mapping):
        for value in steps.values():
            yield from expected_texts(value)
    elif isinstance(steps, Sequence):
        for value in steps:
            yield from expected_texts(value)


EXPECTED = [text for entry in LEDGER.values() for case in entry.cases for text in expected_texts(case.steps)]


@each("name", TABLE)
def test_the_ledger_says_how_each_error_is_known(name: str) -> None:
    """A case of the ledger expects the text, or a row is about it."""
    parts = (re.escape(text) + (".*" if field is not None else "") for text, field, *_ in PARSE(TABLE[name].text))
    pattern = re.compile("".join(parts), re.DOTALL)
    is_expected = any(pattern.search(text) for text in EXPECTED)
    assert is_expected is (name not in ROWS and name not in OURS)
    assert name in OURS or is_expected or ROWS[name] in LEDGER


def test_texts_are_unique() -> None:
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
    error = Rejection(Code.NOT_FOUND, "No {what} here.", details).error(what="tea")
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
    entry = Rejection(Code.NOT_FOUND, "{{a}}")
    assert (entry.error().message, entry.error(a="b").message) == ("{a}", "{a}")
