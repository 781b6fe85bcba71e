"""Accept requests from our queue only: with a token of our service account, for this worker."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, HTTPException
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token

AUDIENCE = "https://onboarding.test"
ACCOUNT = "queue@my-shop.iam.gserviceaccount.com"


def verify(authorization: Annotated[str, Header()] = "") -> None:
    token = authorization.removeprefix("Bearer ")
    try:
        claims = id_token.verify_oauth2_token(token, Request(), audience=AUDIENCE)
    except (ValueError, GoogleAuthError) as error:
        raise HTTPException(401, "no token for this worker") from error
    if claims["email"] != ACCOUNT:
        raise HTTPException(403, "not our queue")
