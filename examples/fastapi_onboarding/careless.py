"""Three insufficient ways to verify a caller."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, HTTPException
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from security import ACCOUNT, AUDIENCE


def verify_no_audience(authorization: Annotated[str, Header()] = "") -> None:
    """Any service that our account calls can pass its token on to us."""
    token = authorization.removeprefix("Bearer ")
    try:
        claims = id_token.verify_oauth2_token(token, Request())
    except (ValueError, GoogleAuthError) as error:
        raise HTTPException(401, "no token") from error
    if claims["email"] != ACCOUNT:
        raise HTTPException(403, "not our queue")


def verify_no_account(authorization: Annotated[str, Header()] = "") -> None:
    """Anybody with a Google Cloud project can make a token for our audience."""
    token = authorization.removeprefix("Bearer ")
    try:
        id_token.verify_oauth2_token(token, Request(), audience=AUDIENCE)
    except (ValueError, GoogleAuthError) as error:
        raise HTTPException(401, "no token for this worker") from error


def verify_header(x_cloudtasks_queuename: Annotated[str, Header()] = "") -> None:
    """Anybody can send a header."""
    if x_cloudtasks_queuename != "onboarding":
        raise HTTPException(403, "not our queue")
