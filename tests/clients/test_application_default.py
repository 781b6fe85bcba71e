"""``google_auth``: Google's functions find the credentials of a service on Cloud Run."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import google.auth
import pytest
from google.auth import _default_async, compute_engine
from google.auth import default as imported_before
from google.auth.exceptions import DefaultCredentialsError

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.identity import application_default

PLATFORM = ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.fixture(autouse=True)
def own_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine has a key file that can't be read, and says that it has no metadata server."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "the-machines")
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.mark.parametrize("module", application_default.FUNCTIONS)
def test_the_functions_are_where_they_were(module: str) -> None:
    """google-auth still has the functions that are wrapped, and each gives what it gave: a value, or a coroutine."""
    for name, on_cloud_run in application_default.FUNCTIONS[module].items():
        function = getattr(importlib.import_module(module), name, None)
        assert inspect.isfunction(function), f"google-auth has moved {module}.{name}: see application_default.py"
        assert inspect.iscoroutinefunction(function) is inspect.iscoroutinefunction(on_cloud_run)


@pytest.mark.parametrize("module", application_default.CREDENTIALS)
def test_the_credentials_are_where_they_were(module: str) -> None:
    """google-auth still has the classes that are wrapped, and ``before_request`` is given the method and the URL."""
    for name in application_default.CREDENTIALS[module]:
        owner = getattr(importlib.import_module(module), name, None)
        before_request = vars(owner).get("before_request")
        assert before_request is not None, f"google-auth has moved {module}.{name}: see application_default.py"
        assert list(inspect.signature(before_request).parameters) == ["self", "request", "method", "url", "headers"]


@pytest.mark.parametrize(
    "find",
    [lambda: google.auth.default(), lambda: imported_before(), lambda: _default_async.default_async()],
    ids=["by the module", "imported before", "asyncio"],
)
def test_credentials_are_those_of_cloud_run(find: Any) -> None:
    """However the function was imported, and whatever the machine has: Google's class, and the fake's project."""
    with FakeCloudTasks(google_auth=True, project="shop"):
        credentials, project = find()
    assert type(credentials) is compute_engine.Credentials
    assert project == "shop"
    assert credentials.service_account_email == "default"
    assert (credentials.token, credentials.valid) == (None, False)


def test_the_functions_keep_their_signatures() -> None:
    """Code that inspects one, such as mocks with autospec, sees Google's parameters."""
    before = inspect.signature(google.auth.default)
    with FakeCloudTasks(google_auth=True):
        assert inspect.signature(google.auth.default) == before
        with mock.patch("google.auth.default", autospec=True), pytest.raises(TypeError, match="unexpected keyword"):
            google.auth.default(nothing=1)


def test_scopes_and_the_quota_project_are_kept() -> None:
    """The function's arguments are in the credentials."""
    with FakeCloudTasks(google_auth=True):
        credentials, _ = google.auth.default(scopes=PLATFORM, quota_project_id="payer", request=mock.Mock())
        by_default, _ = google.auth.default(default_scopes=PLATFORM)
    assert (credentials.scopes, credentials.quota_project_id) == (PLATFORM, "payer")
    assert (by_default.scopes, by_default.default_scopes) == (None, PLATFORM)


def test_the_environment_names_the_quota_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """GOOGLE_CLOUD_QUOTA_PROJECT counts as usual, unless an argument names another one."""
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer")
    with FakeCloudTasks(google_auth=True):
        assert google.auth.default()[0].quota_project_id == "payer"
        assert google.auth.default(quota_project_id="other")[0].quota_project_id == "other"


def test_the_innermost_fake_says_whose_project() -> None:
    """A fake within has its own project, and afterwards the outer one's is found again."""
    with FakeCloudTasks(google_auth=True, project="outer"):
        with FakeCloudTasks(google_auth=True, project="inner"):
            assert google.auth.default()[1] == "inner"
        assert google.auth.default()[1] == "outer"


def test_without_the_option_the_machines_credentials_count() -> None:
    """Outside such a fake, the functions search as usual."""
    with FakeCloudTasks(), pytest.raises(DefaultCredentialsError, match=r"missing\.json was not found"):
        google.auth.default()
    with FakeCloudTasks(google_auth=True):
        pass
    with pytest.raises(DefaultCredentialsError, match=r"missing\.json was not found"):
        google.auth.default()


def test_a_users_mock_wins() -> None:
    """A replaced function stays replaced, before the fake and within it."""
    with mock.patch("google.auth.default", return_value=(None, "theirs")), FakeCloudTasks(google_auth=True):
        assert google.auth.default()[1] == "theirs"
    with FakeCloudTasks(google_auth=True), mock.patch("google.auth.default", return_value=(None, "theirs")):
        assert google.auth.default()[1] == "theirs"


def test_a_module_that_is_imported_later_is_wrapped_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the fake, an import of google-auth's other modules finds them wrapped."""
    monkeypatch.delitem(sys.modules, "google.auth._default_async")
    monkeypatch.delattr(google.auth, "_default_async")
    with FakeCloudTasks(google_auth=True, project="shop"):
        from google.auth import _default_async as later

        assert later is not _default_async
        assert later.default_async()[1] == "shop"
    with pytest.raises(DefaultCredentialsError):
        later.default_async()


def test_a_stub_of_the_module_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test puts in the place of a module of Google's is theirs."""
    stub = ModuleType("google.oauth2.id_token")
    stub.fetch_id_token_credentials = lambda audience: audience  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.oauth2.id_token", stub)
    with FakeCloudTasks(google_auth=True):
        assert stub.fetch_id_token_credentials("a") == "a"
