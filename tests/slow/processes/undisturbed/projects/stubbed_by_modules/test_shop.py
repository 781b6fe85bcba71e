"""Modules made by hand are put where the library would be, for one test at a time."""

import sys
import types

import pytest


class FakeClient:
    created = []

    def create_task(self, request):
        self.created.append(request)


@pytest.fixture(autouse=True)
def library(monkeypatch):
    FakeClient.created = []
    tasks_v2 = types.ModuleType("google.cloud.tasks_v2")
    tasks_v2.CloudTasksClient = FakeClient
    client = types.ModuleType("google.cloud.tasks_v2.services.cloud_tasks.client")
    oauth2 = types.ModuleType("google.oauth2.id_token")
    for module in (tasks_v2, client, oauth2):
        monkeypatch.setitem(sys.modules, module.__name__, module)


def place_order(number):
    from google.cloud.tasks_v2 import CloudTasksClient

    CloudTasksClient().create_task({"number": number})


def test_the_task_is_created():
    place_order(42)
    assert FakeClient.created == [{"number": 42}]


def test_none_is_left():
    assert FakeClient.created == []


def test_what_is_no_module_may_be_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.cloud.tasks_v2", None)
    place_order(42)
