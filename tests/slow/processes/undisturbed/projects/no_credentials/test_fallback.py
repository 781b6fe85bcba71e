from unittest.mock import patch

import google.auth
import pytest
import shop
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2


@pytest.fixture(autouse=True)
def nothing_sent():
    shop.sent.clear()


@pytest.fixture
def client():
    return tasks_v2.CloudTasksClient()


def test_no_credentials_at_construction():
    assert shop.enqueue(42) == "sent"
    assert shop.sent == [42]


def test_eager(monkeypatch):
    monkeypatch.setenv("TASKS_EAGER", "1")
    with patch("google.cloud.tasks_v2.CloudTasksClient") as client_class:
        shop.enqueue(42)
    client_class.assert_not_called()


def test_local(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT", "local")
    assert shop.enqueue(1) == "sent"


def test_a_fixture_that_builds_a_client(client):
    raise AssertionError("unreachable")


def test_the_error_itself():
    with pytest.raises(DefaultCredentialsError, match="default credentials were not found"):
        tasks_v2.CloudTasksClient()


def test_a_missing_key_file():
    with pytest.raises(FileNotFoundError):
        shop.key_file()


def test_a_missing_key_file_nobody_expects():
    shop.key_file()


def test_google_auth_itself():
    google.auth.default()


def test_google_auth_patched():
    with patch("google.auth.default", return_value=(None, "p")) as default:
        assert google.auth.default() == (None, "p")
    default.assert_called_once_with()
