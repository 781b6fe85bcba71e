from unittest.mock import patch

import pytest
from django.test import Client, SimpleTestCase, TestCase


class OrderTest(TestCase):
    def test_the_task_comes_with_the_commit(self):
        with patch("shop.tasks_v2.CloudTasksClient") as client_class:
            with self.captureOnCommitCallbacks(execute=True) as callbacks:
                self.assertEqual(self.client.post("/order").status_code, 201)
        self.assertEqual(len(callbacks), 1)
        client_class.return_value.create_task.assert_called_once()

    def test_no_commit_no_task(self):
        with patch("shop.tasks_v2.CloudTasksClient") as client_class:
            self.client.post("/order")
        client_class.assert_not_called()

    def test_no_credentials(self):
        with self.captureOnCommitCallbacks(execute=True):
            self.client.post("/order")


class PathTest(SimpleTestCase):
    def test_an_unknown_path(self):
        self.assertEqual(self.client.get("/nothing").status_code, 404)


@pytest.mark.django_db
def test_a_function(django_capture_on_commit_callbacks):
    with patch("shop.tasks_v2.CloudTasksClient"), django_capture_on_commit_callbacks() as callbacks:
        Client().post("/order")
    assert len(callbacks) == 1


def test_without_a_database():
    Client().post("/order")
