"""What a queue changes about the requests of its tasks."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cloudtasks._service.errors import Code, ErrorInfo, ServiceError
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.overrides import (
    CLOUD_PLATFORM,
    buffered_task,
    overridden_target,
    overridden_url,
    with_queue_token,
)
from pytest_cloudtasks._service.request import (
    MAX_HEADER_BYTES,
    AppEngineTarget,
    HttpTarget,
    OAuthToken,
    OidcToken,
    Routing,
)
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import NO_RESPONSE, Attempt, Task, TaskSpec, TaskState, response
from tests.each import each

from .driving import LOCATION, QUEUE, START, add, assert_refused, driver_with, service_with
from .driving import QUEUE as BUFFER_QUEUE
from .driving import service_with as service_buffering

# --- http target ---


URL = "https://user@task.test:8443/own?a=1#part"
BARE = "https://task.test"
GOOGLE = "https://run.googleapis.com/job"
OIDC = {"service_account_email": "sa@p.iam.gserviceaccount.com", "audience": "https://a.test"}
OAUTH = {"service_account_email": "sa@p.iam.gserviceaccount.com", "scope": "cloud"}


def stored(service: Service) -> Any:
    return service.queues[QUEUE].config.http_target


def header(key: str, value: str) -> dict[str, dict[str, str]]:
    return {"header": {"key": key, "value": value}}


# --- settings ----------------------------------------------------------------------------------------------------

HEADERS = (
    "Error in parsing HttpTarget.headers. Header name cannot be empty or start with reserved prefixes. Invalid headers"
    " found: "
)
UNUSABLE = "Error in parsing HttpTarget. "
NO_EMAIL = "Request contains an invalid argument."


def assert_refused_everywhere(given: dict[str, Any], message: str) -> None:
    """A new queue and every update reject it alike, and nothing changes."""
    service, settings, other = service_with(), {"http_target": given}, f"{LOCATION}/queues/other"
    refused = Code.INVALID_ARGUMENT
    assert_refused(service, refused, message, lambda: service.create_queue(START, LOCATION, other, settings))
    for mask in (None, ["http_target"]):
        assert_refused(service, refused, message, lambda mask=mask: service.update_queue(START, QUEUE, settings, mask))


@each("host", ["", "https://q.test", "q.test:80", "q.test/path", ":", "/"])
def test_a_host_is_a_name_alone(host: str) -> None:
    """It has no scheme, port or path, whatever the mask names."""
    given = {"uri_override": {"host": host}}
    assert_refused_everywhere(given, f"{UNUSABLE}Invalid Host.")
    service = service_with()
    for mask in (["rate_limits"], []):
        assert_refused(
            service,
            Code.INVALID_ARGUMENT,
            f"{UNUSABLE}Invalid Host.",
            lambda mask=mask: service.update_queue(START, QUEUE, {"http_target": given}, mask),
        )


def test_an_error_says_in_its_details_what_is_invalid() -> None:
    """They are those of ErrorInfo."""
    with pytest.raises(ServiceError) as caught:
        service_with({"http_target": {"uri_override": {"port": -1}}})
    assert caught.value.details == (
        ErrorInfo(
            "INVALID_INPUT_ON_HTTP_TARGET_OVERRIDE",
            "cloudtasks.googleapis.com",
            (("invalid_field", "Port number should be a positive integer."),),
        ),
    )


@each(
    ("given", "message"),
    [
        ({"uri_override": {"port": -1}}, f"{UNUSABLE}Port number should be a positive integer."),
        ({"uri_override": {}}, f"{UNUSABLE}Invalid uri_override."),
        ({"uri_override": {"scheme": 99}}, UNUSABLE),
        ({"uri_override": {"port": 1, "uri_override_enforce_mode": 99}}, UNUSABLE),
        ({"http_method": 99}, UNUSABLE),
        ({"header_overrides": [header("", "1")]}, HEADERS),
        ({"header_overrides": [header("X:One", "1")]}, f"{HEADERS}X:One"),
        ({"header_overrides": [header("host", "1")]}, f"{HEADERS}host"),
        (
            {"header_overrides": [header("User-Agent", "1"), header("X-One", "1"), header("CONNECTION", "1")]},
            f"{HEADERS}User-Agent, CONNECTION",
        ),
        ({"header_overrides": [header("Content-Length", "1")]}, f"{HEADERS}Content-Length"),
        ({"header_overrides": [header("Transfer-Encoding", "1")]}, f"{HEADERS}Transfer-Encoding"),
        ({"header_overrides": [header("X-Forwarded-For", "1")]}, f"{HEADERS}X-Forwarded-For"),
        ({"header_overrides": [header("X-Google-A", "1")]}, f"{HEADERS}X-Google-A"),
        ({"header_overrides": [header("x-appengine-a", "1")]}, f"{HEADERS}x-appengine-a"),
        ({"header_overrides": [header("X-CloudTasks-A", "1")]}, f"{HEADERS}X-CloudTasks-A"),
        ({"oidc_token": {}}, "service_account_email must be set."),
        ({"oauth_token": {"scope": "cloud"}}, "service_account_email must be set."),
        ({"oidc_token": {"service_account_email": "sa"}}, NO_EMAIL),
        ({"oidc_token": {"service_account_email": "sa@"}}, NO_EMAIL),
        ({"oauth_token": {"service_account_email": "@p"}}, NO_EMAIL),
        ({"oauth_token": {"service_account_email": "sa@p@q"}}, NO_EMAIL),
        (
            {"header_overrides": [header("X-One", "1" * (MAX_HEADER_BYTES - 5))]},
            "HttpTarget.headerOverrides must be smaller than 80 KB in total.",
        ),
    ],
)
def test_an_invalid_target_is_rejected(given: dict[str, Any], message: str) -> None:
    """The texts are recorded, but for the size of headers."""
    assert_refused_everywhere(given, message)


@each(
    "given",
    [
        {},
        {"uri_override": {"port": 0, "path_override": {}, "query_override": {}}},
        {"uri_override": {"scheme": "SCHEME_UNSPECIFIED"}},
        {"uri_override": {"port": 65536}},
        {"uri_override": {"path_override": {"path": "no slash"}, "query_override": {"query_params": "?a"}}},
        {"http_method": "GET", "oidc_token": OIDC},
        {"oidc_token": {"service_account_email": "sa@p"}},
        {"oauth_token": {"service_account_email": "sa@p"}},
        {"oauth_token": {"service_account_email": "sa@p", "scope": "any text"}},
        {"header_overrides": [header("X-One", "a"), header("x-one", ""), header("X-Two", "a\r\nb")]},
        {"header_overrides": [header("Content-Type", "text/plain"), header("Authorization", "Bearer token")]},
        {"header_overrides": [header("X-Goog-A", "a"), header("X-Googles", "b"), header("Hosts", "c")]},
        {"header_overrides": [header("X-One", "1" * (MAX_HEADER_BYTES - 6))]},
    ],
)
def test_a_target_is_kept_as_it_was_set(given: dict[str, Any]) -> None:
    """A part that is set to nothing stays set, and so does a header that is there twice."""
    assert stored(service_with({"http_target": given})) == given


def test_a_queue_without_a_target_has_none() -> None:
    """It differs from one with a target that has nothing in it."""
    assert stored(service_with()) is None


def test_a_header_override_without_a_header_is_dropped() -> None:
    """The others stay; without any, the field is unset."""
    given = [{}, header("X-One", "a"), {}]
    assert stored(service_with({"http_target": {"header_overrides": given}})) == {
        "header_overrides": [header("X-One", "a")]
    }
    assert stored(service_with({"http_target": {"header_overrides": [{}]}})) == {}


BEFORE = {"uri_override": {"host": "q.test", "port": 1}, "http_method": "GET", "oidc_token": OIDC}


@each(
    ("paths", "given", "expected"),
    [
        (None, {}, None),
        (None, {"http_method": "PUT"}, {"http_method": "PUT"}),
        ([], {"http_method": "PUT"}, BEFORE),
        (["http_target"], {"http_method": "PUT"}, {"http_method": "PUT"}),
        (["http_target.http_method"], {}, {key: BEFORE[key] for key in ("uri_override", "oidc_token")}),
        (
            ["http_target.uri_override.host"],
            {"uri_override": {"host": "other.test", "port": 2}, "http_method": "PUT"},
            {**BEFORE, "uri_override": {"host": "other.test", "port": 1}},
        ),
        (["http_target.uri_override.host"], {}, {**BEFORE, "uri_override": {"port": 1}}),
        (
            ["http_target.uri_override.path_override.path"],
            {"uri_override": {"path_override": {}}},
            {**BEFORE, "uri_override": {"host": "q.test", "port": 1, "path_override": {}}},
        ),
        (["http_target.uri_override.path_override.path"], {"uri_override": {"port": 2}}, BEFORE),
        (
            ["http_target.oauth_token"],
            {"oauth_token": OAUTH},
            {"uri_override": BEFORE["uri_override"], "http_method": "GET", "oauth_token": OAUTH},
        ),
        (
            ["http_target.oidc_token"],
            {"oauth_token": OAUTH},
            {"uri_override": BEFORE["uri_override"], "http_method": "GET"},
        ),
        (
            ["http_target.oidc_token.audience"],
            {"oauth_token": OAUTH},
            {**BEFORE, "oidc_token": {"service_account_email": OIDC["service_account_email"]}},
        ),
        (
            ["http_target.oauth_token.scope"],
            {"oauth_token": OAUTH},
            {"uri_override": BEFORE["uri_override"], "http_method": "GET", "oauth_token": {"scope": "cloud"}},
        ),
        (["rate_limits", "stackdriver_logging_config.sampling_ratio"], {"http_method": "PUT"}, BEFORE),
    ],
)
def test_an_update_takes_what_its_mask_names(paths: list[str] | None, given: dict[str, Any], expected: object) -> None:
    """A field that is named and not given is unset, however deep; the tokens exclude each other."""
    service = service_with({"http_target": BEFORE})
    service.update_queue(START, QUEUE, {"http_target": given} if given else {}, paths)
    assert stored(service) == expected


def test_a_mask_may_not_leave_a_uri_override_with_nothing_in_it() -> None:
    """The result is checked, for a queue with a target and for one without."""
    for before, given, paths in (
        ({"http_target": BEFORE}, {}, ["http_target.uri_override.host", "http_target.uri_override.port"]),
        ({}, {"http_target": {"uri_override": {"port": 1}}}, ["http_target.uri_override.host"]),
    ):
        service = service_with(before)
        assert_refused(
            service,
            Code.INVALID_ARGUMENT,
            f"{UNUSABLE}Invalid uri_override.",
            lambda service=service, given=given, paths=paths: service.update_queue(START, QUEUE, given, paths),
        )


def test_a_path_below_a_missing_message_creates_none() -> None:
    """A target in the request or the queue is kept; a token that neither has isn't created."""
    service = service_with()
    service.update_queue(
        START, QUEUE, {"http_target": {"oauth_token": OAUTH}}, ["http_target.oidc_token.service_account_email"]
    )
    assert stored(service) == {}


# --- the URL -----------------------------------------------------------------------------------------------------


@each(
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
@each("mode", [{}, {"uri_override_enforce_mode": "ALWAYS"}])
def test_an_override_replaces_its_part_of_the_url(given: dict[str, Any], mode: dict[str, str], expected: str) -> None:
    """ALWAYS, which is the default, replaces what the task's URL has; nothing given for a part clears it."""
    assert overridden_url(URL, {**given, **mode}) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, URL),
        (BARE, "https://task.test:123/all?b=2"),
        ("https://task.test/", "https://task.test:123/"),
        ("https://task.test?a=1", "https://task.test:123/all?a=1"),
        ("https://:80", "https://q.test:80/all?b=2"),
    ],
)
def test_if_not_exists_fills_in_what_the_url_does_not_have(url: str, expected: str) -> None:
    """A part that the task's URL has stays, the scheme always."""
    parts = {"path_override": {"path": "/all"}, "query_override": {"query_params": "b=2"}}
    given = {"scheme": "HTTP", "host": "q.test", "port": 123, **parts, "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    assert overridden_url(url, given) == expected


def test_a_scheme_that_is_set_to_unspecified_is_https() -> None:
    """The enum's zero means HTTPS where it is set."""
    assert overridden_url("http://task.test/", {"scheme": "SCHEME_UNSPECIFIED"}) == "https://task.test/"


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
    assert overridden_url(url, {"host": "q.test"}) == expected


# --- what is sent ------------------------------------------------------------------------------------------------


@each(
    ("method", "can_be_sent"),
    [("GET", False), ("HEAD", False), ("DELETE", False), ("OPTIONS", False), ("POST", True), ("PATCH", True)],
)
def test_a_method_without_a_body_can_not_send_one(method: str, can_be_sent: bool) -> None:
    """The method is the queue's, the body stays the task's."""
    sent = overridden_target(HttpTarget(BARE, "POST", (("A", "1"),), b"abc"), {"http_method": method})
    assert (sent.method, sent.body, sent.headers, sent.can_be_sent) == (method, b"abc", (("A", "1"),), can_be_sent)
    assert overridden_target(HttpTarget(BARE), {"http_method": method}).can_be_sent


def test_an_attempt_that_can_not_be_sent_fails_without_a_response() -> None:
    """It is not delivered, and it is retried; RunTask makes no difference."""
    seen: list[str] = []

    def handler(attempt: Any) -> Any:
        seen.append(attempt.target.method)
        return response(200), 0

    settings = {"http_target": {"http_method": "GET"}, "retry_config": {"max_attempts": 3}}
    driver = driver_with(handler, settings)
    with_body = driver.service.create_task(START, QUEUE, TaskSpec(HttpTarget(BARE, body=b"abc")))
    driver.service.run_task(START, with_body.name)
    driver.drain()
    assert [attempt.outcome for attempt in with_body.attempts] == [NO_RESPONSE] * 3
    assert NO_RESPONSE.message == "UNKNOWN(2): HTTP status code 0"
    assert (with_body.response_count, with_body.state) == (0, TaskState.EXHAUSTED)
    add(driver)
    driver.drain()
    assert seen == ["GET"]


@each("own", [{}, {"oidc": OidcToken("own@p")}, {"oauth": OAuthToken("own@p")}])
@each("apply", [with_queue_token, overridden_target])
def test_a_token_replaces_the_task_s(apply: Any, own: dict[str, Any]) -> None:
    """Either kind replaces either, when a task is created and when it is dispatched."""
    target = HttpTarget(GOOGLE, **own)
    sent = apply(target, {"oidc_token": OIDC})
    assert (sent.oidc, sent.oauth) == (OidcToken(OIDC["service_account_email"], "https://a.test"), None)
    sent = apply(target, {"oauth_token": OAUTH})
    assert (sent.oidc, sent.oauth) == (None, OAuthToken(OAUTH["service_account_email"], "cloud"))


@pytest.mark.parametrize("apply", [with_queue_token, overridden_target])
def test_an_empty_audience_is_the_task_s_own_url_and_an_empty_scope_all_of_google_cloud(apply: Any) -> None:
    """The URL is that of the task, with its query, and not the overridden one."""
    account = {"service_account_email": "sa@p"}
    given = {"oidc_token": account, "uri_override": {"host": "q.test"}}
    assert apply(HttpTarget(f"{BARE}/a?b=1"), given).token == OidcToken("sa@p", f"{BARE}/a?b=1")
    assert apply(HttpTarget(GOOGLE), {"oauth_token": account}).token == OAuthToken("sa@p", CLOUD_PLATFORM)


def test_a_task_s_own_token_is_completed_when_it_is_created() -> None:
    """A queue without a token leaves the task its own."""
    for given in (None, {}, {"http_method": "GET"}):
        for target, token in (
            (HttpTarget(f"{BARE}/a?b=1", oidc=OidcToken("sa@p")), OidcToken("sa@p", f"{BARE}/a?b=1")),
            (HttpTarget(BARE, oidc=OidcToken("sa@p", "any text")), OidcToken("sa@p", "any text")),
            (HttpTarget(GOOGLE, oauth=OAuthToken("sa@p")), OAuthToken("sa@p", CLOUD_PLATFORM)),
            (HttpTarget(GOOGLE, oauth=OAuthToken("sa@p", "any text")), OAuthToken("sa@p", "any text")),
        ):
            created = with_queue_token(target, given)
            assert isinstance(created, HttpTarget)
            assert created.token == token


NEEDS_HTTPS = "HttpRequest.url must start with 'https://' for request with HttpRequest.authorization_header"
NEEDS_GOOGLE = 'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"'
OAUTH_TARGET = {"oauth_token": OAUTH}


@each(
    ("url", "own", "given", "message"),
    [
        ("http://task.test/", {"oidc": OidcToken("sa@p")}, {}, NEEDS_HTTPS),
        ("http://run.googleapis.com/", {}, OAUTH_TARGET, NEEDS_HTTPS),
        ("https://task.test/", {"oauth": OAuthToken("sa@p")}, {}, NEEDS_GOOGLE),
        ("https://task.test/", {"oidc": OidcToken("sa@p")}, OAUTH_TARGET, NEEDS_GOOGLE),
        ("https://googleapis.com/", {}, OAUTH_TARGET, NEEDS_GOOGLE),
        ("https://rungoogleapis.com/", {}, OAUTH_TARGET, NEEDS_GOOGLE),
        ("https://run.googleapis.com.test/", {}, OAUTH_TARGET, NEEDS_GOOGLE),
        ("https://task.test/.googleapis.com", {}, OAUTH_TARGET, NEEDS_GOOGLE),
        ("https://run.googleapis.com", {}, OAUTH_TARGET, ""),
        ("https://a.run.googleapis.com:443/?b", {}, OAUTH_TARGET, ""),
        ("https://task.test/", {"oauth": OAuthToken("sa@p")}, {"oidc_token": OIDC}, ""),
        ("https://task.test/", {"oidc": OidcToken("sa")}, {"oidc_token": OIDC}, NO_EMAIL),
        ("https://task.test/", {"oauth": OAuthToken("")}, {"oidc_token": OIDC}, "service_account_email must be set."),
    ],
)
def test_the_url_of_a_task_has_to_go_with_the_token_that_it_gets(
    url: str, own: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    """Even a token that the queue's replaces needs a valid e-mail address."""
    service = service_with({"http_target": {**given, "uri_override": {"host": "run.googleapis.com"}}})

    def create() -> object:
        return service.create_task(START, QUEUE, TaskSpec(HttpTarget(url, **own)))

    if message:
        assert_refused(service, Code.INVALID_ARGUMENT, message, create)
    else:
        create()


def test_headers_override_those_of_the_task_in_any_case() -> None:
    """The queue's header replaces all of the task's with that name; the others stay."""
    target = HttpTarget(BARE, headers=(("x-one", "own"), ("X-Two", "own")))
    given = {"header_overrides": [header("X-One", "first"), header("X-ONE", "last"), header("X-Three", "new")]}
    sent = overridden_target(target, given)
    assert sent.headers == (("X-Two", "own"), ("X-ONE", "last"), ("X-Three", "new"))


@each(
    ("override", "sent"),
    [
        (header("X-One", "a\r\nb"), (("X-One", "a__b"),)),
        (header("X-One", "a\0b"), (("X-One", "a"),)),
        (header("X-One", "a\tb c"), (("X-One", "a\tb c"),)),
        (header("X-One", ""), ()),
        (header("X-One", "ü"), ()),
        (header("X One", "a"), (("X-One", "own"),)),
        (header("Via", "a"), (("X-One", "own"),)),
        (header("Authorization", "Bearer token"), (("X-One", "own"), ("Authorization", "Bearer token"))),
    ],
)
def test_overriding_headers_are_cleaned_when_they_are_sent(
    override: dict[str, dict[str, str]], sent: tuple[tuple[str, str], ...]
) -> None:
    """The queue stores them unchanged, and the worker gets them cleaned like a task's own headers."""
    given = {"header_overrides": [override]}
    assert stored(service_with({"http_target": given})) == given
    assert overridden_target(HttpTarget(BARE, headers=(("X-One", "own"),)), given).headers == sent


@pytest.mark.parametrize("given", [None, {}, {"http_method": "GET", "header_overrides": [header("A", "2")]}])
def test_without_a_token_a_task_is_created_as_it_is(given: dict[str, str] | None) -> None:
    """Method, URL and headers don't matter at creation."""
    target = HttpTarget(BARE, "POST", (("A", "1"),), b"abc")
    assert with_queue_token(target, given) is target


def test_app_engine_tasks_go_as_they_are() -> None:
    """The overrides apply to HTTP requests only."""
    target = AppEngineTarget("/work")
    given = {"http_method": "GET", "header_overrides": [header("A", "1")]}
    assert overridden_target(target, given) is target
    assert with_queue_token(target, given) is target


# --- in the service ----------------------------------------------------------------------------------------------


def test_a_changed_target_reaches_tasks_that_wait() -> None:
    """All of it, the token included; the stored task stays as it was created."""
    first = {"header_overrides": [header("X-Queue", "one")], "http_method": "PUT", "oidc_token": OIDC}
    driver = driver_with(settings={"http_target": first})
    target = HttpTarget(f"{BARE}/run", headers=(("Authorization", "Bearer token"),))
    task = driver.service.create_task(START, QUEUE, TaskSpec(target))
    assert isinstance(task.target, HttpTarget)
    assert task.target.headers == (("Authorization", "Bearer token"), ("User-Agent", "Google-Cloud-Tasks"))
    assert (task.target.method, task.target.token) == (
        "POST",
        OidcToken(OIDC["service_account_email"], "https://a.test"),
    )
    second = {
        "header_overrides": [header("X-Queue", "two")],
        "uri_override": {"host": "q.test"},
        "oidc_token": {"service_account_email": "other@p"},
    }
    driver.service.update_queue(driver.now, QUEUE, {"http_target": second})
    driver.drain()
    sent = task.attempts[0].target
    assert isinstance(sent, HttpTarget)
    assert (sent.url, sent.method) == ("https://q.test/run", "POST")
    assert sent.headers == (*task.target.headers, ("X-Queue", "two"))
    assert sent.token == OidcToken("other@p", f"{BARE}/run")


def test_a_task_keeps_the_token_of_a_queue_that_has_none_any_more() -> None:
    """It was stored with the task."""
    driver = driver_with(settings={"http_target": {"oidc_token": OIDC}})
    task = driver.service.create_task(START, QUEUE, TaskSpec(HttpTarget(BARE)))
    driver.service.update_queue(driver.now, QUEUE, {})
    driver.drain()
    sent = task.attempts[0].target
    assert isinstance(sent, HttpTarget)
    assert sent.token == OidcToken(OIDC["service_account_email"], "https://a.test")


def test_an_attempt_keeps_what_it_was_begun_with() -> None:
    """An attempt of RunTask keeps the overrides of its beginning."""
    service = service_with({"http_target": {"uri_override": {"host": "one.test"}}})
    task = service.create_task(START, QUEUE, TaskSpec(HttpTarget(BARE)))
    service.run_task(START, task.name)
    service.update_queue(START, QUEUE, {})
    sent, after = task.attempts[0].target, service.target_of(task)
    assert isinstance(sent, HttpTarget)
    assert isinstance(after, HttpTarget)
    assert (sent.url, after.url) == ("https://one.test", BARE)


def test_a_task_of_a_deleted_queue_is_sent_as_it_is() -> None:
    """Without its queue, a task is sent without overrides."""
    service = service_with({"http_target": {"http_method": "GET"}})
    task = service.create_task(START, QUEUE, TaskSpec(HttpTarget(BARE)))
    service.delete_queue(START, QUEUE)
    assert service.target_of(task) is task.target


# --- app engine ---


NOW = 1_900_000_000 * 10**9
PARENT = "projects/p/locations/l"
ROUTED_QUEUE = f"{PARENT}/queues/work"
OVERRIDE = "app_engine_routing_override"


def service_overriding(override: dict[str, str] | None = None, options: ServiceOptions | None = None) -> Service:
    service = Service(lambda: "01", options)
    service.create_queue(NOW, PARENT, ROUTED_QUEUE, {} if override is None else {OVERRIDE: override})
    return service


def add_routed(service: Service, routing: Routing | None = None) -> Task:
    return service.create_task(
        NOW, ROUTED_QUEUE, TaskSpec(AppEngineTarget("/work", "PUT", (("X", "y"),), b"abc", routing))
    )


def sent_by(service: Service, task: Task) -> Routing | None:
    """Where the next attempt goes."""
    attempt: Attempt = service.begin(NOW, task, forced=True)
    assert isinstance(attempt.target, AppEngineTarget)
    return attempt.target.routing


@pytest.mark.parametrize(
    ("override", "stored"),
    [
        ({"service": "api"}, {"service": "api", "host": "api.p.uc.r.appspot.com"}),
        ({"service": "api", "version": "v2", "instance": "0"}, None),
        ({"version": "v2", "host": "evil.test"}, {"version": "v2", "host": "v2.p.uc.r.appspot.com"}),
        ({"host": "evil.test"}, {}),
        ({}, {}),
    ],
)
def test_a_queues_override_has_its_host(override: dict[str, str], stored: dict[str, str] | None) -> None:
    """The service sets the host, whatever the caller says; an empty override has none."""
    if stored is None:
        stored = {**override, "host": "0.v2.api.p.uc.r.appspot.com"}
    assert service_overriding(override).queues[ROUTED_QUEUE].config.other[OVERRIDE] == stored


def test_the_host_follows_the_service_option() -> None:
    """The queue's host as well as a task's."""
    service = service_overriding({"service": "api"}, ServiceOptions(app_engine_host_suffix="appspot.com"))
    assert service.queues[ROUTED_QUEUE].config.other[OVERRIDE]["host"] == "api.p.appspot.com"


def test_the_override_at_the_dispatch_wins() -> None:
    """A waiting task uses the queue's current override; everything else of it stays."""
    service = service_overriding()
    task = add_routed(service, Routing("own", "v1"))
    assert sent_by(service, task) == Routing("own", "v1", host="v1.own.p.uc.r.appspot.com")
    service.update_queue(NOW, ROUTED_QUEUE, {OVERRIDE: {"service": "fixed"}}, [OVERRIDE])
    fixed = Routing("fixed", host="fixed.p.uc.r.appspot.com")
    assert sent_by(service, task) == fixed
    sent = service.target_of(task)
    assert isinstance(sent, AppEngineTarget)
    assert (sent.relative_uri, sent.method, sent.body) == ("/work", "PUT", b"abc")
    assert sent.headers == task.target.headers
    assert isinstance(task.target, AppEngineTarget)
    assert task.target.routing == Routing("own", "v1", host="v1.own.p.uc.r.appspot.com")
    service.update_queue(NOW, ROUTED_QUEUE, {OVERRIDE: {"service": "other"}}, [f"{OVERRIDE}.service"])
    assert sent_by(service, task) == Routing("other", host="other.p.uc.r.appspot.com")


@pytest.mark.parametrize("settings", [{}, {OVERRIDE: {}}], ids=["unset", "empty"])
def test_without_an_override_the_task_keeps_what_it_has(settings: dict[str, Any]) -> None:
    """It has its own routing, or the override at its creation."""
    service = service_overriding({"service": "fixed"})
    task = add_routed(service, Routing("own"))
    service.update_queue(NOW, ROUTED_QUEUE, settings, [OVERRIDE])
    assert sent_by(service, task) == Routing("fixed", host="fixed.p.uc.r.appspot.com")
    assert sent_by(service, add_another(service)) == Routing("own", host="own.p.uc.r.appspot.com")


def add_another(service: Service) -> Task:
    spec = TaskSpec(AppEngineTarget(routing=Routing("own")), name=f"{ROUTED_QUEUE}/tasks/another")
    return service.create_task(NOW, ROUTED_QUEUE, spec)


def test_an_attempt_keeps_where_it_went() -> None:
    """A change of the queue applies to later attempts."""
    service = service_overriding({"service": "one"})
    attempt = service.begin(NOW, add_routed(service), forced=True)
    service.update_queue(NOW, ROUTED_QUEUE, {OVERRIDE: {"service": "two"}}, [OVERRIDE])
    assert isinstance(attempt.target, AppEngineTarget)
    assert attempt.target.routing == Routing("one", host="one.p.uc.r.appspot.com")


def test_http_tasks_are_not_routed() -> None:
    """The override does not apply to them."""
    service = service_overriding({"service": "one"})
    task = service.create_task(NOW, ROUTED_QUEUE, TaskSpec(HttpTarget("https://app.test/")))
    assert service.begin(NOW, task, forced=True).target is task.target


# --- buffering ---


HOST = {"uri_override": {"host": "worker.test"}}


def buffered(http_target: dict[str, Any], task_id: str = "", content_type: str = "") -> tuple[HttpTarget, str]:
    queue = service_buffering({"http_target": http_target}).queues[BUFFER_QUEUE]
    spec = buffered_task(queue, task_id, b"[1]", content_type)
    assert isinstance(spec.target, HttpTarget)
    return spec.target, spec.name


def test_the_body_is_posted_as_json_to_the_queue_s_host() -> None:
    """Without more than a host, everything else has CreateTask's defaults, and the task has no name."""
    target, name = buffered(HOST)
    assert (target.url, target.method, target.body) == ("https://worker.test/", "POST", b"[1]")
    assert target.headers == (("Content-Type", "application/json"),)
    assert (target.oidc, target.oauth, name) == (None, None, "")


def test_the_task_s_id_and_the_content_type_are_the_caller_s() -> None:
    """The ID makes the full name, and the type of the body is what its sender says."""
    target, name = buffered(HOST, "t", "text/plain")
    assert target.headers == (("Content-Type", "text/plain"),)
    assert name == f"{BUFFER_QUEUE}/tasks/t"


def test_the_whole_override_of_the_uri_is_used() -> None:
    """Even in the mode for missing parts, because a buffered task has no URL of its own."""
    given = {"host": "worker.test", "path_override": {"path": "/run"}, "uri_override_enforce_mode": "IF_NOT_EXISTS"}
    assert buffered({"uri_override": given})[0].url == "https://worker.test/run"


@pytest.mark.parametrize(("method", "sent"), [("PUT", "PUT"), ("PATCH", "PATCH"), ("GET", "POST"), ("DELETE", "POST")])
def test_a_method_that_has_a_body_is_the_queue_s(method: str, sent: str) -> None:
    """A method without a body is applied at the dispatch and drops the body; until then the task has a valid method."""
    assert buffered({**HOST, "http_method": method})[0].method == sent


@pytest.mark.parametrize("http_target", [{}, {"http_method": "PUT"}, {"uri_override": {"port": 8080}}])
def test_a_queue_without_a_host_takes_no_bodies(http_target: dict[str, Any]) -> None:
    """There is no destination, and nothing changes."""
    service = service_buffering({"http_target": http_target})
    assert_refused(
        service,
        Code.FAILED_PRECONDITION,
        "The queue has no HTTP target with a host, which BufferTask needs. Set HttpTarget.uriOverride.host of the"
        " queue.",
        lambda: buffered_task(service.queues[BUFFER_QUEUE], "", b"", ""),
    )
