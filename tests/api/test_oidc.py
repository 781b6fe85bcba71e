from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone

import jwt as pyjwt
import pytest
from google.auth import jwt

from pytest_cloudtasks import FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
AUDIENCE = "https://worker.test"
pytestmark = pytest.mark.cloud_tasks(start=START)


def test_a_token_is_issued_now_in_the_queues_time(cloud_tasks: FakeCloudTasks) -> None:
    """It is good for an hour from the virtual instant, and follows the clock."""
    first = jwt.decode(cloud_tasks.oidc.token(audience=AUDIENCE), cloud_tasks.oidc.certs, audience=AUDIENCE)
    cloud_tasks.advance(days=400)
    second = jwt.decode(cloud_tasks.oidc.token(audience=AUDIENCE), cloud_tasks.oidc.certs, audience=AUDIENCE)
    assert (first["iat"], first["exp"]) == (START.timestamp(), START.timestamp() + 3600)
    assert second["iat"] - first["iat"] == timedelta(days=400).total_seconds()


def test_the_account_may_be_chosen(cloud_tasks: FakeCloudTasks) -> None:
    """Without one it is an account of the fake's project; google-auth finds the audience that was asked for."""
    default = jwt.decode(cloud_tasks.oidc.token(audience=AUDIENCE), cloud_tasks.oidc.certs)
    chosen = jwt.decode(
        cloud_tasks.oidc.token(audience=AUDIENCE, service_account_email="me@p.test"), cloud_tasks.oidc.certs
    )
    assert default["email"] == "tasks@test-project.iam.gserviceaccount.com"
    assert (chosen["email"], chosen["aud"]) == ("me@p.test", AUDIENCE)
    assert default["sub"] != chosen["sub"]


def test_pyjwt_verifies_by_the_jwks(cloud_tasks: FakeCloudTasks) -> None:
    """A handler with PyJWT accepts the token at its instant, and rejects it for another audience or when expired."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    keys = pyjwt.PyJWKSet.from_dict(cloud_tasks.oidc.jwks)
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    assert pyjwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)["email_verified"] is True
    with pytest.raises(pyjwt.InvalidAudienceError):
        pyjwt.decode(token, key, algorithms=["RS256"], audience="https://other.test")
    cloud_tasks.advance(hours=1, seconds=1)
    with pytest.raises(pyjwt.ExpiredSignatureError):
        pyjwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)


def test_outside_a_fake_no_token_is_issued() -> None:
    """A fake that is not active can't sign tokens."""
    with pytest.raises(RuntimeError) as refused:
        FakeCloudTasks().oidc.token(audience=AUDIENCE)
    assert str(refused.value) == (
        "This FakeCloudTasks is not active: no test that asked for it is running. Use it inside the test, or as `with"
        " FakeCloudTasks() as cloud_tasks:`."
    )


def test_authlib_verifies_by_the_jwks(cloud_tasks: FakeCloudTasks) -> None:
    """A handler with authlib accepts the token, and sees that it has expired."""
    with warnings.catch_warnings(record=True):  # authlib is about to move this to a package of its own
        from authlib.jose import JsonWebKey, JsonWebToken
    keys = JsonWebKey.import_key_set(cloud_tasks.oidc.jwks)
    claims = JsonWebToken(["RS256"]).decode(cloud_tasks.oidc.token(audience=AUDIENCE), keys)
    claims.validate(now=int(cloud_tasks.clock.now().timestamp()))
    assert (claims["aud"], claims["iss"]) == (AUDIENCE, "https://accounts.google.com")
