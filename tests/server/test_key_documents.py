"""Tests of the loopback server's public keys, for processes that verify a task's token."""

from __future__ import annotations

from datetime import datetime, timezone

import google.auth.transport.requests
import jwt
import pytest
import requests
from google.oauth2 import id_token

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from tests.patience import PATIENCE

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
AUDIENCE = "https://worker.test"
pytestmark = pytest.mark.cloud_tasks(start=START)


def test_tokens_verify_by_the_keys_that_discovery_leads_to(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer
) -> None:
    """Verifiers of other languages begin with the discovery document, whose issuer is Google."""
    url = cloud_tasks_server.rest_url
    found = requests.get(f"{url}/.well-known/openid-configuration", timeout=PATIENCE).json()
    assert (found["issuer"], found["jwks_uri"]) == ("https://accounts.google.com", f"{url}/oauth2/v3/certs")
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
    assert jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)["iat"] == START.timestamp()


def test_tokens_verify_by_googles_verifier(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """google-auth needs only the address of the certificates."""
    claims = id_token.verify_token(
        cloud_tasks.oidc.token(audience=AUDIENCE),
        google.auth.transport.requests.Request(),
        audience=AUDIENCE,
        certs_url=f"{cloud_tasks_server.rest_url}/oauth2/v1/certs",
    )
    assert claims["aud"] == AUDIENCE


@pytest.mark.parametrize("path", ["/oauth2/v1/certs", "/oauth2/v3/certs", "/.well-known/openid-configuration"])
def test_documents_may_be_cached(cloud_tasks_server: CloudTasksServer, path: str) -> None:
    """They have the headers of Google's own, by the test's time."""
    response = requests.get(f"{cloud_tasks_server.rest_url}{path}", timeout=PATIENCE)
    assert response.headers["Cache-Control"] == "public, max-age=21600, must-revalidate, no-transform"
    assert response.headers["Date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    assert response.headers["Expires"] == "Tue, 01 Jan 2030 06:00:00 GMT"


@pytest.mark.parametrize("path", ["/oauth2/v1/certs", "/.well-known/openid-configuration"])
def test_they_are_not_for_other_sites(cloud_tasks_server: CloudTasksServer, path: str) -> None:
    """A page that uses DNS rebinding can't read them."""
    url = f"{cloud_tasks_server.rest_url}{path}"
    assert requests.get(url, headers={"Host": "evil.test"}, timeout=PATIENCE).status_code == 403
