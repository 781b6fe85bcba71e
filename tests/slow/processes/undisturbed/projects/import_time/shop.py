"""Builds its client at import, and does without where that fails."""

from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2

try:
    client = tasks_v2.CloudTasksClient()
except DefaultCredentialsError:
    client = None
