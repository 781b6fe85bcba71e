"""Queue.http_target: its settings, and what it makes of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.http_overrides import at_creation, at_execution, has_field, overridden, taken
from pytest_cloudtasks._service.request import MAX_HEADER_BYTES, AppEngineTarget, HttpTarget, OAuthToken, OidcToken
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import TaskSpec

from .driving import LOCATION, QUEUE, START, add, assert_refused, driver_with, service_with

URL = "https://user@task.test:8443/own?a=1#part"
BARE = "https://task.test"
OIDC = {"service_account_email": "sa@p.iam.gserviceaccount.com", "audience": "https://a.test"}
OAUTH = {"service_account_email": "sa@p.iam.gserviceaccount.com", "scope": "cloud"}


def stored(service: Service) -> Any:
    return service.queues[QUEUE].config.http_target


def header(key: str, value: str) -> dict[str, dict[str, str]]:
    return {"header": {"key": key, "value": value}}


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"uri_override": {"host": ""}}, "HttpTarget.uriOverride.host cannot be an empty string."),
        (
            {"uri_override": {"port": -1}},
            "HttpTarget.uriOverride.port must be a positive integer, or 0 to clear the port, and is -1.",
        ),
        (
            {"oidc_token": {"service_account_email": "sa@p.iam.gserviceaccount.com"}},
            "HttpTarget.oidcToken must have both the service account email and the audience.",
        ),
        (
            {"oidc_token": {"audience": "https://a.test"}},
            "HttpTarget.oidcToken must have both the service account email and the audience.",
        ),
        (
            {"oauth_token": {"service_account_email": "sa@p.iam.gserviceaccount.com"}},
            "HttpTarget.oauthToken must have both the service account email and the scope.",
        ),
        ({"oauth_token": {}}, "HttpTarget.oauthToken must have both the service account email and the scope."),
        (
            {"header_overrides": [header("X-One", "1" * (MAX_HEADER_BYTES - 5))]},
            "HttpTarget.headerOverrides must be smaller than 80 KB in total.",
        ),
    ],
)
def test_what_the_docstrings_forbid_is_refused(given: dict[str, Any], message: str) -> None:
    """It is refused wherever it is given, and nothing changes."""
    service, settings, other = service_with(), {"http_target": given}, f"{LOCATION}/queues/other"
    refused = Code.INVALID_ARGUMENT
    assert_refused(service, refused, message, lambda: service.create_queue(START, LOCATION, other, settings))
    assert_refused(service, refused, message, lambda: service.update_queue(START, QUEUE, settings, []))
    assert_refused(service, refused, message, lambda: service.update_queue(START, QUEUE, settings, ["http_target"]))


def test_headers_just_below_the_limit_are_accepted() -> None:
    """The names and values of all headers have to be smaller than 80 KB together."""
    given = {"header_overrides": [header("X-One", "1" * (MAX_HEADER_BYTES - 6))]}
    assert stored(service_with({"http_target": given})) == given


def test_settings_are_kept_as_they_were_given() -> None:
    """A host or port that is set to nothing stays told apart from one that isn't set."""
    given = {"uri_override": {"port": 0, "path_override": {}}, "http_method": "GET", "oidc_token": OIDC}
    assert stored(service_with({"http_target": given})) == given
    assert stored(service_with({"http_target": {}})) == {}
    assert stored(service_with()) is None


@pytest.mark.parametrize(
    ("paths", "given", "expected"),
    [
        ([], {}, None),
        ([], {"http_target": {"http_method": "PUT"}}, {"http_method": "PUT"}),
        (["http_target"], {}, None),
        (["http_target"], {"http_target": {"http_method": "PUT"}}, {"http_method": "PUT"}),
        (["http_target.http_method"], {}, {"uri_override": {"host": "q.test", "port": 1}, "oidc_token": OIDC}),
        (
            ["http_target.uri_override.host"],
            {"http_target": {"uri_override": {"host": "other.test", "port": 2}, "http_method": "PUT"}},
            {"uri_override": {"host": "other.test", "port": 1}, "http_method": "GET", "oidc_token": OIDC},
        ),
        (
            ["http_target.uri_override.host", "http_target.uri_override.port"],
            {},
            {"http_method": "GET", "oidc_token": OIDC},
        ),
        (
            ["http_target.oauth_token"],
            {"http_target": {"oauth_token": OAUTH}},
            {"uri_override": {"host": "q.test", "port": 1}, "http_method": "GET", "oauth_token": OAUTH},
        ),
        (
            ["rate_limits", "stackdriver_logging_config.sampling_ratio"],
            {"http_target": {"http_method": "PUT"}},
            {"uri_override": {"host": "q.test", "port": 1}, "http_method": "GET", "oidc_token": OIDC},
        ),
    ],
)
def test_an_update_takes_what_its_mask_names(paths: list[str], given: dict[str, Any], expected: object) -> None:
    """A field that is named and not given is unset, however deep; the tokens exclude each other."""
    before = {"uri_override": {"host": "q.test", "port": 1}, "http_method": "GET", "oidc_token": OIDC}
    service = service_with({"http_target": before})
    service.update_queue(START, QUEUE, given, paths)
    assert stored(service) == expected


def test_a_part_that_is_given_empty_is_set() -> None:
    """An empty path clears the task's, so it is not the same as none."""
    path = "uri_override.path_override.path"
    assert taken({}, {"uri_override": {"path_override": {}}}, path) == {"uri_override": {"path_override": {}}}
    assert taken({"uri_override": {"path_override": {"path": "/a"}}}, {}, path) == {}


@pytest.mark.parametrize("path", ["nonsense", "uri_override.nonsense", "header_overrides.header", "http_method.name"])
def test_a_mask_with_another_path_is_refused(path: str) -> None:
    """A path that is no field is refused, and nothing changes."""
    assert not has_field(path)
    service = service_with()
    message = f"The update mask names http_target.{path}, which is no field of a queue."
    assert_refused(
        service,
        Code.INVALID_ARGUMENT,
        message,
        lambda: service.update_queue(START, QUEUE, {"http_target": {}}, [f"http_target.{path}"]),
    )


# --- the URL -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, URL),
        ({"scheme": "HTTP"}, "http://user@task.test:8443/own?a=1#part"),
        ({"scheme": "HTTPS"}, URL),
        ({"host": "q.test"}, "https://user@q.test:8443/own?a=1#part"),
        ({"port": 123}, "https://user@task.test:123/own?a=1#part"),
        ({"port": 0}, "https://user@task.test/own?a=1#part"),
        ({"path_override": {"path": "/users/1234"}}, "https://user@task.test:8443/users/1234?a=1#part"),
        ({"path_override": {"path": "users"}}, "https://user@task.test:8443/users?a=1#part"),
        ({"path_override": {}}, "https://user@task.test:8443?a=1#part"),
        ({"query_override": {"query_params": "b=2&c=3"}}, "https://user@task.test:8443/own?b=2&c=3#part"),
        ({"query_override": {}}, "https://user@task.test:8443/own#part"),
    ],
)
@pytest.mark.parametrize("mode", [{}, {"uri_override_enforce_mode": "ALWAYS"}])
def test_an_override_replaces_its_part_of_the_url(given: dict[str, Any], mode: dict[str, str], expected: str) -> None:
    """ALWAYS, which is the default, replaces what the task's URL has; nothing given for a part clears it."""
    assert overridden(URL, {**given, **mode}) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, URL),
        (BARE, "https://task.test:123/all?b=2"),
        ("https://task.test/", "https://task.test:123/?b=2"),
        ("https://task.test?a=1", "https://task.test:123/all?a=1"),
        ("https://:80", "https://q.test:80/all?b=2"),
    ],
)
def test_if_not_exists_fills_in_what_the_url_does_not_have(url: str, expected: str) -> None:
    """A part that the task's URL has stays, the scheme always."""
    parts = {"path_override": {"path": "/all"}, "query_override": {"query_params": "b=2"}}
    given = {"scheme": "HTTP", "host": "q.test", "port": 123, **parts, "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    assert overridden(url, given) == expected


def test_a_scheme_that_is_set_to_unspecified_is_https() -> None:
    """The enum's zero means HTTPS where it is set."""
    assert overridden("http://task.test/", {"scheme": "SCHEME_UNSPECIFIED"}) == "https://task.test/"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://[::1]:80/a", "https://q.test:80/a"),
        ("https://[bad/a", "https://q.test/a"),
        ("https://a:b:c/", "https://q.test:b:c/"),
        ("https://task.test/%zz\n?", "https://q.test/%zz\n"),
        ("no URL at all", "no URL at all"),
    ],
)
def test_any_text_may_be_a_url(url: str, expected: str) -> None:
    """What the service accepts for a URL is never an error here."""
    assert overridden(url, {"host": "q.test"}) == expected


# --- what is sent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_method_without_a_body_drops_it(method: str) -> None:
    """The body is not sent by a method that has none."""
    sent = at_execution(HttpTarget(BARE, "POST", (("A", "1"),), b"abc"), {"http_method": method})
    assert (sent.method, sent.body, sent.headers) == (method, b"", (("A", "1"),))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_method_with_a_body_keeps_it(method: str) -> None:
    """The method is the queue's, the body the task's."""
    sent = at_execution(HttpTarget(BARE, "POST", (), b"abc"), {"http_method": method})
    assert (sent.method, sent.body) == (method, b"abc")


@pytest.mark.parametrize("own", [{}, {"oidc": OidcToken("own@p")}, {"oauth": OAuthToken("own@p")}])
def test_a_token_replaces_the_task_s(own: dict[str, Any]) -> None:
    """Either kind takes the place of either; a queue without one leaves the task its own."""
    target = HttpTarget(BARE, **own)
    sent = at_execution(target, {"oidc_token": OIDC})
    assert isinstance(sent, HttpTarget)
    assert (sent.oidc, sent.oauth) == (OidcToken(OIDC["service_account_email"], "https://a.test"), None)
    sent = at_execution(target, {"oauth_token": OAUTH})
    assert isinstance(sent, HttpTarget)
    assert (sent.oidc, sent.oauth) == (None, OAuthToken(OAUTH["service_account_email"], "cloud"))
    sent = at_execution(target, {"http_method": "POST"})
    assert isinstance(sent, HttpTarget)
    assert (sent.oidc, sent.oauth) == (target.oidc, target.oauth)


def test_headers_override_those_of_the_task_in_any_case() -> None:
    """The queue's header takes the place of all of the task's of that name; the others stay."""
    target = HttpTarget(BARE, headers=(("x-one", "own"), ("X-Two", "own")))
    given = {"header_overrides": [header("X-One", "first"), header("X-ONE", "last"), header("X-Three", "new")]}
    sent = at_creation(target, given)
    assert sent.headers == (("X-Two", "own"), ("X-ONE", "last"), ("X-Three", "new"))


@pytest.mark.parametrize("given", [None, {}, {"http_method": "GET"}])
def test_without_headers_a_task_is_created_as_it_is(given: dict[str, str] | None) -> None:
    """Method, URL and token are no matter of creation."""
    target = HttpTarget(BARE, "POST", (("A", "1"),), b"abc")
    assert at_creation(target, given) is target


def test_app_engine_tasks_go_as_they_are() -> None:
    """The overrides are for HTTP requests."""
    target = AppEngineTarget("/work")
    given = {"http_method": "GET", "header_overrides": [header("A", "1")]}
    assert at_execution(target, given) is target
    assert at_creation(target, given) is target


# --- in the service ----------------------------------------------------------------------------------------------


def test_headers_are_those_of_the_creation_and_the_rest_of_the_dispatch() -> None:
    """A changed queue sends waiting tasks elsewhere, with the headers that they were stored with."""
    first = {"header_overrides": [header("X-Queue", "one"), header("Host", "reserved")], "http_method": "PUT"}
    driver = driver_with(settings={"http_target": first})
    task = add(driver)
    assert task.target.headers == (("User-Agent", "Google-Cloud-Tasks"), ("X-Queue", "one"))
    assert task.target.method == "POST"
    second = {"header_overrides": [header("X-Queue", "two")], "uri_override": {"host": "q.test"}}
    driver.service.update_queue(driver.now, QUEUE, {"http_target": second}, [])
    driver.drain()
    sent = task.attempts[0].target
    assert isinstance(sent, HttpTarget)
    assert (sent.url, sent.method) == ("https://q.test/run", "POST")
    assert sent.headers == task.target.headers


def test_an_attempt_keeps_what_it_was_begun_with() -> None:
    """An attempt that RunTask has begun goes where the queue sent it then."""
    service = service_with({"http_target": {"uri_override": {"host": "one.test"}}})
    task = service.create_task(START, QUEUE, TaskSpec(HttpTarget(BARE)))
    service.run_task(START, task.name)
    service.update_queue(START, QUEUE, {}, [])
    sent, after = task.attempts[0].target, service.target_of(task)
    assert isinstance(sent, HttpTarget)
    assert isinstance(after, HttpTarget)
    assert (sent.url, after.url) == ("https://one.test", BARE)


def test_a_task_of_a_deleted_queue_is_sent_as_it_is() -> None:
    """What is left of a task without its queue is the task."""
    service = service_with({"http_target": {"http_method": "GET"}})
    task = service.create_task(START, QUEUE, TaskSpec(HttpTarget(BARE)))
    service.delete_queue(START, QUEUE)
    assert service.target_of(task) is task.target
