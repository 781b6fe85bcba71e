from __future__ import annotations

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.identity.credentials import anonymous_default


def test_default_gives_anonymous_credentials_and_the_project() -> None:
    """google.auth.default() takes what it takes, and gives anonymous credentials with the given project."""
    undo = anonymous_default("my-project")
    try:
        credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    finally:
        undo()
    assert isinstance(credentials, AnonymousCredentials)
    assert project == "my-project"


def test_undoing_brings_back_what_was_there() -> None:
    """After the undo google.auth.default is the function it was, also where two were nested."""
    before = google.auth.default
    undo_outer = anonymous_default("outer")
    undo_inner = anonymous_default("inner")
    undo_inner()
    assert google.auth.default()[1] == "outer"
    undo_outer()
    assert google.auth.default is before


def test_a_fake_with_google_auth_covers_application_code() -> None:
    """With google_auth=True the whole block finds credentials; after it everything is as before."""
    before = google.auth.default
    with FakeCloudTasks(google_auth=True, project="shop"):
        assert google.auth.default()[1] == "shop"
    assert google.auth.default is before


@pytest.mark.usefixtures("no_credentials")
def test_a_fake_without_google_auth_leaves_it_alone() -> None:
    """By default google.auth.default() fails in a fake as it does outside."""
    with FakeCloudTasks(), pytest.raises(DefaultCredentialsError):
        google.auth.default()
