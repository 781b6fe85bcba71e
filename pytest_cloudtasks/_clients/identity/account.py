"""Who the code under test is: its project, its location and its service account."""

from __future__ import annotations

from typing import NamedTuple

PROJECT_NUMBER = "123456789012"
SERVICE_ACCOUNT = f"{PROJECT_NUMBER}-compute@developer.gserviceaccount.com"
"""The account that Cloud Run runs a service as unless another one is named: the default one of Compute Engine."""
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class Identity(NamedTuple):
    """What the metadata server says of a service on Cloud Run."""

    project: str
    location: str
    service_account_email: str = SERVICE_ACCOUNT
