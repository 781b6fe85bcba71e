"""UploadQueueYaml: queues as a file says."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.queue import QueueState
from pytest_cloudtasks._service.queue_settings import QueueType, UploadedQueue
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._units import DAY, SECOND

from .driving import (
    LOCATION,
    QUEUE,
    START,
    RecordedService,
    add,
    assert_refused,
    driver_with,
    numbered_ids,
    service_with,
)

GONE = f"{LOCATION}/queues/gone"


def uploaded(service: Service, **queues: UploadedQueue) -> None:
    service.upload_queue_yaml(START, LOCATION, queues)


def test_the_queues_of_the_file_are_made() -> None:
    """They run, or are paused, as the file has it."""
    service = RecordedService(numbered_ids())
    uploaded(service, a=UploadedQueue({}), b=UploadedQueue({}, is_paused=True))
    assert {name.rpartition("/")[2]: queue.state for name, queue in service.queues.items()} == {
        "a": QueueState.RUNNING,
        "b": QueueState.PAUSED,
    }


def test_the_settings_of_the_file_replace_those_of_a_queue() -> None:
    """Rate and retries are the file's, and what it doesn't decide on stays; a paused queue runs again."""
    service = service_with({"stackdriver_logging_config": {"sampling_ratio": 0.5}, "retry_config": {"max_attempts": 7}})
    service.pause_queue(START, QUEUE)
    uploaded(service, q=UploadedQueue({"rate_limits": {"max_dispatches_per_second": 5}}))
    queue = service.queues[QUEUE]
    assert queue.config.rate_limits.max_dispatches_per_second == 5
    assert queue.config.retry_config.max_attempts == 100
    assert queue.config.other["stackdriver_logging_config"] == {"sampling_ratio": 0.5}
    assert queue.state is QueueState.RUNNING


@pytest.mark.parametrize(
    ("retry_config", "doublings"), [({}, 16), ({"max_doublings": 0}, 0), ({"max_doublings": 3}, 3)]
)
def test_no_doublings_are_meant_where_a_file_says_so(retry_config: dict[str, Any], doublings: int) -> None:
    """A file tells 0 from nothing."""
    service = RecordedService(numbered_ids())
    uploaded(service, q=UploadedQueue({"retry_config": retry_config}))
    assert service.queues[QUEUE].config.retry_config.max_doublings == doublings


def test_names_are_reserved_for_nine_days_and_tasks_stay() -> None:
    """A task outlives its 31 days there, and its name a day."""
    driver = driver_with()
    driver.service.pause_queue(START, QUEUE)
    task = add(driver, "t")
    uploaded(driver.service, q=UploadedQueue({}, is_paused=True))
    assert driver.service.queues[QUEUE].config.tombstone_ttl == 9 * DAY
    driver.advance(1000 * DAY)
    assert task.is_live


def test_queues_that_the_file_leaves_out_are_disabled() -> None:
    """Their tasks stay; queues of other locations are none of the file's."""
    driver = driver_with()
    task = add(driver, schedule_time=START + SECOND)
    elsewhere = "projects/p/locations/elsewhere"
    driver.service.create_queue(START, elsewhere, f"{elsewhere}/queues/q", {})
    uploaded(driver.service, a=UploadedQueue({}))
    assert driver.service.queues[QUEUE].state is QueueState.DISABLED
    assert driver.service.queues[f"{elsewhere}/queues/q"].state is QueueState.RUNNING
    driver.drain()
    assert task.is_live
    assert task.dispatch_count == 0


@pytest.mark.parametrize(
    ("queues", "code", "message"),
    [
        (
            {"under_score": UploadedQueue({})},
            Code.INVALID_ARGUMENT,
            'Queue ID "under_score" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-).'
            " Queue ID must be between 1 and 100 characters.",
        ),
        (
            {"q": UploadedQueue({"type": QueueType.PULL})},
            Code.INVALID_ARGUMENT,
            "The type of a queue, push or pull, cannot be changed.",
        ),
        (
            {"gone": UploadedQueue({})},
            Code.FAILED_PRECONDITION,
            "The queue cannot be created because a queue with this name existed too recently.",
        ),
    ],
)
def test_a_file_that_can_not_be_is_refused_as_a_whole(
    queues: dict[str, UploadedQueue], code: Code, message: str
) -> None:
    """What comes before the queue at fault is not made either, and nothing is disabled."""
    service = service_with()
    service.create_queue(START, LOCATION, GONE, {})
    service.delete_queue(START, GONE)
    assert_refused(service, code, message, lambda: uploaded(service, first=UploadedQueue({}), **queues))
