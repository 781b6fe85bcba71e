"""All of google is replaced, the modules below the client's and those of google-auth as well."""

import sys
from unittest.mock import MagicMock

for name in (
    "google",
    "google.api_core",
    "google.api_core.exceptions",
    "google.auth",
    "google.auth.transport",
    "google.auth.transport.requests",
    "google.cloud",
    "google.cloud.tasks_v2",
    "google.cloud.tasks_v2.services.cloud_tasks.client",
    "google.cloud.tasks_v2.gapic.cloud_tasks_client",
    "google.oauth2",
    "google.oauth2.id_token",
    "google.protobuf",
    "google.protobuf.timestamp_pb2",
):
    sys.modules[name] = MagicMock()
