"""Upload images while the bucket fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import careless
import main
import pytest
import storage
from uploads import uploaded

from pytest_cloudtasks import FakeCloudTasks

URL = "https://us-central1-my-gallery.cloudfunctions.net/resize"


def check_one_mail_while_the_bucket_is_unavailable(cloud_tasks: FakeCloudTasks, function: Any) -> None:
    """The owner gets one mail, although the bucket fails twice."""
    cloud_tasks.mount(URL, function)
    storage.failures += [storage.Unavailable(), storage.Unavailable()]

    uploaded("cat")
    task = cloud_tasks.assert_enqueued(queue="resize", url=URL, json={"data": {"image": "cat"}})
    cloud_tasks.drain()

    cloud_tasks.assert_attempts(task, [503, 503, 200])
    assert cloud_tasks.clock.elapsed == timedelta(minutes=3)
    assert storage.thumbnails == {"cat": b"small"}
    assert storage.mails == ["cat"]


def test_owner_gets_one_mail(cloud_tasks: FakeCloudTasks) -> None:
    check_one_mail_while_the_bucket_is_unavailable(cloud_tasks, main.resize)


def test_careless_function_is_caught(cloud_tasks: FakeCloudTasks) -> None:
    """It sends a mail with each attempt."""
    with pytest.raises(AssertionError, match=r"\['cat', 'cat', 'cat'\]"):
        check_one_mail_while_the_bucket_is_unavailable(cloud_tasks, careless.resize)


def test_an_image_that_is_uploaded_twice(cloud_tasks: FakeCloudTasks) -> None:
    """A second task with the same ID is rejected after the first is done."""
    cloud_tasks.mount(URL, main.resize)
    uploaded("cat")
    uploaded("cat")
    cloud_tasks.drain()
    uploaded("cat")

    cloud_tasks.assert_enqueued(count=1)
    assert storage.mails == ["cat"]


def test_a_bug_in_the_function_fails_the_test(cloud_tasks: FakeCloudTasks) -> None:
    """Firebase answers 500 for an exception, which would only be retried."""
    cloud_tasks.mount(URL, main.resize)
    storage.failures.append(KeyError("cat"))

    uploaded("cat")
    with pytest.raises(KeyError, match="cat"):
        cloud_tasks.drain()

    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [500])
