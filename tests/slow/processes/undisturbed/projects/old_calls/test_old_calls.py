from unittest import mock

import shop
from google.cloud import tasks_v2


@mock.patch("shop.tasks_v2.CloudTasksClient")
def test_positional(client_class):
    client_class.return_value.queue_path.return_value = "q"
    shop.place_order()
    client_class.return_value.create_task.assert_called_once_with(
        "q", {"app_engine_http_request": {"relative_uri": "/mail"}}
    )


def test_names_that_are_no_more():
    assert isinstance(mock.create_autospec(tasks_v2.CloudTasksClient).location_path, mock.MagicMock)


def test_enums_that_are_no_more():
    assert tasks_v2.enums.HttpMethod.POST == 1


def test_types_are_messages():
    assert tasks_v2.types.Task(name="t").name == "t"


def test_no_credentials():
    shop.place_order()
