from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.auth import jwt

from pytest_cloudtasks._clients.identity import tokens
from pytest_cloudtasks._clients.identity.signing_key import CERTIFICATE, KEY_ID
from pytest_cloudtasks._clients.identity.tokens import authorization_for, claims_of, signed, subject_of
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, OAuthToken, OidcToken

EMAIL = "worker@p.iam.gserviceaccount.com"
NOW = 1_900_000_000
URL = "https://worker.test/"


# --- claims ------------------------------------------------------------------------------------------------------


def test_claims_are_those_of_a_google_id_token() -> None:
    """Audience, account, issuer, and an hour of validity."""
    assert claims_of(EMAIL, "https://aud.test", NOW) == {
        "aud": "https://aud.test",
        "azp": subject_of(EMAIL),
        "email": EMAIL,
        "email_verified": True,
        "exp": NOW + 3600,
        "iat": NOW,
        "iss": "https://accounts.google.com",
        "sub": subject_of(EMAIL),
    }


def test_a_subject_is_a_number_of_21_digits_for_each_account() -> None:
    """Always the same for one account, another for another."""
    assert subject_of(EMAIL) == subject_of(EMAIL)
    assert subject_of(EMAIL) != subject_of("other@p.iam.gserviceaccount.com")
    for email in (EMAIL, "a@b", ""):
        assert len(subject_of(email)) == 21
        assert subject_of(email).isdigit()


def test_a_token_is_signed_by_the_key_that_it_names() -> None:
    """It is RS256, names its key, and google-auth verifies it against the certificate; signing again gives the same."""
    claims = claims_of(EMAIL, URL, NOW)
    token = signed(claims)
    header = jwt.decode_header(token)
    assert (header["alg"], header["typ"], header["kid"]) == ("RS256", "JWT", KEY_ID)
    assert jwt.decode(token, verify=False) == claims
    assert token == signed(claims)


# --- what a task sends -------------------------------------------------------------------------------------------


def http(**token: Any) -> HttpTarget:
    return HttpTarget(URL, "POST", (), b"", **token)


def claims_in(authorization: str | None) -> dict[str, Any]:
    """What is in a bearer's ID token."""
    assert authorization is not None
    scheme, _, token = authorization.partition(" ")
    assert scheme == "Bearer"
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))  # type: ignore[no-any-return]


def test_a_task_without_a_token_sends_none() -> None:
    """Neither HTTP tasks without a token nor App Engine tasks have an Authorization header added."""
    assert authorization_for(http(), NOW) is None
    assert authorization_for(AppEngineTarget(), NOW) is None


@pytest.mark.parametrize(("audience", "expected"), [("https://aud.test", "https://aud.test"), ("", URL)])
def test_an_oidc_token_is_for_its_audience_or_the_url(audience: str, expected: str) -> None:
    """The target's URL is the audience where none was set; the token is issued at the instant of the dispatch."""
    claims = claims_in(authorization_for(http(oidc=OidcToken(EMAIL, audience)), NOW * 10**9 + 999_999_999))
    assert claims == claims_of(EMAIL, expected, NOW)


def test_an_oauth_token_is_opaque() -> None:
    """It says nothing, is the same for account and scope, and is for cloud-platform where no scope was set."""
    platform = "https://www.googleapis.com/auth/cloud-platform"
    bearer = authorization_for(http(oauth=OAuthToken(EMAIL, "")), NOW)
    assert bearer is not None
    assert bearer.startswith("Bearer ya29.")
    assert bearer == authorization_for(http(oauth=OAuthToken(EMAIL, platform)), NOW + 10**9)
    assert bearer != authorization_for(http(oauth=OAuthToken(EMAIL, "https://www.googleapis.com/auth/drive")), NOW)
    assert bearer != authorization_for(http(oauth=OAuthToken("other@p.test", "")), NOW)


# --- verification ------------------------------------------------------------------------------------------------


def test_certificates_come_in_googles_forms() -> None:
    """PEM certificates by key ID, and a JWK Set with the same key."""
    assert tokens.certs() == {KEY_ID: CERTIFICATE}
    (key,) = tokens.jwks()["keys"]
    assert {name: key[name] for name in ("kty", "alg", "use", "kid", "e")} == {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": KEY_ID,
        "e": "AQAB",
    }
    assert len(base64.urlsafe_b64decode(key["n"] + "==")) == 256
    assert set(key) == {"kty", "alg", "use", "kid", "n", "e"}


def test_the_key_is_read_once() -> None:
    """Reading it takes as long as a hundred signatures, and a test may send many tokens."""
    signed(claims_of(EMAIL, "https://a.test", NOW))
    signed(claims_of(EMAIL, "https://b.test", NOW))
    assert tokens._signer.cache_info().misses == 1
