import importlib

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2


def test_another_class(fresh_library):
    assert fresh_library.CloudTasksClient is not tasks_v2.CloudTasksClient
    client = fresh_library.CloudTasksClient(credentials=AnonymousCredentials())
    assert client.queue_path("p", "l", "q") == "projects/p/locations/l/queues/q"


def test_it_has_no_credentials_either(fresh_library):
    with pytest.raises(DefaultCredentialsError):
        fresh_library.CloudTasksClient()


def test_the_module_of_the_client_reloaded():
    module = importlib.reload(importlib.import_module("google.cloud.tasks_v2.services.cloud_tasks.client"))
    with pytest.raises(DefaultCredentialsError):
        module.CloudTasksClient()


def test_google_auth_reloaded():
    importlib.reload(importlib.import_module("google.oauth2.id_token")).verify_token("no token", None)
