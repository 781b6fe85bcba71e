"""Keys and tokens in coroutines: by the asyncio twins of google-auth, by httpx and by aiohttp, and nothing leaves."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Any

import aiohttp
import httpx
import pytest
from gcloud.aio.auth import Token
from google.auth import jwt
from google.oauth2 import _id_token_async, _service_account_async

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.identity.signing_key import PRIVATE_KEY
from pytest_cloudtasks._clients.identity.tokens import certs

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp discourages what google-auth does
    from google.auth.transport import _aiohttp_requests

AUDIENCE = "https://worker.test"
CERTIFICATES = "https://www.googleapis.com/service_accounts/v1/metadata/x509/mailer@shop.iam.gserviceaccount.com"
KEY_SET = "https://www.googleapis.com/oauth2/v3/certs"
METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/"
KEY_FILE = {
    "client_email": "mailer@shop.iam.gserviceaccount.com",
    "private_key": PRIVATE_KEY,
    "private_key_id": "k",
    "token_uri": "https://oauth2.googleapis.com/token",
}
pytestmark = [
    pytest.mark.cloud_tasks(start=datetime(2030, 1, 1, tzinfo=timezone.utc)),
    pytest.mark.usefixtures("no_network"),
]


@asynccontextmanager
async def google_request() -> AsyncIterator[Any]:
    """google-auth's request by aiohttp, which wants a session that leaves bodies as they are."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield _aiohttp_requests.Request(session)


@pytest.mark.parametrize("verify", ["verify_oauth2_token", "verify_token", "verify_token at another address"])
def test_the_verifiers_of_google_auth_verify(cloud_tasks: FakeCloudTasks, verify: str) -> None:
    """Their certificates come by aiohttp."""
    token = cloud_tasks.oidc.token(audience=AUDIENCE)
    name, _, elsewhere = verify.partition(" ")
    options = {"certs_url": CERTIFICATES} if elsewhere else {}

    async def claims() -> Any:
        async with google_request() as request:
            return await getattr(_id_token_async, name)(token, request, audience=AUDIENCE, **options)

    assert asyncio.run(claims())["iss"] == "https://accounts.google.com"


@pytest.mark.usefixtures("cloud_tasks")
def test_the_credentials_of_a_key_file_are_refreshed() -> None:
    """google-auth's asyncio twins ask the token endpoint by aiohttp."""

    async def tokens() -> Any:
        async with google_request() as request:
            access = _service_account_async.Credentials.from_service_account_info(KEY_FILE, scopes=["scope"])
            await access.refresh(request)
            identity = _service_account_async.IDTokenCredentials.from_service_account_info(
                KEY_FILE, target_audience=AUDIENCE
            )
            await identity.refresh(request)
            return access.token, identity.token

    access, identity = asyncio.run(tokens())
    assert access.startswith("ya29.")
    assert jwt.decode(identity, certs=certs(), audience=AUDIENCE)["email"] == KEY_FILE["client_email"]


async def by_httpx(url: str) -> Any:
    async with httpx.AsyncClient(headers={"Metadata-Flavor": "Google"}) as client:
        return (await client.get(url)).json()


async def by_aiohttp(url: str) -> Any:
    headers = {"Metadata-Flavor": "Google"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
        return await response.json()


@pytest.mark.parametrize("fetch", [by_httpx, by_aiohttp])
def test_the_keys_are_fetched(cloud_tasks: FakeCloudTasks, fetch: Callable[[str], Awaitable[Any]]) -> None:
    """Verifiers of one's own begin with the discovery document."""

    async def keys() -> Any:
        document = await fetch("https://accounts.google.com/.well-known/openid-configuration")
        return await fetch(document["jwks_uri"])

    assert asyncio.run(keys()) == cloud_tasks.oidc.jwks


@pytest.mark.parametrize("fetch", [by_httpx, by_aiohttp])
@pytest.mark.usefixtures("cloud_tasks")
def test_the_metadata_server_answers(fetch: Callable[[str], Awaitable[Any]]) -> None:
    """It gives tokens in a coroutine, too."""
    assert asyncio.run(fetch(f"{METADATA}token"))["access_token"].startswith("ya29.")  # type: ignore[arg-type]


@pytest.mark.usefixtures("cloud_tasks")
def test_gcloud_aio_gets_its_token() -> None:
    """Without a key file it asks the metadata server."""

    async def token() -> Any:
        async with aiohttp.ClientSession() as session:
            return await Token(session=session, scopes=["https://www.googleapis.com/auth/cloud-platform"]).get()

    assert asyncio.run(token()).startswith("ya29.")
