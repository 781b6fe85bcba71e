"""Keys, tokens and credentials as application code gets them: by each library's own code, and nothing leaves."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import cachecontrol
import google.auth
import google_auth_httplib2
import httplib2
import jwt as pyjwt
import pytest
import requests
import urllib3
from google.api_core.exceptions import InvalidArgument
from google.auth import compute_engine, downscoped, identity_pool, impersonated_credentials
from google.auth.transport import _http_client
from google.auth.transport import requests as by_requests
from google.auth.transport import urllib3 as by_urllib3
from google.cloud import tasks_v2
from google.oauth2 import _id_token_async, id_token, service_account
from google.oauth2.credentials import Credentials as UserCredentials
from googleapiclient import discovery

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.identity.signing_key import PRIVATE_KEY

with warnings.catch_warnings(record=True):  # authlib is about to move this to a package of its own
    from authlib.jose import JsonWebKey
    from authlib.jose import jwt as authlib_jwt

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
AUDIENCE = "https://worker.test"
ACCOUNT = "123456789012-compute@developer.gserviceaccount.com"
MAILER = "mailer@test-project.iam.gserviceaccount.com"
PLATFORM = ["https://www.googleapis.com/auth/cloud-platform"]
QUEUE = "projects/test-project/locations/us-central1/queues/work"
TASKS_URL = f"https://cloudtasks.googleapis.com/v2/{QUEUE}/tasks"
KEY_FILE = {
    "type": "service_account",
    "client_email": MAILER,
    "private_key": PRIVATE_KEY,
    "private_key_id": "k",
    "project_id": "test-project",
    "token_uri": "https://oauth2.googleapis.com/token",
}
pytestmark = [pytest.mark.cloud_tasks(start=START, queues=["work"]), pytest.mark.usefixtures("no_network")]


# --- verification ------------------------------------------------------------------------------------------------

TRANSPORTS: dict[str, Callable[[], Any]] = {
    "requests": by_requests.Request,
    "urllib3": lambda: by_urllib3.Request(urllib3.PoolManager()),
    "http.client": _http_client.Request,
    "httplib2": lambda: google_auth_httplib2.Request(httplib2.Http()),
}
CERTIFICATES = [
    "https://www.googleapis.com/oauth2/v1/certs",
    "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com",
    f"https://www.googleapis.com/service_accounts/v1/metadata/x509/{MAILER}",
]
KEY_SETS = [
    "https://www.googleapis.com/oauth2/v2/certs",
    "https://www.googleapis.com/oauth2/v3/certs",
    f"https://www.googleapis.com/robot/v1/metadata/jwk/{MAILER}",
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
]


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "http.client"])
def test_google_auth_verifies_over_each_of_its_transports(cloud_tasks: FakeCloudTasks, transport: str) -> None:
    """The certificates come by whichever library google-auth is given; that of http.client takes no https."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    claims = id_token.verify_oauth2_token(token, TRANSPORTS[transport](), audience=AUDIENCE)
    assert claims["iss"] == "https://accounts.google.com"


@pytest.mark.parametrize("url", [*CERTIFICATES, *KEY_SETS])
def test_google_auth_verifies_at_each_key_address(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """Certificates and JWK Sets alike."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    assert id_token.verify_token(token, by_requests.Request(), audience=AUDIENCE, certs_url=url)["aud"] == AUDIENCE


@pytest.mark.parametrize("url", KEY_SETS)
def test_pyjwt_fetches_the_keys(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """Its client uses urllib, and finds the key that the token names."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    key = pyjwt.PyJWKClient(url).get_signing_key_from_jwt(token)
    assert pyjwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)["aud"] == AUDIENCE


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "https://securetoken.google.com/test-project"])
def test_authlib_verifies_by_discovery(cloud_tasks: FakeCloudTasks, issuer: str) -> None:
    """From the issuer's document to the keys, and from there to the claims."""
    document = requests.get(f"{issuer}/.well-known/openid-configuration").json()
    assert document["issuer"] == issuer
    keys = JsonWebKey.import_key_set(requests.get(document["jwks_uri"]).json())
    claims = authlib_jwt.decode(cloud_tasks.oidc.token(audience=AUDIENCE), keys)
    claims.validate()
    assert claims["aud"] == AUDIENCE


def test_a_cache_keeps_the_keys(cloud_tasks: FakeCloudTasks) -> None:
    """For as long as the headers allow, by the test's time: CacheControl is what google-auth recommends."""
    session = cachecontrol.CacheControl(requests.Session())

    def is_cached() -> bool:
        return session.get(CERTIFICATES[0]).from_cache  # type: ignore[attr-defined,no-any-return]

    assert [is_cached(), is_cached()] == [False, True]
    cloud_tasks.advance(hours=6, seconds=1)
    assert is_cached() is False
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    assert id_token.verify_oauth2_token(token, by_requests.Request(session), audience=AUDIENCE)["aud"] == AUDIENCE


def test_a_firebase_token_verifies(cloud_tasks: FakeCloudTasks) -> None:
    """One that the IAM API has signed for a test's user, by Firebase's own key address."""
    claims = {"iss": "https://securetoken.google.com/test-project", "aud": "test-project", "sub": "user"}
    payload = json.dumps({**claims, "iat": int(START.timestamp()), "exp": int(START.timestamp()) + 3600})
    url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{MAILER}:signJwt"
    token = requests.post(url, json={"payload": payload}).json()["signedJwt"]
    assert id_token.verify_firebase_token(token, by_requests.Request(), audience="test-project")["sub"] == "user"


@pytest.mark.parametrize(
    "url", ["https://oauth2.googleapis.com/tokeninfo", "https://www.googleapis.com/oauth2/v3/tokeninfo"]
)
def test_a_handler_looks_tokens_up(cloud_tasks: FakeCloudTasks, url: str) -> None:
    """Instead of verifying them itself: what a task brings is known there for an hour."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    assert requests.get(url, params={"id_token": token}).json()["aud"] == AUDIENCE
    cloud_tasks.advance(hours=1, seconds=1)
    assert requests.get(url, params={"id_token": token}).status_code == 400


# --- credentials -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.cloud_tasks(google_auth=True)
def test_default_credentials_are_refreshed(cloud_tasks: FakeCloudTasks, transport: str) -> None:
    """Before it the account has no address, as on Cloud Run; after it there are an address, a token and an hour."""
    credentials, project = google.auth.default(scopes=PLATFORM)
    assert credentials.service_account_email == "default"
    credentials.refresh(TRANSPORTS[transport]())
    assert credentials.service_account_email == ACCOUNT
    assert credentials.token.startswith("ya29.")
    assert (credentials.valid, project) == (True, "test-project")
    assert credentials.expiry == datetime(2030, 1, 1, 0, 59, 59)
    cloud_tasks.advance(hours=1)
    assert credentials.expired
    assert credentials.universe_domain == "googleapis.com"


@pytest.mark.parametrize("has_option", [True, False])
def test_credentials_are_found_with_nothing_set_up(has_option: bool) -> None:
    """Without the option the machine's own come first; where it has none, the fake's metadata server has some."""
    with FakeCloudTasks(google_auth=has_option, project="shop", location="europe-west1"):
        credentials, project = google.auth.default()
        credentials.refresh(by_requests.Request())
        assert (credentials.service_account_email, project) == (ACCOUNT, "shop")
        url = "http://metadata.google.internal/computeMetadata/v1/instance/region"
        region = requests.get(url, headers={"Metadata-Flavor": "Google"}).text
    assert region == "projects/123456789012/regions/europe-west1"


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [
        ("GCE_METADATA_HOST", "localhost:8080", "http://localhost:8080"),
        ("GCE_METADATA_ROOT", "metadata.test", "http://metadata.test"),
        ("GCE_METADATA_IP", "10.0.0.1", "http://10.0.0.1"),
    ],
)
def test_the_environments_metadata_server(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, url: str) -> None:
    """With the option its address is the fake's, too; without it a user's own server is asked."""
    monkeypatch.setenv(variable, value)
    headers = {"Metadata-Flavor": "Google"}
    with FakeCloudTasks(google_auth=True, project="shop"):
        found = requests.get(f"{url}/computeMetadata/v1/project/project-id", headers=headers)
        assert (found.status_code, found.text) == (200, "shop")
    with FakeCloudTasks(), pytest.raises(pytest.fail.Exception, match="The network was used"):
        requests.get(f"{url}/computeMetadata/v1/project/project-id", headers=headers)


def oidc_task(account: str) -> dict[str, Any]:
    return {"http_request": {"url": "https://worker.test/x", "oidc_token": {"service_account_email": account}}}


@pytest.mark.cloud_tasks(google_auth=True)
def test_a_client_works_with_default_credentials(cloud_tasks: FakeCloudTasks) -> None:
    """Its task is for the address that the credentials have by then; one for `default` is rejected."""
    credentials, _ = google.auth.default()
    client = tasks_v2.CloudTasksClient(credentials=credentials)
    with pytest.raises(InvalidArgument, match=r"^400 Request contains an invalid argument\.$"):
        client.create_task(parent=QUEUE, task=oidc_task(credentials.service_account_email))
    credentials.refresh(by_requests.Request())
    client.create_task(parent=QUEUE, task=oidc_task(credentials.service_account_email))
    assert cloud_tasks.assert_enqueued().oidc == {"service_account_email": ACCOUNT, "audience": "https://worker.test/x"}


REST_TASK = {"task": {"httpRequest": {"url": "https://worker.test/x"}}}


def by_session(credentials: Any) -> None:
    response = by_requests.AuthorizedSession(credentials).post(TASKS_URL, json=REST_TASK)
    assert response.status_code == 200
    assert response.request.headers["Authorization"].startswith("Bearer ya29.")


def by_pool(credentials: Any) -> None:
    http = by_urllib3.AuthorizedHttp(credentials)
    assert http.urlopen("POST", TASKS_URL, body=json.dumps(REST_TASK)).status == 200


def by_http(credentials: Any) -> None:
    response, _ = google_auth_httplib2.AuthorizedHttp(credentials).request(
        TASKS_URL, "POST", body=json.dumps(REST_TASK)
    )
    assert response.status == 200


def by_discovery(credentials: Any) -> None:
    tasks = discovery.build("cloudtasks", "v2").projects().locations().queues().tasks()
    assert tasks.create(parent=QUEUE, body=REST_TASK).execute()["name"].startswith(QUEUE)


@pytest.mark.parametrize("enqueue", [by_session, by_pool, by_http, by_discovery])
@pytest.mark.parametrize("has_option", [True, False])
def test_authorized_requests_reach_cloud_tasks(enqueue: Callable[[Any], None], has_option: bool) -> None:
    """Each library asks for a token by itself, and sends it; the discovery client looks for credentials, too."""
    with FakeCloudTasks(google_auth=has_option, queues=["work"]) as cloud_tasks:
        enqueue(google.auth.default(scopes=PLATFORM)[0])
        cloud_tasks.assert_enqueued(url="https://worker.test/x")


ID_TOKENS: dict[str, Callable[[], Any]] = {
    "fetch_id_token": lambda: id_token.fetch_id_token(by_requests.Request(), AUDIENCE),
    "fetch_id_token_credentials": lambda: refreshed(id_token.fetch_id_token_credentials(AUDIENCE)),
    "with a request": lambda: refreshed(id_token.fetch_id_token_credentials(AUDIENCE, request=by_requests.Request())),
    "asyncio": lambda: asyncio.run(_id_token_async.fetch_id_token(None, AUDIENCE)),
    "by the IAM API": lambda: refreshed(compute_engine.IDTokenCredentials(by_requests.Request(), AUDIENCE)),
}


def refreshed(credentials: Any) -> str:
    """The token of credentials."""
    credentials.refresh(by_requests.Request())
    token: str = credentials.token
    return token


@pytest.mark.parametrize("fetch", ID_TOKENS)
@pytest.mark.parametrize("has_option", [True, False])
@pytest.mark.filterwarnings("ignore:.*metadata:UserWarning")
def test_id_tokens_are_fetched(fetch: str, has_option: bool) -> None:
    """They are of the account of the service, for any audience, and verify."""
    with FakeCloudTasks(google_auth=has_option):
        claims = id_token.verify_oauth2_token(ID_TOKENS[fetch](), by_requests.Request(), audience=AUDIENCE)
    assert (claims["email"], claims["aud"]) == (ACCOUNT, AUDIENCE)


def test_the_machines_key_file_is_not_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the option tests don't depend on it, and without it the tokens of its account come from the fake."""
    (tmp_path / "key.json").write_text(json.dumps(KEY_FILE))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    for has_option, account in ((True, ACCOUNT), (False, MAILER)):
        with FakeCloudTasks(google_auth=has_option):
            claims = pyjwt.decode(ID_TOKENS["fetch_id_token"](), options={"verify_signature": False})
            credentials, _ = google.auth.default(scopes=PLATFORM)
            credentials.refresh(by_requests.Request())
        assert (claims["email"], credentials.service_account_email) == (account, account)


def test_impersonated_credentials_work(cloud_tasks: FakeCloudTasks) -> None:
    """Access tokens, ID tokens and signatures of another account."""
    source, _ = google.auth.default(scopes=PLATFORM)
    credentials = impersonated_credentials.Credentials(source, MAILER, PLATFORM, lifetime=600)
    credentials.refresh(by_requests.Request())
    assert credentials.token.startswith("ya29.")
    assert credentials.expiry == datetime(2030, 1, 1, 0, 10)
    assert len(credentials.sign_bytes(b"bytes")) == 256
    for_audience = impersonated_credentials.IDTokenCredentials(credentials, AUDIENCE, include_email=True)
    claims = id_token.verify_oauth2_token(refreshed(for_audience), by_requests.Request(), audience=AUDIENCE)
    assert claims["email"] == MAILER


def test_service_account_credentials_work(cloud_tasks: FakeCloudTasks) -> None:
    """Those of a key file ask the token endpoint."""
    credentials = service_account.Credentials.from_service_account_info(KEY_FILE, scopes=PLATFORM)
    assert refreshed(credentials).startswith("ya29.")
    assert credentials.expiry - datetime(2030, 1, 1) == timedelta(seconds=3599)
    for_audience = service_account.IDTokenCredentials.from_service_account_info(KEY_FILE, target_audience=AUDIENCE)
    claims = id_token.verify_oauth2_token(refreshed(for_audience), by_requests.Request(), audience=AUDIENCE)
    assert claims["email"] == MAILER


def test_other_credentials_work(cloud_tasks: FakeCloudTasks, tmp_path: Path) -> None:
    """Those that gcloud keeps for a user, those with fewer rights, and those of another cloud."""
    user = UserCredentials(
        None, refresh_token="r", client_id="c", client_secret="s", token_uri="https://oauth2.googleapis.com/token"
    )
    (tmp_path / "token").write_text("theirs")
    elsewhere = identity_pool.Credentials(
        audience="//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url="https://sts.googleapis.com/v1/token",
        credential_source={"file": str(tmp_path / "token")},
        scopes=PLATFORM,
    )
    rule = downscoped.AccessBoundaryRule("//storage.googleapis.com/projects/_/buckets/b", ["inRole:roles/viewer"])
    fewer_rights = downscoped.Credentials(user, downscoped.CredentialAccessBoundary([rule]))
    for credentials in (user, elsewhere, fewer_rights):
        assert refreshed(credentials).startswith("ya29.")
        assert credentials.valid
    assert pyjwt.decode(user.id_token, options={"verify_signature": False})["aud"] == "c"
