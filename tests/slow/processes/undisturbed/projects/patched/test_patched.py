"""MagicMock by patch: on the class, on the importing module, with autospec, as a fixture and by monkeypatch."""

from unittest import mock
from unittest.mock import MagicMock, patch

import billing
import pytest
import shop
from google.api_core.exceptions import AlreadyExists, DeadlineExceeded
from google.cloud import tasks_v2


@patch("google.cloud.tasks_v2.CloudTasksClient")
def test_on_the_class(client_class):
    shop.place_order(42)
    client_class.assert_called_once_with()
    (call,) = client_class.return_value.create_task.call_args_list
    assert call.kwargs["task"]["http_request"]["body"] == b"42"
    assert call.kwargs.get("timeout") is None
    assert "retry" not in call.kwargs


@patch("google.cloud.tasks_v2.CloudTasksClient")
def test_the_class_misses_a_name_that_was_imported(client_class):
    billing.charge()


def test_on_the_importing_module():
    with patch("billing.CloudTasksClient") as client_class:
        billing.charge()
    client_class.return_value.create_task.assert_called_once_with(parent="q", task={})


@patch("shop.tasks_v2.CloudTasksClient", autospec=True)
def test_autospec(client_class):
    shop.place_order(42)
    assert client_class.return_value.create_task.call_count == 1


@patch("shop.tasks_v2.CloudTasksClient", autospec=True)
def test_autospec_knows_the_signature(client_class):
    client_class.return_value.create_task(queue="q")


@patch("shop.tasks_v2.CloudTasksClient", autospec=True)
def test_autospec_rejects_the_calls_of_1x(client_class):
    client_class.return_value.create_task("q", {}, "FULL")


def test_create_autospec():
    client = mock.create_autospec(tasks_v2.CloudTasksClient, instance=True)
    client.create_task.return_value = tasks_v2.Task(name="t")
    assert billing.charge(lambda: client).name == "t"
    client.create_taks


def test_one_method():
    with patch.object(tasks_v2.CloudTasksClient, "create_task", return_value="t") as create_task:
        client = object.__new__(tasks_v2.CloudTasksClient)
        assert client.create_task(parent="q") == "t"
    create_task.assert_called_once_with(parent="q")


def test_the_constructor(monkeypatch):
    monkeypatch.setattr(tasks_v2.CloudTasksClient, "__init__", lambda self: None)
    monkeypatch.setattr(tasks_v2.CloudTasksClient, "create_task", lambda self, **request: request)
    assert shop.place_order(42)["parent"] == shop.QUEUE


@pytest.fixture
def mocker():
    """As pytest-mock has it."""

    class Mocker:
        def __init__(self):
            self.patches = []

        def patch(self, target, **options):
            self.patches.append(mock.patch(target, **options))
            return self.patches[-1].start()

    mocker = Mocker()
    yield mocker
    for one in reversed(mocker.patches):
        one.stop()


@pytest.fixture
def client(mocker):
    return mocker.patch("shop.tasks_v2.CloudTasksClient", autospec=True).return_value


def test_side_effects(client):
    client.create_task.side_effect = [DeadlineExceeded("late"), tasks_v2.Task(name="t")]
    with pytest.raises(DeadlineExceeded):
        shop.place_order(42)
    assert shop.place_order(42).name == "t"


def test_an_error_nobody_expects(client):
    client.create_task.side_effect = AlreadyExists("Requested entity already exists")
    shop.place_order(42)


def test_it_was_closed(client):
    client.transport.close()
    client.transport.close.assert_called_once_with()


def test_credentials_of_a_file():
    with patch("google.cloud.tasks_v2.CloudTasksClient.from_service_account_json") as build:
        assert tasks_v2.CloudTasksClient.from_service_account_json("key.json") is build.return_value


def test_the_class_is_googles_again():
    assert not isinstance(tasks_v2.CloudTasksClient, MagicMock)
    assert tasks_v2.CloudTasksClient.__module__ == "google.cloud.tasks_v2.services.cloud_tasks.client"
