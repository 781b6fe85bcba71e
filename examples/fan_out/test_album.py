"""An album of 200 photos, and the requests that reach the image server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from album import publish
from careless import create_careless_worker
from flask import Flask
from thumbnails import Images, create_worker

from pytest_cloudtasks import FakeCloudTasks

PHOTOS = [f"photo-{number:03}" for number in range(200)]
SHRINKING = timedelta(seconds=2)
Worker = Callable[[Images, list[str]], Flask]


class ImageServer:
    def __init__(self) -> None:
        self.failures = 0
        self.shrunk: list[str] = []

    def shrink(self, album: str, photo: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError("the image server is down")
        self.shrunk.append(photo)


@pytest.fixture
def images() -> ImageServer:
    return ImageServer()


@pytest.fixture
def outbox(cloud_tasks: FakeCloudTasks, images: ImageServer) -> list[str]:
    """The mails of a worker that takes two seconds for each request."""
    outbox: list[str] = []
    cloud_tasks.mount("https://photos.test", create_worker(images, outbox)).takes(SHRINKING)
    return outbox


pytestmark = pytest.mark.cloud_tasks(queues="queue.yaml")


def test_the_image_server_gets_no_more_than_its_limits(
    cloud_tasks: FakeCloudTasks, images: ImageServer, outbox: list[str]
) -> None:
    """The queue sends at most four requests at a time and ten a second."""
    publish("norway", PHOTOS)
    summary = cloud_tasks.drain()

    queue = cloud_tasks.queue("thumbnails")
    assert queue.peak_concurrency == 4
    assert queue.peak_rate(timedelta(seconds=1)) <= 10
    assert sorted(images.shrunk) == PHOTOS
    assert (summary.succeeded, summary.failed) == (201, 0)
    assert outbox == ["Your album norway is online."]


def test_an_album_takes_a_hundred_seconds_at_least(cloud_tasks: FakeCloudTasks, outbox: list[str]) -> None:
    """200 photos take two seconds each, four at a time. The real service can only be slower."""
    publish("norway", PHOTOS)
    cloud_tasks.drain()

    at_least = len(PHOTOS) / 4 * SHRINKING
    assert cloud_tasks.queue("thumbnails").span >= at_least


def test_a_broken_image_server_costs_time_and_nothing_else(
    cloud_tasks: FakeCloudTasks, images: ImageServer, outbox: list[str]
) -> None:
    """Failed tasks come again, under the same limits."""
    images.failures = 30
    publish("norway", PHOTOS)
    summary = cloud_tasks.drain()

    assert summary.failed == 30
    assert sorted(images.shrunk) == PHOTOS
    assert cloud_tasks.queue("thumbnails").peak_concurrency == 4
    assert len(outbox) == 1


def check_whatever_comes_twice_is_done_once(cloud_tasks: FakeCloudTasks, create: Worker) -> None:
    """The button is pressed twice, and about every tenth delivery is duplicated."""
    images, outbox = ImageServer(), []
    cloud_tasks.mount("https://photos.test", create(images, outbox))
    cloud_tasks.deliver_twice(rate=0.1)
    publish("norway", PHOTOS)
    publish("norway", PHOTOS)
    cloud_tasks.drain()

    assert sorted(images.shrunk) == PHOTOS
    cloud_tasks.assert_enqueued(url="https://photos.test/tasks/complete")


def test_whatever_comes_twice_is_done_once(cloud_tasks: FakeCloudTasks) -> None:
    """The worker remembers what it has done."""
    check_whatever_comes_twice_is_done_once(cloud_tasks, create_worker)


def test_a_careless_worker_is_caught(cloud_tasks: FakeCloudTasks) -> None:
    """A worker that counts calls shrinks photos twice, and completes albums too early."""
    with pytest.raises(AssertionError, match="photo-"):
        check_whatever_comes_twice_is_done_once(cloud_tasks, create_careless_worker)


@pytest.mark.cloud_tasks(order="shuffle")
def test_the_mail_comes_last_in_any_order(cloud_tasks: FakeCloudTasks, images: ImageServer, outbox: list[str]) -> None:
    """The album is complete when all photos are, in any order."""
    publish("norway", PHOTOS)
    cloud_tasks.drain()

    assert images.shrunk != PHOTOS
    assert sorted(images.shrunk) == PHOTOS
    assert len(outbox) == 1
