"""The fields of a queue of v2, for filters."""

from __future__ import annotations

from google.cloud import tasks_v2

from pytest_cloudtasks._messages.tasks import Messages
from pytest_cloudtasks._service.listing import Fields

FIELDS: Fields = Messages(tasks_v2.types).filter_fields
