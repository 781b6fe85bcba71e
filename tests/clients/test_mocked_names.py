from __future__ import annotations

import sys
from unittest import mock

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks._clients.mocked_names import mocked_names

CLIENT = "google.cloud.tasks_v2.CloudTasksClient"


def test_nothing_is_mocked() -> None:
    """The library's own classes and methods aren't mocks, nor are ours that replace them."""
    assert mocked_names() == []


@pytest.mark.parametrize("autospec", [False, True], ids=["mock", "autospec"])
def test_a_class_and_a_method_may_be_mocked(autospec: bool) -> None:
    """The name is found while the patch is there, and not afterwards."""
    options = {"autospec": True} if autospec else {}
    with mock.patch(CLIENT, **options):
        assert CLIENT in mocked_names()
    with mock.patch.object(tasks_v2.CloudTasksClient, "create_task", **options):
        assert f"{CLIENT}.create_task" in mocked_names()
    assert mocked_names() == []


def test_a_whole_module_may_be_mocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then its name is enough: what is in it is made up."""
    monkeypatch.setitem(sys.modules, "google.cloud.tasks_v2", mock.MagicMock())
    assert mocked_names() == ["google.cloud.tasks_v2"]


def test_without_a_library_of_mocks_there_is_no_mock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an imported library of mocks, nothing counts as a mock."""
    with mock.patch(CLIENT):
        monkeypatch.delitem(sys.modules, "unittest.mock")
        monkeypatch.delitem(sys.modules, "mock", raising=False)
        assert mocked_names() == []
