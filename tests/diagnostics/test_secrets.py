"""Secrets of headers in the messages of failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks, exactly
from pytest_cloudtasks._diagnostics.secrets import masked_headers, masked_row

Enqueue = Callable[..., str]
URL = "https://a.test/"


def message_of(enqueue: Enqueue, expected: Any, **options: Any) -> str:
    """What an assertion about headers fails with."""
    with FakeCloudTasks(queues=["receipts"], **options) as cloud_tasks:
        enqueue("one", URL, headers={"Authorization": "Bearer hunter2", "X-Api-Key": "hunter2", "X-Tenant": "acme"})
        with pytest.raises(CloudTasksAssertionError) as caught:
            cloud_tasks.assert_enqueued(headers=expected)
    return str(caught.value)


def test_a_failed_assertion_masks_secrets(enqueue: Enqueue) -> None:
    """Neither what was expected nor what is there is shown; that they differ is."""
    text = message_of(enqueue, {"Authorization": "Bearer hunter3", "X-Tenant": "shop"})

    assert "hunter" not in text
    assert "  headers: {'Authorization': 'Bearer •••', 'X-Tenant': 'shop'}" in text
    assert "'Bearer •••'  'Bearer ••• (another value)'" in text
    assert "'acme'" in text


def test_a_header_that_is_missing_is_reported(enqueue: Enqueue) -> None:
    """A name that no mask applies to stays, and so does that it is not there."""
    assert "(not there)" in message_of(enqueue, {"X-Auth-Token": "hunter2"})


def test_the_option_shows_secrets(enqueue: Enqueue) -> None:
    """A test of a token wants to see it."""
    text = message_of(enqueue, {"Authorization": "Bearer hunter3"}, show_secrets=True)

    assert "'Bearer hunter3'" in text
    assert "'Bearer hunter2'" in text


def test_other_values_than_texts_stay() -> None:
    """Predicates and patterns are the test's own; everything that exactly() expects is masked as well."""
    assert masked_headers(len) is len
    assert masked_headers(exactly({"X-Key": "a"})).value == {"X-Key": "•••"}
    assert masked_headers({"X-Key": len}) == {"X-Key": len}
    assert masked_row("headers", {"X-Key": "a"}, {"X-Key": "b"}) == ("headers", {"X-Key": "•••"}, {"X-Key": "•••"})
    assert masked_row("json.key", "a", "b") == ("json.key", "a", "b")
    assert masked_row("headers['X-Key']", len, "b") == ("headers['X-Key']", len, "•••")
