"""Queue.http_target as Google's message."""

from __future__ import annotations

from typing import Any

from google.cloud.tasks_v2 import types

from pytest_cloudtasks._messages.queues import overrides_of, write_overrides
from tests.each import each

EVERYTHING = {
    "uri_override": {
        "scheme": "HTTP",
        "host": "q.test",
        "port": 123,
        "path_override": {"path": "/a"},
        "query_override": {"query_params": "b=1"},
        "uri_override_enforce_mode": "IF_NOT_EXISTS",
    },
    "http_method": "GET",
    "header_overrides": [{"header": {"key": "A", "value": "1"}}, {"header": {"key": "B", "value": "2"}}],
    "oidc_token": {"service_account_email": "sa@p.iam.gserviceaccount.com", "audience": "https://a.test"},
}


def there_and_back(settings: dict[str, Any]) -> Any:
    message = types.HttpTarget.pb(types.HttpTarget(settings))
    written = types.HttpTarget.pb(types.HttpTarget())
    write_overrides(written, overrides_of(message))
    assert written == message
    return overrides_of(written)


@each(
    "settings",
    [
        {},
        EVERYTHING,
        {"oauth_token": {"service_account_email": "sa@p.iam.gserviceaccount.com", "scope": "cloud"}},
        {"uri_override": {"scheme": "SCHEME_UNSPECIFIED", "host": "", "port": 0}},
        {"uri_override": {"path_override": {}, "query_override": {}}},
        {"http_method": 99},
    ],
)
def test_settings_come_out_as_they_went_in(settings: dict[str, Any]) -> None:
    """Every field, also one that is set to nothing, is read and written; what is unset is left out."""
    assert there_and_back(settings) == settings


def test_what_is_written_is_set_even_if_it_is_empty() -> None:
    """An HTTP target without a field is there all the same."""
    queue = types.Queue.pb(types.Queue())
    write_overrides(queue.http_target, {})
    assert queue.HasField("http_target")
