"""The tokens that requests carry: rules for those of a task and of a queue alike."""

from __future__ import annotations

import re
from typing import Union

from . import errors
from .request import HttpTarget, OAuthToken, OidcToken

Token = Union[OidcToken, OAuthToken]

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
"""The scope of an OAuth token that names none."""
_EMAIL = re.compile(r"[^@]+@[^@]+")
_GOOGLE_API = re.compile(r"https?://(?:[^/?#]*@)?[^/?#:]+\.googleapis\.com(?:[:/?#].*)?", re.DOTALL | re.IGNORECASE)


def check_account(service_account_email: str) -> None:
    """Refuse an e-mail address that is missing or isn't NAME@DOMAIN."""
    if not service_account_email:
        raise errors.TOKEN_ACCOUNT_MISSING.error()
    if not _EMAIL.fullmatch(service_account_email):
        raise errors.ARGUMENT_INVALID.error()


def is_google_api(url: str) -> bool:
    """Return whether the host of ``url`` is below googleapis.com."""
    return _GOOGLE_API.fullmatch(url) is not None


def check_url(token: Token, url: str) -> None:
    """Refuse a task's URL that its token can't be sent to."""
    if not url.startswith("https://"):
        raise errors.TOKEN_NEEDS_HTTPS.error()
    if isinstance(token, OAuthToken) and not is_google_api(url):
        raise errors.OAUTH_HOST.error()


def completed(token: Token, url: str) -> Token:
    """Return ``token`` as a task for ``url`` has it: with an audience, or a scope."""
    if isinstance(token, OidcToken):
        return token if token.audience else token._replace(audience=url)
    return token if token.scope else token._replace(scope=CLOUD_PLATFORM)


def with_token(target: HttpTarget, token: Token) -> HttpTarget:
    """Return ``target`` with ``token``, completed, in place of its own."""
    token = completed(token, target.url)
    oidc, oauth = (token, None) if isinstance(token, OidcToken) else (None, token)
    return HttpTarget(target.url, target.method, target.headers, target.body, oidc, oauth)
