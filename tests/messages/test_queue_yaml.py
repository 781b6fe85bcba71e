"""App Engine's queue.yaml: what is read of it, and what is rejected."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pytest_cloudtasks._messages.queue_yaml import NoYaml, QueueYamlError, parsed, queue_fields, uploaded
from pytest_cloudtasks._service.overrides import ROUTING_OVERRIDE
from pytest_cloudtasks._service.queue_settings import QueueType, UploadedQueue
from pytest_cloudtasks._units import MILLISECOND, SECOND
from tests.each import each

NO_LIST = "it needs a list of queues, each with a name, under the key `queue`."
RATE = "the rate of 'q' is {!r}. Write it as a number per unit, like 5/s."
AGE = "the task_age_limit of 'q' is {!r}. Write it as a number and a unit, like 2d."


def refused(read: Any, given: Any) -> str:
    with pytest.raises(QueueYamlError) as caught:
        read(given)
    return str(caught.value)


def test_the_entries_are_known_by_their_names() -> None:
    """A name that YAML reads as a number is a text."""
    assert parsed("queue:\n- name: mail\n  rate: 5/s\n- name: 7\n") == {
        "mail": {"name": "mail", "rate": "5/s"},
        "7": {"name": 7},
    }


@each(
    ("text", "why"),
    [
        ("queue: [", "it is not valid YAML."),
        ("queue: 2020-13-41", "it is not valid YAML."),
        ("[" * 1000, "it is not valid YAML."),
        ("", NO_LIST),
        ("queue", NO_LIST),
        ("queues: []", NO_LIST),
        ("queue: mail", NO_LIST),
        ("queue: [mail]", NO_LIST),
        ("queue: [{rate: 5/s}]", NO_LIST),
    ],
    ids=["syntax", "date", "depth", "empty", "text", "other key", "no list", "no mappings", "no name"],
)
def test_an_invalid_queue_yaml_is_reported(text: str, why: str) -> None:
    """From texts that are not YAML to YAML that is not a list of queues."""
    assert refused(parsed, text) == why


def test_reading_takes_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, the error says how to get it."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(NoYaml) as caught:
        parsed("queue: []")
    assert str(caught.value) == "PyYAML is not installed. Run `pip install pyyaml`."


def test_a_push_queue_becomes_a_message_s_fields() -> None:
    """Rate, concurrency and retries go where Cloud Tasks has them; the bucket has no field to go to."""
    assert queue_fields(
        {
            "name": "q",
            "mode": "push",
            "rate": "30/m",
            "bucket_size": 40,
            "max_concurrent_requests": 2,
            "retry_parameters": {
                "task_retry_limit": 7,
                "task_age_limit": "1.5h",
                "min_backoff_seconds": 0.5,
                "max_backoff_seconds": 20,
                "max_doublings": 0,
            },
        }
    ) == {
        "rate_limits": {"max_dispatches_per_second": 0.5, "max_concurrent_dispatches": 2},
        "retry_config": {
            "max_attempts": 8,
            "max_retry_duration": "5400s",
            "min_backoff": "0.5s",
            "max_backoff": "20s",
            "max_doublings": 0,
        },
    }


def test_what_an_entry_leaves_out_is_left_out() -> None:
    """Empty retry parameters set nothing, and no retry at all is one attempt."""
    assert queue_fields({"name": "q"}) == {"rate_limits": {}, "retry_config": {}}
    assert queue_fields({"name": "q", "retry_parameters": None}) == {"rate_limits": {}, "retry_config": {}}
    assert queue_fields({"name": "q", "retry_parameters": {"task_retry_limit": 0}})["retry_config"] == {
        "max_attempts": 1
    }


@each(("limit", "attempts"), [(-1, 1), (0, 1), (1, 2), (7, 8), (2**31 - 2, 2**31 - 1), (2**31 - 1, 2**31 - 1)])
def test_the_first_attempt_does_not_count_as_a_retry(limit: int, attempts: int) -> None:
    """max_attempts is one more than task_retry_limit, up to the limit of its field."""
    fields = queue_fields({"name": "q", "retry_parameters": {"task_retry_limit": limit}})
    assert fields["retry_config"] == {"max_attempts": attempts}


@pytest.mark.parametrize(("rate", "per_second"), [("5/s", 5.0), ("6/m", 0.1), ("36/h", 0.01), ("432/d", 0.005)])
def test_a_rate_is_a_number_per_unit(rate: str, per_second: float) -> None:
    """Seconds, minutes, hours and days."""
    assert queue_fields({"name": "q", "rate": rate})["rate_limits"] == {"max_dispatches_per_second": per_second}


@pytest.mark.parametrize("rate", ["0", 0, "0/s"])
def test_a_rate_of_nothing_is_a_paused_queue(rate: object) -> None:
    """So App Engine has it."""
    assert queue_fields({"name": "q", "rate": rate}) == {"rate_limits": {}, "retry_config": {}, "state": "PAUSED"}


def test_a_pull_queue_has_a_limit_of_leases_alone() -> None:
    """What is about pushing is left out."""
    retry = {"task_retry_limit": 3, "max_doublings": 2}
    assert queue_fields({"name": "q", "mode": "pull", "rate": "5/s", "retry_parameters": retry}) == {
        "pull_target": {},
        "retry_config": {"max_attempts": 4},
    }
    assert queue_fields({"name": "q", "mode": "pull"}) == {"pull_target": {}, "retry_config": {}}


@each(
    ("entry", "why"),
    [
        ({"mode": "poll"}, "the mode of 'q' is 'poll'. Write push or pull."),
        ({"rate": "5"}, RATE.format("5")),
        ({"rate": "five/s"}, RATE.format("five/s")),
        ({"rate": "5/w"}, RATE.format("5/w")),
        ({"retry_parameters": {"task_age_limit": "2w"}}, AGE.format("2w")),
        ({"retry_parameters": {"task_age_limit": "d"}}, AGE.format("d")),
        ({"retry_parameters": {"task_age_limit": ""}}, AGE.format("")),
        ({"retry_parameters": 3}, "the retry_parameters of 'q' are 3. Write a mapping."),
        ({"bucket_size": "5"}, "the bucket_size of 'q' is '5'. Write a number."),
        ({"bucket_size": 5.5}, "the bucket_size of 'q' is 5.5. Write a number."),
        ({"bucket_size": True}, "the bucket_size of 'q' is True. Write a number."),
        ({"bucket_size": 2**31}, f"the bucket_size of 'q' is {2**31}. Write a number."),
        (
            {"retry_parameters": {"min_backoff_seconds": "1s"}},
            "the min_backoff_seconds of 'q' is '1s'. Write a number.",
        ),
        (
            {"retry_parameters": {"max_doubling": 3}},
            "'q' has an unknown element 'max_doubling'. Use task_retry_limit,"
            " task_age_limit, min_backoff_seconds, max_backoff_seconds or max_doublings.",
        ),
        (
            {"max_concurrent": 3},
            "'q' has an unknown element 'max_concurrent'. Use name, mode, rate,"
            " bucket_size, max_concurrent_requests, target or retry_parameters.",
        ),
    ],
)
def test_an_entry_that_can_not_be_is_rejected(entry: dict[str, Any], why: str) -> None:
    """A misspelt limit would have no effect, and a text is not a number."""
    assert refused(queue_fields, {"name": "q", **entry}) == why


def test_an_upload_has_the_model_s_settings() -> None:
    """Durations in nanoseconds, App Engine's own burst where none is set, and the routing that a target means."""
    assert uploaded(
        "queue:\n"
        "- name: mail\n"
        "  rate: 5/s\n"
        "  target: v2.worker\n"
        "  retry_parameters: {min_backoff_seconds: 0.5, task_age_limit: 1m, max_doublings: 3}\n"
        "- name: held\n"
        "  rate: 0\n"
        "  bucket_size: 9\n"
        "- name: pulled\n"
        "  mode: pull\n"
        "  retry_parameters: {task_retry_limit: 2}\n"
    ) == {
        "mail": UploadedQueue(
            {
                "rate_limits": {"max_dispatches_per_second": 5.0, "max_burst_size": 5},
                "retry_config": {
                    "min_backoff": 500 * MILLISECOND,
                    "max_retry_duration": 60 * SECOND,
                    "max_doublings": 3,
                },
                ROUTING_OVERRIDE: {"service": "worker", "version": "v2"},
            }
        ),
        "held": UploadedQueue({"rate_limits": {"max_burst_size": 9}, "retry_config": {}}, is_paused=True),
        "pulled": UploadedQueue({"type": QueueType.PULL, "retry_config": {"max_attempts": 3}}),
    }


@pytest.mark.parametrize(
    ("target", "routing"),
    [
        ("worker", {"service": "worker"}),
        ("v2.worker", {"version": "v2", "service": "worker"}),
        ("0.v2.worker", {"instance": "0", "version": "v2", "service": "worker"}),
    ],
)
def test_a_target_names_the_service_last(target: str, routing: dict[str, str]) -> None:
    """A version goes before it, and an instance before that."""
    assert uploaded(f"queue: [{{name: q, target: {target}}}]")["q"].settings[ROUTING_OVERRIDE] == routing


def test_an_upload_says_what_is_not_modelled() -> None:
    """App Engine has elements that Cloud Tasks has no use for here."""
    why = refused(uploaded, "queue: [{name: q, acl: []}]")
    assert why == "'q' has the element 'acl', which pytest-cloudtasks does not model."
