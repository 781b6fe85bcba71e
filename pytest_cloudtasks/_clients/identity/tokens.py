"""OIDC and OAuth tokens as the service attaches them, and the key that verifies them."""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import Any

from ..._service.request import HttpTarget, PushTarget
from ..._units import SECOND
from .signing_key import CERTIFICATE, EXPONENT, KEY_ID, MODULUS, PRIVATE_KEY

ISSUER = "https://accounts.google.com"
LIFETIME = 3600
"""The lifetime of an ID token in seconds. Evidence: documented."""
ACCESS_LIFETIME = 3599
"""The lifetime of a new access token in seconds, as Google's answers have it. Evidence: reported."""
_ACCESS = "ya29."
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


def subject_of(email: str) -> str:
    """Return the numeric unique ID of a service account: 21 digits, the same whenever the account is."""
    return f"1{int(hashlib.sha256(email.encode()).hexdigest(), 16) % 10**20:020d}"


def claims_of(email: str, audience: str, issued_at: int) -> dict[str, Any]:
    """Return the claims of a Google ID token. ``issued_at`` is in seconds since 1970. Evidence: reported."""
    subject = subject_of(email)
    return {
        "aud": audience,
        "azp": subject,
        "email": email,
        "email_verified": True,
        "exp": issued_at + LIFETIME,
        "iat": issued_at,
        "iss": ISSUER,
        "sub": subject,
    }


def signed(claims: dict[str, Any]) -> str:
    """Return the claims as an RS256 token, signed by the fake's key."""
    from google.auth import jwt  # loads google.auth, which only a signature needs

    return jwt.encode(_signer(), claims, key_id=KEY_ID).decode()  # type: ignore[no-any-return]


def signature(message: bytes) -> bytes:
    """Return the RS256 signature of any bytes by the fake's key."""
    return _signer().sign(message)  # type: ignore[no-any-return]


@functools.cache
def _signer() -> Any:
    """Return the signing key. It is read only once, because reading takes as long as a hundred signatures."""
    from google.auth import crypt  # loads google.auth and cryptography, which only a signature needs

    return crypt.RSASigner.from_string(PRIVATE_KEY, KEY_ID)


def access_token(email: str, scope: str) -> str:
    """Return an OAuth access token, the same whenever account and scope are. Evidence: reported (``ya29.…``)."""
    return f"{_ACCESS}{base64.urlsafe_b64encode(f'{email} {scope}'.encode()).decode().rstrip('=')}"


def holder_of(token: str) -> tuple[str, str]:
    """Return the account and the scope of an access token; two empty texts if it is not the fake's."""
    encoded = token.removeprefix(_ACCESS)
    try:
        email, _, scope = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode().partition(" ")
    except ValueError:
        return "", ""
    return (email, scope) if access_token(email, scope) == token else ("", "")


def bearer(holder: str, scope: str) -> dict[str, Any]:
    """Return an access token as the token endpoint and the metadata server send it."""
    token = access_token(holder, scope or CLOUD_PLATFORM)
    return {"access_token": token, "expires_in": ACCESS_LIFETIME, "token_type": "Bearer"}


def authorization_for(target: PushTarget, now: int) -> str | None:
    """Return the Authorization header that the service adds to a request at ``now`` (nanoseconds); None without a
    token.

    By default the audience of an OIDC token is the target's URL, and the scope of an OAuth token cloud-platform.
    Evidence: documented.
    """
    if not isinstance(target, HttpTarget):
        return None
    if target.oidc is not None:
        audience = target.oidc.audience or target.url
        return f"Bearer {signed(claims_of(target.oidc.service_account_email, audience, now // SECOND))}"
    if target.oauth is not None:
        return f"Bearer {access_token(target.oauth.service_account_email, target.oauth.scope or CLOUD_PLATFORM)}"
    return None


def certs() -> dict[str, str]:
    """Return X.509 certificates (PEM) by key ID, as Google's certificate endpoint does."""
    return {KEY_ID: CERTIFICATE}


def jwks() -> dict[str, list[dict[str, str]]]:
    """Return the public key as a JWK Set, for PyJWT, authlib and others."""
    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": MODULUS, "e": EXPONENT}]}
