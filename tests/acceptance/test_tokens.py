"""Tokens on the request, verified by the handlers' own code: nothing is patched by the tests, and nothing fetched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import flask
import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from freezegun import freeze_time
from google.auth import crypt, jwt
from google.auth.exceptions import GoogleAuthError, MalformedError
from google.auth.transport import requests
from google.cloud import tasks_v2
from google.oauth2 import id_token
from google.oauth2.id_token import verify_oauth2_token, verify_token

from pytest_cloudtasks import FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
URL = "https://worker.test/work"
GOOGLE = "https://storage.googleapis.com/work"
"""OAuth tokens go to Google's own hosts only."""
AUDIENCE = "https://worker.test"
ACCOUNT = "caller@shop.iam.gserviceaccount.com"
pytestmark = [pytest.mark.cloud_tasks(start=START, queues=["work"]), pytest.mark.usefixtures("no_network")]


def enqueue(**http_request: Any) -> None:
    """As application code does it."""
    task = {"http_request": {"url": URL, **http_request}}
    tasks_v2.CloudTasksClient().create_task(parent="projects/test-project/locations/us-central1/queues/work", task=task)


VERIFIERS: dict[str, Callable[..., Any]] = {
    "verify_oauth2_token": verify_oauth2_token,
    "verify_token": verify_token,
    "by the module": lambda *args: id_token.verify_oauth2_token(*args),
}


def worker(verify: Callable[..., Any], seen: list[Any], audience: str = AUDIENCE) -> flask.Flask:
    """A Flask application that lets nobody in without a valid token."""
    app = flask.Flask("worker")

    @app.post("/work")
    def work() -> tuple[str, int]:
        scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
        try:
            claims = verify(token, requests.Request(), audience)
        except (ValueError, GoogleAuthError) as error:
            seen.append(str(error))
            return "who are you?", 401
        seen.append((scheme, claims["email"], claims["aud"], claims["iss"]))
        return "welcome", 200

    return app


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_handler_verifies_its_token_without_network_or_set_up(cloud_tasks: FakeCloudTasks, verify: str) -> None:
    """google-auth accepts the token that the task asked for, under whichever name it was imported."""
    seen: list[Any] = []
    cloud_tasks.mount(AUDIENCE, worker(VERIFIERS[verify], seen))
    enqueue(oidc_token={"service_account_email": ACCOUNT, "audience": AUDIENCE})
    assert cloud_tasks.drain().succeeded == 1
    assert seen == [("Bearer", ACCOUNT, AUDIENCE, "https://accounts.google.com")]


def test_each_attempt_has_a_token_of_its_own_instant(cloud_tasks: FakeCloudTasks) -> None:
    """Retries that come days later are verified all the same, for each attempt's token is issued at its dispatch."""
    cloud_tasks.create_queue("slow", retry_config={"min_backoff": "86400s", "max_backoff": "86400s"})
    seen: list[Any] = []
    app = worker(verify_oauth2_token, seen)
    cloud_tasks.route(URL).returns(503, 503).then_pass_through()
    mount = cloud_tasks.mount(AUDIENCE, app)
    token = {"service_account_email": ACCOUNT, "audience": AUDIENCE}
    tasks_v2.CloudTasksClient().create_task(
        parent=cloud_tasks.queue_path("slow"), task={"http_request": {"url": URL, "oidc_token": token}}
    )
    assert cloud_tasks.drain().succeeded == 1
    assert seen == [("Bearer", ACCOUNT, AUDIENCE, "https://accounts.google.com")]
    assert cloud_tasks.clock.elapsed == timedelta(days=2)
    issued = jwt.decode(mount.calls[0].headers["Authorization"].partition(" ")[2], verify=False)["iat"]
    assert issued == (START + timedelta(days=2)).timestamp()


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_wrong_audience_is_rejected(cloud_tasks: FakeCloudTasks, verify: str) -> None:
    """A task that left its audience out gets the URL's, and a handler that expects another rejects it."""
    cloud_tasks.create_queue("once", retry_config={"max_attempts": 1})
    seen: list[Any] = []
    cloud_tasks.mount(AUDIENCE, worker(VERIFIERS[verify], seen))
    tasks_v2.CloudTasksClient().create_task(
        parent=cloud_tasks.queue_path("once"),
        task={"http_request": {"url": URL, "oidc_token": {"service_account_email": ACCOUNT}}},
    )
    assert cloud_tasks.drain().exhausted == 1
    assert seen == [f"Token has wrong audience {URL}, expected one of ['{AUDIENCE}']"]


def test_a_handler_that_names_no_audience_accepts_any(cloud_tasks: FakeCloudTasks) -> None:
    """As in production: google-auth checks the audience only if it gets one."""
    token = cloud_tasks.oidc.token(audience="https://anything.test")
    assert verify_oauth2_token(token, requests.Request())["aud"] == "https://anything.test"


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_foreign_key_is_rejected(cloud_tasks: FakeCloudTasks, verify: str) -> None:
    """A token that somebody else has signed is rejected, whether it names the fake's key or another."""
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    claims = jwt.decode(cloud_tasks.oidc.token(audience=AUDIENCE), verify=False)
    (key_id,) = cloud_tasks.oidc.certs
    for kid in (key_id, "somebody-else"):
        forged = jwt.encode(crypt.RSASigner.from_string(pem, kid), claims)
        with pytest.raises((ValueError, GoogleAuthError)) as refused:
            VERIFIERS[verify](forged, requests.Request(), AUDIENCE)
        assert "signature" in str(refused.value) or "not found" in str(refused.value)


def test_a_token_that_was_tampered_with_is_rejected(cloud_tasks: FakeCloudTasks) -> None:
    """The signature is over the claims."""
    header, _, signature = cloud_tasks.oidc.token(audience="https://other.test").split(".")
    payload = cloud_tasks.oidc.token(audience=AUDIENCE).split(".")[1]
    with pytest.raises(MalformedError, match="Could not verify token signature"):
        verify_oauth2_token(f"{header}.{payload}.{signature}", requests.Request(), AUDIENCE)


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_token_expires_at_the_virtual_instant(cloud_tasks: FakeCloudTasks, verify: str) -> None:
    """It is good for an hour of the test's time, and for no second more than google-auth's leeway."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    cloud_tasks.advance(hours=1)
    assert VERIFIERS[verify](token, requests.Request(), AUDIENCE)["email_verified"] is True
    cloud_tasks.advance(seconds=61)
    with pytest.raises((ValueError, GoogleAuthError), match="Token expired"):
        VERIFIERS[verify](token, requests.Request(), AUDIENCE)


@pytest.mark.parametrize("instant", ["1999-12-31T23:00:00Z", "2077-06-01T12:00:00Z"])
@pytest.mark.cloud_tasks(time="held")
def test_under_freezegun_the_frozen_instant_counts(instant: str) -> None:
    """Inside the user's own freeze_time the token is of that instant, and verified and expired at it."""
    with freeze_time(instant) as frozen, FakeCloudTasks(queues=["work"]) as cloud_tasks:
        token = cloud_tasks.oidc.token(audience=AUDIENCE)
        claims = verify_oauth2_token(token, requests.Request(), AUDIENCE)
        assert datetime.fromtimestamp(claims["iat"], timezone.utc) == cloud_tasks.clock.now()
        assert cloud_tasks.clock.now().isoformat().startswith(instant[:19])
        frozen.tick(timedelta(hours=1, seconds=61))
        with pytest.raises((ValueError, GoogleAuthError), match="Token expired"):
            verify_oauth2_token(token, requests.Request(), AUDIENCE)


def test_pyjwt_verifies_what_a_task_sends(cloud_tasks: FakeCloudTasks) -> None:
    """A handler with PyJWT uses `.jwks` in place of Google's keys."""
    keys = pyjwt.PyJWKSet.from_dict(cloud_tasks.oidc.jwks)

    def verify(token: str, request: object, audience: str) -> Any:
        key = keys[pyjwt.get_unverified_header(token)["kid"]]
        return pyjwt.decode(token, key, algorithms=["RS256"], audience=audience)

    seen: list[Any] = []
    cloud_tasks.mount(AUDIENCE, worker(verify, seen))
    enqueue(oidc_token={"service_account_email": ACCOUNT, "audience": AUDIENCE})
    assert cloud_tasks.drain().succeeded == 1
    assert seen == [("Bearer", ACCOUNT, AUDIENCE, "https://accounts.google.com")]


# --- the Authorization header ------------------------------------------------------------------------------------


def test_an_oauth_token_is_an_opaque_bearer(cloud_tasks: FakeCloudTasks) -> None:
    """It is not an ID token, and the same for every attempt."""
    route = cloud_tasks.route(GOOGLE).returns(503, 200)
    enqueue(url=GOOGLE, oauth_token={"service_account_email": ACCOUNT})
    cloud_tasks.drain()
    first, second = (call.headers.getlist("Authorization") for call in route.calls)
    assert first == second
    assert len(first) == 1
    assert first[0].startswith("Bearer ya29.")
    with pytest.raises((ValueError, GoogleAuthError)):
        verify_oauth2_token(first[0].partition(" ")[2], requests.Request(), AUDIENCE)


def test_a_header_of_the_users_passes_without_a_token(cloud_tasks: FakeCloudTasks) -> None:
    """A task that brings its own Authorization sends it, and nothing is added."""
    route = cloud_tasks.route(URL)
    enqueue(headers={"authorization": "Basic dXNlcjpwYXNz"})
    cloud_tasks.drain()
    assert route.calls[0].headers.getlist("Authorization") == ["Basic dXNlcjpwYXNz"]


@pytest.mark.parametrize("token", ["oidc_token", "oauth_token"])
def test_a_header_of_the_users_gives_way_to_a_token(cloud_tasks: FakeCloudTasks, token: str) -> None:
    """With a token the service sets the header itself, once."""
    route = cloud_tasks.route(GOOGLE)
    enqueue(url=GOOGLE, headers={"authorization": "Basic dXNlcjpwYXNz"}, **{token: {"service_account_email": ACCOUNT}})
    cloud_tasks.drain()
    (header,) = route.calls[0].headers.getlist("Authorization")
    assert header.startswith("Bearer ")


def test_a_task_without_a_token_has_no_header(cloud_tasks: FakeCloudTasks) -> None:
    """Nobody is authorised who was not asked to be."""
    route = cloud_tasks.route(URL)
    enqueue()
    cloud_tasks.drain()
    assert "Authorization" not in route.calls[0].headers
