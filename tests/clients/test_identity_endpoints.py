"""Google's identity services, a request as data in and a response as data out."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from google.auth import crypt, jwt

from pytest_cloudtasks._clients.http.destinations import identity_service
from pytest_cloudtasks._clients.identity.account import SERVICE_ACCOUNT, Identity
from pytest_cloudtasks._clients.identity.endpoints import answer
from pytest_cloudtasks._clients.identity.signing_key import CERTIFICATE, KEY_ID, PRIVATE_KEY
from pytest_cloudtasks._clients.identity.tokens import access_token, certs, claims_of, jwks, signed, subject_of
from pytest_cloudtasks._messages.rest_http import RestRequest, RestResponse
from tests.each import each

NOW = 1_900_000_000
IDENTITY = Identity("shop", "europe-west1")
MAILER = "mailer@shop.iam.gserviceaccount.com"
FLAVOR = (("Metadata-Flavor", "Google"),)
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
SIGNER = crypt.RSASigner.from_string(PRIVATE_KEY, "a key of its own")


def asked(
    host: str, path: str, method: str = "GET", headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> RestResponse:
    """The response to a request that is for an identity service."""
    service = identity_service(host)
    assert service is not None
    response = answer(service, RestRequest(method, path, headers, body), IDENTITY, NOW * 10**9 + 5)
    assert response is not None
    return response


def granted(**form: str) -> Any:
    """The JSON that the token endpoint answers."""
    response = asked("oauth2.googleapis.com", "/token", "POST", body=urlencode(form).encode())
    return response.status, json.loads(response.body)


def metadata(path: str) -> RestResponse:
    return asked("metadata.google.internal", f"/computeMetadata/v1/{path}", headers=FLAVOR)


def iam(method: str, body: object, account: str = MAILER, host: str = "iamcredentials.googleapis.com") -> Any:
    path = f"/v1/projects/-/serviceAccounts/{account}{method}"
    response = asked(host, path, "GET" if body is None else "POST", body=json.dumps(body).encode() if body else b"")
    return response.status, json.loads(response.body)


def verified(token: str) -> Any:
    """The claims of a token that the fake's key has signed, whenever it is valid."""
    header, payload, signature = token.split(".")
    pad = "=="
    assert crypt.verify_signature(f"{header}.{payload}", base64.urlsafe_b64decode(signature + pad), CERTIFICATE)
    return json.loads(base64.urlsafe_b64decode(payload + pad))


# --- keys --------------------------------------------------------------------------------------------------------


@each(
    ("host", "path", "document"),
    [
        ("www.googleapis.com", "/oauth2/v1/certs", certs()),
        ("www.googleapis.com", "/oauth2/v2/certs", jwks()),
        ("www.googleapis.com", "/oauth2/v3/certs", jwks()),
        ("www.googleapis.com", "/oauth2/v3/certs?alt=json", jwks()),
        ("www.googleapis.com", f"/robot/v1/metadata/x509/{MAILER}", certs()),
        ("www.googleapis.com", "/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com", certs()),
        ("www.googleapis.com", f"/robot/v1/metadata/jwk/{MAILER}", jwks()),
        ("www.googleapis.com", f"/service_accounts/v1/metadata/x509/{MAILER}", certs()),
        ("www.googleapis.com", f"/service_accounts/v1/metadata/jwk/{MAILER}", jwks()),
        ("www.googleapis.com", "/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com", jwks()),
        ("www.googleapis.com", "/identitytoolkit/v3/relyingparty/publicKeys", certs()),
        ("www.gstatic.com", "/iap/verify/public_key", certs()),
        ("www.gstatic.com", "/iap/verify/public_key-jwk", jwks()),
    ],
)
def test_each_key_address_has_the_fakes_key(host: str, path: str, document: object) -> None:
    """Certificates by key ID or a JWK Set, with the headers by which caches keep them."""
    response = asked(host, path)
    assert response.status == 200
    assert json.loads(response.body) == document
    assert list(response.headers) == [
        ("Content-Type", "application/json; charset=UTF-8"),
        ("Cache-Control", "public, max-age=21600, must-revalidate, no-transform"),
        ("Date", "Sun, 17 Mar 2030 17:46:40 GMT"),
        ("Expires", "Sun, 17 Mar 2030 23:46:40 GMT"),
    ]


@pytest.mark.parametrize(
    ("host", "path", "issuer", "keys"),
    [
        (
            "accounts.google.com",
            "/.well-known/openid-configuration",
            "https://accounts.google.com",
            "https://www.googleapis.com/oauth2/v3/certs",
        ),
        (
            "securetoken.google.com",
            "/shop/.well-known/openid-configuration",
            "https://securetoken.google.com/shop",
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
        ),
    ],
)
def test_discovery_documents_lead_to_the_keys(host: str, path: str, issuer: str, keys: str) -> None:
    """Google's issuer and Firebase's say where their keys are."""
    document = json.loads(asked(host, path).body)
    assert (document["issuer"], document["jwks_uri"]) == (issuer, keys)
    assert document["token_endpoint"] == "https://oauth2.googleapis.com/token"
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]


@each(
    ("host", "method", "path"),
    [
        ("www.googleapis.com", "GET", "/drive/v3/files"),
        ("www.googleapis.com", "POST", "/oauth2/v1/certs"),
        ("www.googleapis.com", "GET", "/oauth2/v1/certs/more"),
        ("accounts.google.com", "GET", "/o/oauth2/v2/auth"),
        ("securetoken.google.com", "GET", "/shop"),
        ("www.gstatic.com", "GET", "/charts/loader.js"),
        ("169.254.169.254", "PUT", "/latest/api/token"),
        ("169.254.169.254", "GET", "/metadata/instance"),
    ],
)
def test_requests_to_no_identity_service_are_left_alone(host: str, method: str, path: str) -> None:
    """Other paths of the same hosts, such as the metadata servers of other clouds, are not answered."""
    service = identity_service(host)
    assert service is not None
    assert answer(service, RestRequest(method, path, (), b""), IDENTITY, NOW) is None


# --- tokens ------------------------------------------------------------------------------------------------------


def assertion(**claims: object) -> str:
    """What a service account's key file signs."""
    return jwt.encode(SIGNER, {"iss": MAILER, "iat": NOW, "exp": NOW + 3600, **claims}).decode()


JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def test_a_service_account_gets_an_access_token() -> None:
    """For a scope in its assertion; the token is the account's, as those that tasks send."""
    status, token = granted(grant_type=JWT_BEARER, assertion=assertion(scope=PLATFORM))
    assert status == 200
    assert token == {"access_token": access_token(MAILER, PLATFORM), "expires_in": 3599, "token_type": "Bearer"}


def test_a_service_account_gets_an_id_token() -> None:
    """For an audience in its assertion."""
    status, token = granted(grant_type=JWT_BEARER, assertion=assertion(target_audience="https://app.test"))
    assert (status, set(token)) == (200, {"id_token"})
    assert verified(token["id_token"]) == {
        "aud": "https://app.test",
        "azp": subject_of(MAILER),
        "email": MAILER,
        "email_verified": True,
        "exp": NOW + 3600,
        "iat": NOW,
        "iss": "https://accounts.google.com",
        "sub": subject_of(MAILER),
    }


def test_a_users_credentials_are_refreshed() -> None:
    """The credentials that gcloud keeps get an access token and an ID token for their client."""
    status, token = granted(grant_type="refresh_token", client_id="client", client_secret="s", refresh_token="1//r")
    assert status == 200
    assert verified(token.pop("id_token"))["aud"] == "client"
    assert token.pop("access_token").startswith("ya29.")
    assert token == {"expires_in": 3599, "token_type": "Bearer", "scope": PLATFORM}


def test_a_code_becomes_a_refresh_token() -> None:
    """The flow of an installed application ends here."""
    status, token = granted(grant_type="authorization_code", client_id="client", code="c")
    assert (status, token["refresh_token"]) == (200, "1//c")


def test_a_token_of_another_provider_is_exchanged() -> None:
    """Workload identity federation and downscoped credentials ask the security token service."""
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "t", "scope": PLATFORM}
    token = json.loads(asked("sts.googleapis.com", "/v1/token", "POST", body=urlencode(form).encode()).body)
    assert token["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert token["access_token"].startswith("ya29.")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("oauth2.googleapis.com", "/token"),
        ("oauth2.mtls.googleapis.com", "/token"),
        ("www.googleapis.com", "/oauth2/v4/token"),
        ("www.googleapis.com", "/oauth2/v3/token"),
        ("accounts.google.com", "/o/oauth2/token"),
    ],
)
def test_the_token_endpoint_has_several_addresses(host: str, path: str) -> None:
    """Older key files name older ones."""
    form = urlencode({"grant_type": JWT_BEARER, "assertion": assertion(scope=PLATFORM)}).encode()
    response = asked(host, path, "POST", body=form)
    assert json.loads(response.body)["access_token"] == access_token(MAILER, PLATFORM)
    assert ("Cache-Control", "no-cache, no-store, max-age=0") in response.headers


@each(
    ("form", "error", "description"),
    [
        ({}, "unsupported_grant_type", "Invalid grant_type: "),
        ({"grant_type": "password"}, "unsupported_grant_type", "Invalid grant_type: password"),
        ({"grant_type": JWT_BEARER}, "invalid_grant", "Invalid JWT: it can't be read."),
        ({"grant_type": JWT_BEARER, "assertion": "a.b.c"}, "invalid_grant", "Invalid JWT: it can't be read."),
        (
            {"grant_type": JWT_BEARER, "assertion": jwt.encode(SIGNER, {"scope": PLATFORM}).decode()},
            "invalid_grant",
            "Invalid JWT: the claim iss is missing.",
        ),
        (
            {"grant_type": JWT_BEARER, "assertion": assertion()},
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ),
        ({"grant_type": "refresh_token"}, "invalid_request", "Missing required parameter: refresh_token"),
        ({"grant_type": "authorization_code"}, "invalid_request", "Missing required parameter: code"),
    ],
)
def test_a_request_without_a_token_is_rejected(form: dict[str, str], error: str, description: str) -> None:
    """The answer is OAuth's, with the status 400."""
    assert granted(**form) == (400, {"error": error, "error_description": description})


def info(**query: str) -> Any:
    """The JSON that the token endpoint says of a token."""
    response = asked("oauth2.googleapis.com", f"/tokeninfo?{urlencode(query)}")
    return response.status, json.loads(response.body)


INVALID = (400, {"error": "invalid_token", "error_description": "Invalid Value"})


def test_an_id_token_is_looked_up() -> None:
    """Its header and claims come as texts; a forged token and one that has expired are invalid."""
    token = signed(claims_of(MAILER, "https://app.test", NOW - 3600))
    assert info(id_token=token) == (
        200,
        {
            "alg": "RS256",
            "aud": "https://app.test",
            "azp": subject_of(MAILER),
            "email": MAILER,
            "email_verified": "true",
            "exp": "1900000000",
            "iat": "1899996400",
            "iss": "https://accounts.google.com",
            "kid": KEY_ID,
            "sub": subject_of(MAILER),
            "typ": "JWT",
        },
    )
    header, _, signature = token.split(".")
    other = signed(claims_of(MAILER, "https://other.test", NOW)).split(".")[1]
    for invalid in (f"{header}.{other}.{signature}", signed(claims_of(MAILER, "a", NOW - 3601)), "no token", ""):
        assert info(id_token=invalid) == INVALID


def test_an_access_token_is_looked_up() -> None:
    """Whose it is, and what for; one that isn't the fake's is invalid."""
    status, found = info(access_token=access_token(MAILER, f"{PLATFORM} email"))
    assert status == 200
    assert found == {
        "access_type": "online",
        "aud": subject_of(MAILER),
        "azp": subject_of(MAILER),
        "email": MAILER,
        "email_verified": "true",
        "exp": "1900003599",
        "expires_in": "3599",
        "scope": f"{PLATFORM} email",
        "sub": subject_of(MAILER),
    }
    for invalid in ("ya29.theirs", "ya29.é", "other", ""):
        assert info(access_token=invalid) == INVALID
    assert info() == INVALID


def test_a_token_is_revoked() -> None:
    """Revoking succeeds; every other path is a page that says not found."""
    assert asked("oauth2.googleapis.com", "/revoke", "POST").status == 200
    assert asked("oauth2.googleapis.com", "/other", "POST").status == 404


# --- the metadata server -----------------------------------------------------------------------------------------


@each(
    ("path", "text"),
    [
        ("project/project-id", "shop"),
        ("project/numeric-project-id", "123456789012"),
        ("project/", "numeric-project-id\nproject-id\n"),
        ("instance/region", "projects/123456789012/regions/europe-west1"),
        ("instance/zone", "projects/123456789012/zones/europe-west1-1"),
        ("instance/service-accounts/", f"{SERVICE_ACCOUNT}/\ndefault/\n"),
        ("instance/service-accounts/default/", "aliases\nemail\nidentity\nscopes\ntoken\n"),
        ("instance/service-accounts/default/email", SERVICE_ACCOUNT),
        (f"instance/service-accounts/{SERVICE_ACCOUNT}/email", SERVICE_ACCOUNT),
        ("instance/service-accounts/123456789012-compute%40developer.gserviceaccount.com/aliases", "default\n"),
        ("instance/service-accounts/default/scopes", f"{PLATFORM}\n"),
        ("universe/universe-domain", "googleapis.com"),
        ("", "instance/\nproject/\nuniverse/\n"),
    ],
)
def test_metadata_is_text(path: str, text: str) -> None:
    """Values are plain text, and directories list their names."""
    response = metadata(path)
    assert (response.status, response.body.decode()) == (200, text)
    assert list(response.headers) == [
        ("Metadata-Flavor", "Google"),
        ("Server", "Metadata Server for Serverless"),
        ("Content-Type", "application/text"),
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (
            "instance/service-accounts/default/?recursive=true",
            {"aliases": ["default"], "email": SERVICE_ACCOUNT, "scopes": [PLATFORM]},
        ),
        ("project?recursive=True", {"numericProjectId": 123456789012, "projectId": "shop"}),
        ("project/project-id?alt=json", "shop"),
    ],
)
def test_metadata_is_json_on_request(path: str, value: object) -> None:
    """With recursive=true all that lies below comes at once, but for what is made for each request."""
    response = metadata(path)
    assert ("Content-Type", "application/json") in response.headers
    assert json.loads(response.body) == value


@pytest.mark.parametrize("path", ["/", ""])
@pytest.mark.parametrize("host", ["metadata.google.internal", "metadata", "169.254.169.254"])
def test_the_metadata_server_is_found(host: str, path: str) -> None:
    """Code that looks for it gets its header at each of its names."""
    response = asked(host, path)
    assert response.status == 200
    assert ("Metadata-Flavor", "Google") in response.headers


@pytest.mark.parametrize("path", ["/computeMetadata", "/computeMetadata/"])
def test_there_is_one_version(path: str) -> None:
    """The directory above the values names it."""
    assert asked("metadata", path).body == b"v1/\n"


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("token", PLATFORM),
        ("token?recursive=true", PLATFORM),
        ("token?scopes=https://a.test/x,https://a.test/y", "https://a.test/x https://a.test/y"),
    ],
)
def test_metadata_gives_access_tokens(path: str, scope: str) -> None:
    """They are the account's, for the scopes that are asked for."""
    response = metadata(f"instance/service-accounts/default/{path}")
    assert json.loads(response.body) == {
        "access_token": access_token(SERVICE_ACCOUNT, scope),
        "expires_in": 3599,
        "token_type": "Bearer",
    }


def test_metadata_gives_id_tokens() -> None:
    """They are for any audience, and of the account."""
    token = metadata("instance/service-accounts/default/identity?audience=https%3A%2F%2Fapp.test&format=full").body
    claims = verified(token.decode())
    assert (claims["aud"], claims["email"], claims["iat"]) == ("https://app.test", SERVICE_ACCOUNT, NOW)
    missing = metadata("instance/service-accounts/default/identity")
    assert (missing.status, missing.body) == (400, b"non-empty audience parameter required\n")


@pytest.mark.parametrize("headers", [(), (("Metadata-Flavor", "other"),), (*FLAVOR, ("X-Forwarded-For", "10.0.0.1"))])
def test_metadata_wants_its_header(headers: tuple[tuple[str, str], ...]) -> None:
    """A request without it, or one that was forwarded, is forbidden."""
    response = asked("metadata", "/computeMetadata/v1/project/project-id", headers=headers)
    assert (response.status, response.body) == (403, b"Missing Metadata-Flavor:Google header.\n")


@pytest.mark.parametrize("path", ["instance/attributes/cluster-name", "project/project-id/more", "nothing"])
def test_metadata_that_cloud_run_lacks_is_not_found(path: str) -> None:
    """Libraries that look for Kubernetes or Compute Engine learn that it is neither."""
    response = metadata(path)
    assert (response.status, response.body.decode()) == (404, f"/computeMetadata/v1/{path} was not found.\n")


def test_a_directory_ends_with_a_slash() -> None:
    """One without is redirected there."""
    response = metadata("project")
    assert response.status == 301
    assert ("Location", "/computeMetadata/v1/project/") in response.headers


# --- IAM credentials ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "iamcredentials.googleapis.com",
        "iamcredentials.mtls.googleapis.com",
        "iamcredentials.us-east1.rep.googleapis.com",
    ],
)
def test_any_account_gets_access_tokens(host: str) -> None:
    """The lifetime that is asked for says when they end; without one it is an hour."""
    body = {"scope": [PLATFORM], "lifetime": "600s"}
    token = {"accessToken": access_token(MAILER, PLATFORM), "expireTime": "2030-03-17T17:56:40Z"}
    assert iam(":generateAccessToken", body, host=host) == (200, token)
    assert iam(":generateAccessToken", {"scope": PLATFORM})[1]["expireTime"] == "2030-03-17T18:46:40Z"


@pytest.mark.parametrize(
    ("options", "email", "azp"),
    [
        ({}, None, subject_of(MAILER)),
        ({"includeEmail": True}, MAILER, subject_of(MAILER)),
        ({"includeEmail": "true", "useEmailAzp": "true"}, MAILER, MAILER),
    ],
)
def test_any_account_gets_id_tokens(options: dict[str, object], email: str | None, azp: str) -> None:
    """The email is in them if it was asked for."""
    status, token = iam(":generateIdToken", {"audience": "https://app.test", **options}, MAILER.replace("@", "%40"))
    claims = verified(token["token"])
    assert (status, claims.get("email"), claims["azp"], claims["aud"]) == (200, email, azp, "https://app.test")
    assert ("email_verified" in claims) is (email is not None)


def test_any_account_signs() -> None:
    """Claims as a token, and bytes, by the key that the account's key address has."""
    status, made = iam(":signJwt", {"payload": '{"sub": "x"}'})
    assert (status, made["keyId"], verified(made["signedJwt"])) == (200, KEY_ID, {"sub": "x"})
    status, made = iam(":signBlob", {"payload": base64.b64encode(b"bytes").decode()})
    assert (status, made["keyId"]) == (200, KEY_ID)
    assert crypt.verify_signature(b"bytes", base64.b64decode(made["signedBlob"]), CERTIFICATE)


def test_no_account_has_a_boundary() -> None:
    """Newer google-auth asks where an account's tokens may be used: everywhere."""
    assert iam("/allowedLocations", None) == (200, {"locations": [], "encodedLocations": "0x0"})


@each(
    ("method", "body", "message"),
    [
        (":generateAccessToken", {"lifetime": "600s"}, "Scope required."),
        (":generateAccessToken", {"scope": [PLATFORM], "lifetime": "long"}, "Invalid value at 'lifetime'."),
        (":generateAccessToken", {"scope": [PLATFORM], "lifetime": "43201s"}, "Invalid value at 'lifetime'."),
        (":generateIdToken", {"includeEmail": True}, "Audience required."),
        (":signJwt", {"payload": "no JSON"}, "The payload is no JSON object of claims."),
        (":signJwt", {"payload": "[]"}, "The payload is no JSON object of claims."),
        (":signBlob", {"payload": "?"}, "Invalid value at 'payload' (TYPE_BYTES)."),
        (":signBlob", ["list"], "Invalid JSON payload received."),
    ],
)
def test_an_invalid_request_is_rejected(method: str, body: object, message: str) -> None:
    """The answer is Google's form of an error."""
    assert iam(method, body) == (400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})


@pytest.mark.parametrize("path", ["/v1/projects/-/serviceAccounts/a@b:other", "/", "/v1/projects/-/serviceAccounts/a"])
def test_other_methods_are_not_found(path: str) -> None:
    """There is a page that says so."""
    assert asked("iamcredentials.googleapis.com", path, "POST").status == 404
