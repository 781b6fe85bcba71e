"""OIDC and OAuth tokens as the service attaches them, and the key that they verify by."""

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
"""Seconds that an ID token is valid for. Evidence: documented."""
ACCESS_LIFETIME = 3599
"""Seconds that a new access token is valid for, as Google's answers have it. Evidence: reported."""
_ACCESS = "ya29."
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"


def subject_of(email: str) -> str:
    """The numeric unique ID of a service account: 21 digits, always the same for the same account."""
    return f"1{int(hashlib.sha256(email.encode()).hexdigest(), 16) % 10**20:020d}"


def claims_of(email: str, audience: str, issued_at: int) -> dict[str, Any]:
    """The claims of a Google ID token; ``issued_at`` in seconds since 1970. Evidence: reported."""
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
    """The claims as an RS256 token, signed by the fake's key."""
    from google.auth import jwt  # loads google.auth: only when a token is signed

    return jwt.encode(_signer(), claims, key_id=KEY_ID).decode()  # type: ignore[no-any-return]


def signature(message: bytes) -> bytes:
    """The fake's key's RS256 signature of any bytes."""
    return _signer().sign(message)  # type: ignore[no-any-return]


@functools.cache
def _signer() -> Any:
    """The key, read once: that takes as long as a hundred signatures."""
    from google.auth import crypt  # loads google.auth and cryptography: only when a token is signed

    return crypt.RSASigner.from_string(PRIVATE_KEY, KEY_ID)


def access_token(email: str, scope: str) -> str:
    """An OAuth access token, always the same for the same account and scope. Evidence: reported (``ya29.…``)."""
    return f"{_ACCESS}{base64.urlsafe_b64encode(f'{email} {scope}'.encode()).decode().rstrip('=')}"


def holder_of(token: str) -> tuple[str, str]:
    """The account and the scope of an access token; two empty texts for what is none of the fake's."""
    encoded = token.removeprefix(_ACCESS)
    try:
        email, _, scope = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode().partition(" ")
    except ValueError:
        return "", ""
    return (email, scope) if access_token(email, scope) == token else ("", "")


def bearer(holder: str, scope: str) -> dict[str, Any]:
    """An access token as the token endpoint and the metadata server hand it out."""
    token = access_token(holder, scope or CLOUD_PLATFORM)
    return {"access_token": token, "expires_in": ACCESS_LIFETIME, "token_type": "Bearer"}


def authorization_for(target: PushTarget, now: int) -> str | None:
    """The Authorization header that the service adds to a request at ``now`` (nanoseconds), if the task has a token.

    The audience of an OIDC token is the target's URL where none was set; an OAuth token's scope is cloud-platform.
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
    """Key ID to X.509 certificate (PEM), as Google's certificate endpoint has it."""
    return {KEY_ID: CERTIFICATE}


def jwks() -> dict[str, list[dict[str, str]]]:
    """The public key as a JWK Set, for PyJWT, authlib and others."""
    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": MODULUS, "e": EXPONENT}]}
