"""The account of the code under test: its project, its location and its service account."""

from __future__ import annotations

from typing import NamedTuple

PROJECT_NUMBER = "123456789012"
SERVICE_ACCOUNT = f"{PROJECT_NUMBER}-compute@developer.gserviceaccount.com"
"""Cloud Run's default service account: that of Compute Engine."""
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class Identity(NamedTuple):
    """The values of a service on Cloud Run in the metadata server."""

    project: str
    location: str
    service_account_email: str = SERVICE_ACCOUNT
