"""Has a fixture of the plugin's name."""

from unittest import mock

import pytest


@pytest.fixture
def cloud_tasks():
    with mock.patch("google.cloud.tasks_v2.CloudTasksClient", autospec=True) as client_class:
        yield client_class.return_value
