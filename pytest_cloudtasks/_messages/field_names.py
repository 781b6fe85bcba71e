"""What the API versions call the same thing. Which of its names a version has, its descriptors tell."""

from __future__ import annotations

from typing import Any

SYNONYMS = {
    "body": "payload",
    "dispatch_count": "attempt_dispatch_count",
    "first_attempt": "first_attempt_status",
    "last_attempt": "last_attempt_status",
    "max_concurrent_dispatches": "max_concurrent_tasks",
    "max_dispatches_per_second": "max_tasks_dispatched_per_second",
    "relative_uri": "relative_url",
    "response_count": "attempt_response_count",
    "type": "type_",
}
"""A name as v2 has it, or would have it, and the one that another version has instead."""
OURS = {theirs: ours for ours, theirs in SYNONYMS.items()}
"""The other way round."""
ROUTING_WITHIN = ("app_engine_http_queue", "app_engine_http_target")
"""The fields in which v2beta3 and v2beta2 keep a queue's app_engine_routing_override."""


def spelled(descriptor: Any, name: str) -> str:
    """What a message calls the field that v2 calls ``name``; "" if it has none."""
    return next((one for one in (name, SYNONYMS.get(name, "")) if one in descriptor.fields_by_name), "")


def camel_case(name: str) -> str:
    """A field as Google's error texts spell it: ``maxAttempts``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
