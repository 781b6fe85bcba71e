"""Fakes written by hand, subclasses, transports and channels of one's own."""

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

QUEUE = "projects/p/locations/l/queues/receipts"
TASK = {"http_request": {"url": "https://mailer.test/"}}


class FakeClient:
    def __init__(self, behaviors=()):
        self.created = []
        self.behaviors = list(behaviors)

    def queue_path(self, project, location, queue):
        return tasks_v2.CloudTasksClient.queue_path(project, location, queue)

    def create_task(self, request, retry=None, timeout=None):
        if self.behaviors:
            raise self.behaviors.pop(0)
        self.created.append((request, retry, timeout))
        return tasks_v2.Task(request["task"])


class Shop:
    def __init__(self, client=None):
        self.client = client or tasks_v2.CloudTasksClient()

    def place_order(self):
        parent = self.client.queue_path("p", "l", "receipts")
        return self.client.create_task(request={"parent": parent, "task": TASK}, retry=None, timeout=4)


def test_a_fake_by_injection():
    client = FakeClient()
    Shop(client).place_order()
    ((request, retry, timeout),) = client.created
    assert (request["parent"], retry, timeout) == (QUEUE, None, 4)


def test_a_fake_that_fails():
    Shop(FakeClient([exceptions.PermissionDenied("no")])).place_order()


def test_none_is_injected():
    with pytest.raises(DefaultCredentialsError):
        Shop()


class Answer(grpc.UnaryUnaryMultiCallable):
    def __init__(self, channel, method):
        self.channel = channel
        self.method = method

    def __call__(self, request, timeout=None, metadata=None, credentials=None, **options):
        return self.with_call(request, timeout, metadata)[0]

    def with_call(self, request, timeout=None, metadata=None, credentials=None, **options):
        self.channel.calls.append((self.method.rpartition("/")[2], timeout))
        return tasks_v2.Task.pb(tasks_v2.Task(name="t")), None

    def future(self, *arguments, **options):
        raise NotImplementedError


class OwnChannel(grpc.Channel):
    def __init__(self):
        self.calls = []
        self.is_closed = False

    def unary_unary(self, method, *arguments, **options):
        return Answer(self, method)

    def close(self):
        self.is_closed = True

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.close()

    unary_stream = stream_unary = stream_stream = subscribe = unsubscribe = None


def test_a_channel_of_ones_own():
    channel = OwnChannel()
    client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    assert client.create_task(parent=QUEUE, task=TASK, timeout=4).name == "t"
    assert channel.calls == [("CreateTask", 4)]
    if hasattr(client.transport, "close"):
        client.transport.close()
        assert channel.is_closed


def test_a_transport_of_ones_own():
    class Transport(CloudTasksGrpcTransport):
        @property
        def create_task(self):
            return lambda request, **options: tasks_v2.Task(name="mine")

    client = tasks_v2.CloudTasksClient(transport=Transport(channel=OwnChannel()))
    assert client.transport.create_task(None).name == "mine"
    assert type(client.transport) is Transport


def test_a_channel_that_nobody_answers():
    with grpc.insecure_channel("127.0.0.1:9") as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        with pytest.raises((exceptions.ServiceUnavailable, exceptions.DeadlineExceeded)):
            client.create_task(parent=QUEUE, task=TASK, retry=None, timeout=1)


class RecordingClient(tasks_v2.CloudTasksClient):
    """A subclass that keeps what it is asked."""

    def __init__(self, **arguments):
        super().__init__(credentials=AnonymousCredentials(), **arguments)
        self.created = []

    def create_task(self, *arguments, **options):
        self.created.append((arguments, options))
        return tasks_v2.Task(name="t")


def test_a_subclass():
    client = RecordingClient()
    Shop(client).place_order()
    ((_, options),) = client.created
    assert (options["retry"], options["timeout"]) == (None, 4)
    assert client.parse_queue_path(QUEUE)["queue"] == "receipts"


def test_a_subclass_takes_what_the_class_takes():
    RecordingClient(no_such_argument=True)


def test_both_an_argument_and_a_request():
    client = tasks_v2.CloudTasksClient(credentials=AnonymousCredentials())
    client.create_task(request={"parent": QUEUE}, parent=QUEUE, task=TASK)


def test_the_calls_of_1x():
    client = tasks_v2.CloudTasksClient(credentials=AnonymousCredentials())
    client.create_task(QUEUE, TASK)


def test_an_unknown_field():
    client = tasks_v2.CloudTasksClient(credentials=AnonymousCredentials())
    client.create_task(parent=QUEUE, task={"http_requst": {}})


def test_paths():
    client = RecordingClient()
    assert client.queue_path("p", "l", "receipts") == QUEUE
    assert client.task_path("p", "l", "q", "t").endswith("/queues/q/tasks/t")


def test_an_unknown_transport():
    tasks_v2.CloudTasksClient(transport="carrier pigeon", credentials=AnonymousCredentials())


def test_a_transport_and_credentials():
    transport = CloudTasksGrpcTransport(channel=OwnChannel())
    tasks_v2.CloudTasksClient(transport=transport, credentials=AnonymousCredentials())
