"""Tests that web pages of other sites can't use a server on the developer's machine, in any way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from pytest_cloudtasks._messages.rest_http import RestError, RestRequest
from pytest_cloudtasks._server.host_names import allowed_host, host_name
from pytest_cloudtasks._server.request_guard import Area, RequestGuard
from tests.each import each
from tests.patience import PATIENCE

from .clients import QUEUE
from .rest import error, sent

pytestmark = pytest.mark.cloud_tasks(queues=["default"])
PATH = f"/v2/{QUEUE}/tasks"
TASK = json.dumps({"task": {"httpRequest": {"url": "https://a.test/"}}}).encode()
GUARD = RequestGuard({"tasks", "192.168.1.20", "fd00::1", "xn--bcher-kva.test"}, how_to_allow="--allow-host {}")
FROM_A_PROGRAM = "Only this server's own pages may send requests to it. Send the request from a program that is not a"


def not_allowed(host: str, name: str) -> str:
    return (
        f"The request's Host is {host!r}, and this server answers no requests for that name: a web page could have sent"
        f" it. If the name is yours, allow it with --allow-host {name}."
    )


def no_host(host: str) -> str:
    return f"The request's Host is {host!r}, which is not a host name or address. Send one such as `Host: 127.0.0.1`."


def wildcard(host: str) -> str:
    return (
        f"The request's Host is {host!r}, which is an address to listen on. Call 127.0.0.1 or another address of the"
        " machine instead."
    )


def foreign(origin: str) -> str:
    return f"The request was sent by a web page of the origin {origin!r}. {FROM_A_PROGRAM} browser."


def cross_site(site: str) -> str:
    return (
        f"The request was sent by a web page of another origin (Sec-Fetch-Site is {site!r}). {FROM_A_PROGRAM} browser,"
        " or type its address into the browser."
    )


def checked(*headers: tuple[str, str], target: str = PATH, needs_host: bool = True) -> tuple[int, str] | None:
    """Return status and text of the error for a request; None if it is accepted."""
    try:
        GUARD.check_sender(RestRequest("POST", target, headers, b""), needs_host=needs_host)
    except RestError as rejected:
        return rejected.code, rejected.message
    return None


@each(
    "host",
    [
        "localhost",
        "localhost:9090",
        "LocalHost.:9090",
        "127.0.0.1",
        "127.0.0.1.:80",
        "127.9.9.9:9090",
        "127.1:9090",
        "0x7f000001",
        "[::1]",
        "[::1]:9090",
        "[0:0:0:0:0:0:0:1]:9090",
        "[::ffff:127.0.0.1]:9090",
        "tasks",
        "TASKS.:9090",
        "192.168.1.20:1",
        "[FD00:0::1]:9090",
        "[fd00::1%25eth0]:9090",
        "xn--bcher-kva.test",
        "localhost:",
    ],
)
def test_hosts_that_are_answered(host: str) -> None:
    """Loopback names and allowed hosts are accepted, with any port and in any spelling."""
    assert checked(("Host", host)) is None


@each(
    ("host", "rejection"),
    [
        ("evil.test", (403, not_allowed("evil.test", "evil.test"))),
        ("Evil.Test.:9090", (403, not_allowed("Evil.Test.:9090", "evil.test"))),
        ("localhost.evil.test", (403, not_allowed("localhost.evil.test", "localhost.evil.test"))),
        ("127.0.0.1.evil.test", (403, not_allowed("127.0.0.1.evil.test", "127.0.0.1.evil.test"))),
        ("localhost%00.evil.test", (403, not_allowed("localhost%00.evil.test", "localhost%00.evil.test"))),
        ("127.0.0.1%evil.test", (403, not_allowed("127.0.0.1%evil.test", "127.0.0.1%evil.test"))),
        ("tasks.evil.test", (403, not_allowed("tasks.evil.test", "tasks.evil.test"))),
        ("192.168.1.21", (403, not_allowed("192.168.1.21", "192.168.1.21"))),
        ("[fd00:0::2]:9090", (403, not_allowed("[fd00:0::2]:9090", "fd00::2"))),
        ("0.0.0.0:9090", (403, wildcard("0.0.0.0:9090"))),
        ("0:9090", (403, wildcard("0:9090"))),
        ("128.1", (403, not_allowed("128.1", "128.0.0.1"))),
        ("127.0.0.1.5", (403, not_allowed("127.0.0.1.5", "127.0.0.1.5"))),
        ("[::]:9090", (403, wildcard("[::]:9090"))),
        ("[0::0]", (403, wildcard("[0::0]"))),
        ("[::ffff:0.0.0.0]", (403, wildcard("[::ffff:0.0.0.0]"))),
        ("", (400, no_host(""))),
        ("localhost:x", (400, no_host("localhost:x"))),
        ("localhost:80:80", (400, no_host("localhost:80:80"))),
        ("evil.test@localhost", (400, no_host("evil.test@localhost"))),
        ("evil.test, localhost", (400, no_host("evil.test, localhost"))),
        ("evil.test#localhost", (400, no_host("evil.test#localhost"))),
        ("::1", (400, no_host("::1"))),
        ("[::1", (400, no_host("[::1"))),
        ("[localhost]", (400, no_host("[localhost]"))),
        ("a" * 200, (400, no_host("a" * 100 + "…"))),
    ],
)
def test_hosts_that_are_rejected(host: str, rejection: tuple[int, str]) -> None:
    """A page that uses DNS rebinding sends its own host name; the error says how to allow a name."""
    assert checked(("Host", host)) == rejection


def test_a_browser_always_sends_one_host() -> None:
    """Several Host headers are rejected, and so is none unless the request's version of HTTP allows it."""
    assert checked(("Host", "localhost"), ("host", "evil.test")) == (
        400,
        "The request has 2 Host headers. Send one.",
    )
    assert checked() == (400, "The request has no Host header. Send one, such as `Host: 127.0.0.1`.")
    assert checked(needs_host=False) is None


def test_a_whole_url_names_a_host_as_well() -> None:
    """In such a request line the URL's host would count, so both hosts have to be allowed."""
    host = ("Host", "localhost")
    assert checked(host, target=f"http://localhost:9090{PATH}") is None
    assert checked(host, target=f"http://evil.test{PATH}") == (403, not_allowed("evil.test", "evil.test"))


@each(
    ("host", "origin"),
    [
        ("localhost:9090", "http://localhost:9090"),
        ("LOCALHOST:9090", "http://localhost.:9090"),
        ("localhost", "http://localhost"),
        ("localhost", "http://localhost:80"),
        ("localhost:80", "http://localhost"),
        ("tasks", "https://tasks"),
        ("tasks:443", "https://tasks"),
        ("[::1]:9090", "http://[::1]:9090"),
        ("[::1]", "http://[0::1]"),
    ],
)
def test_origins_that_are_answered(host: str, origin: str) -> None:
    """A page of this server has its host and port; a proxy in between may have added TLS."""
    assert checked(("Host", host), ("Origin", origin)) is None


@each(
    ("host", "origin"),
    [
        ("localhost:9090", "https://evil.test"),
        ("localhost:9090", "null"),
        ("localhost:9090", ""),
        ("localhost:9090", "http://localhost:3000"),
        ("localhost:9090", "http://localhost"),
        ("localhost:9090", "http://127.0.0.1:9090"),
        ("localhost:9090", "http://localhost:9090/"),
        ("localhost:9090", "http://localhost:9090.evil.test"),
        ("localhost:9090", "http://evil.test@localhost:9090"),
        ("localhost:9090", "file://"),
        ("localhost:9090", "chrome-extension://localhost:9090"),
        ("tasks", "http://tasks:443"),
        ("[::1]:9090", "http://[::1]"),
    ],
)
def test_origins_that_are_rejected(host: str, origin: str) -> None:
    """Another port of this machine is another origin, and a page in a sandbox has the origin null."""
    assert checked(("Host", host), ("Origin", origin)) == (403, foreign(origin))


def test_an_origin_without_a_host_is_rejected() -> None:
    """It can't be equal to the request's host; if there are several origins, each has to be."""
    own, other = ("Origin", "http://localhost"), ("Origin", "http://evil.test")
    assert checked(own, needs_host=False) == (403, foreign("http://localhost"))
    assert checked(("Host", "localhost"), own, other) == (403, foreign("http://evil.test"))


@each(
    ("site", "rejection"),
    [
        ("same-origin", None),
        ("none", None),
        ("same-site", (403, cross_site("same-site"))),
        ("cross-site", (403, cross_site("cross-site"))),
        ("Cross-Site", (403, cross_site("Cross-Site"))),
        ("", (403, cross_site(""))),
    ],
)
def test_what_a_browser_says_of_the_site(site: str, rejection: tuple[int, str] | None) -> None:
    """An image or link on another page has no Origin header; for a typed address the site is none."""
    assert checked(("Host", "localhost"), ("Sec-Fetch-Site", site)) == rejection


@pytest.mark.parametrize(
    ("given", "name"),
    [("Tasks.", "tasks"), ("my_service", "my_service"), ("[::1]", "::1"), ("FE80::1%eth0", "fe80::1")],
)
def test_a_host_may_be_written_in_many_ways(given: str, name: str) -> None:
    """All spellings of a host are equal after normalization."""
    assert allowed_host(given, "--allow-host") == host_name(given) == name
    assert allowed_host("Bücher.test", "--allow-host") == "xn--bcher-kva.test"


@each("given", ["", ".", "*", "*.test", "http://tasks", "tasks:9090", "tasks/", "a b", "a..b", None])
def test_an_invalid_host_is_not_allowed(given: Any) -> None:
    """Schemes, ports and patterns are invalid."""
    with pytest.raises(ValueError, match=r".") as raised:
        allowed_host(given, "--allow-host")
    assert str(raised.value) == (
        "--allow-host takes a host name or an address without scheme and port, such as tasks or 192.168.1.20, but got"
        f" {given!r}."
    )


@pytest.mark.parametrize("given", ["0.0.0.0", "::", "[::]", "0:0::0", "::ffff:0.0.0.0"])
def test_an_address_to_listen_on_is_not_allowed(given: str) -> None:
    """A browser could send requests to this machine with it."""
    with pytest.raises(ValueError, match=r".") as raised:
        allowed_host(given, "--allow-host")
    assert str(raised.value) == (
        f"--allow-host takes the name or address by which clients call the server, and {given} is an address to listen"
        " on. Pass the name instead, such as tasks or 192.168.1.20."
    )


# --- over a connection -------------------------------------------------------------------------------------------


def asked(
    server: CloudTasksServer, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, Any]:
    """Return the status of the answer and its JSON, or its text."""
    answer = requests.request(method, f"{server.rest_url}{path}", data=body, headers=headers, timeout=PATIENCE)
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, answer.text


def not_json(has: str) -> dict[str, Any]:
    return error(
        400,
        "INVALID_ARGUMENT",
        f"The request's body has {has}. This server takes a body only as JSON, because every web page can make a"
        " browser send other types. Send JSON with the header"
        " `Content-Type: application/json`, or send no body.",
    )


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"Origin": "https://evil.test"}, (403, error(403, "PERMISSION_DENIED", foreign("https://evil.test")))),
        ({"Origin": "null"}, (403, error(403, "PERMISSION_DENIED", foreign("null")))),
        ({"Sec-Fetch-Site": "cross-site"}, (403, error(403, "PERMISSION_DENIED", cross_site("cross-site")))),
        ({"Content-Type": "text/plain"}, (400, not_json("the Content-Type 'text/plain'"))),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            (400, not_json("the Content-Type 'application/x-www-form-urlencoded'")),
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=a"},
            (400, not_json("the Content-Type 'multipart/form-data; boundary=a'")),
        ),
        (
            {"Content-Type": "text/plain; a=application/json"},
            (400, not_json("the Content-Type 'text/plain; a=application/json'")),
        ),
        ({}, (400, not_json("no Content-Type"))),
    ],
)
def test_a_page_creates_no_task(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, headers: dict[str, str], answer: tuple[int, Any]
) -> None:
    """Every request that a page can send without permission is rejected, and no call is made."""
    json_type = {"Content-Type": "application/json"} if headers.keys() & {"Origin", "Sec-Fetch-Site"} else {}
    assert asked(cloud_tasks_server, "POST", PATH, {**json_type, **headers}, TASK) == answer
    cloud_tasks.assert_nothing_enqueued()
    assert cloud_tasks.rpcs == []


def test_a_page_gets_no_permission(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """A browser asks for permission before it sends JSON, a DELETE, or a header such as X-HTTP-Method-Override."""
    headers = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    expected = error(403, "PERMISSION_DENIED", foreign("https://evil.test"))
    answer = requests.options(f"{cloud_tasks_server.rest_url}{PATH}", headers=headers, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (403, expected)
    assert [name for name in answer.headers if name.startswith("Access-Control-")] == []


def test_a_rebound_name_reads_nothing(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The error names the method that allows the name."""
    status, body = asked(cloud_tasks_server, "GET", f"/v2/{QUEUE}", {"Host": "evil.test"})
    assert (status, body) == (
        403,
        error(
            403,
            "PERMISSION_DENIED",
            "The request's Host is 'evil.test', and this server answers no requests for that name: a web page could"
            " have sent it. If the name is yours, allow it with allow_host('evil.test') of the CloudTasksServer.",
        ),
    )
    assert cloud_tasks.rpcs == []


def test_a_host_can_be_allowed() -> None:
    """This works while the server runs, too; an invalid name raises an error."""
    with FakeCloudTasks(queues=["default"]) as cloud_tasks, CloudTasksServer(cloud_tasks) as server:
        queue = cloud_tasks.queue_path("default")
        headers = {"Host": "host.docker.internal:9090"}
        assert asked(server, "GET", f"/v2/{queue}", headers)[0] == 403
        server.allow_host("host.docker.internal")
        assert asked(server, "GET", f"/v2/{queue}", headers)[0] == 200
        with pytest.raises(ValueError, match=r"^allow_host\(\) takes the name or address by which clients call"):
            server.allow_host("0.0.0.0")


@pytest.mark.needs("batches")
@pytest.mark.cloud_tasks(queues={"default": {"http_target": {"uri_override": {"host": "a.test"}}}})
@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", PATH, {"Content-Type": "application/json"}, TASK),
        ("POST", PATH, {"Content-Type": "Application/JSON; charset=UTF-8"}, TASK),
        ("POST", f"/v2/{QUEUE}:pause", {}, b""),
        ("POST", f"/v2/{QUEUE}:pause", {"Content-Type": "text/plain"}, b""),
        ("DELETE", f"/v2/{QUEUE}", {}, b""),
        ("POST", f"/v2/{QUEUE}/tasks/a:buffer", {"Content-Type": "text/plain"}, b"data"),
        ("POST", f"/v2/{QUEUE}/tasks:buffer", {}, b"data"),
        ("POST", f"/v2beta3/{QUEUE}/tasks:buffer", {"Content-Type": "image/png"}, b"data"),
        (
            "POST",
            PATH,
            {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"},
            b"pageSize=5",
        ),
        ("POST", f"/v2/{QUEUE}", {"X-HTTP-Method-Override": "DELETE"}, b""),
    ],
)
def test_what_programs_send_is_answered(
    cloud_tasks: FakeCloudTasks,
    cloud_tasks_server: CloudTasksServer,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    """Programs send JSON, no body, the data of a BufferTask, or a form of query parameters for a GET."""
    assert asked(cloud_tasks_server, method, path, headers, body)[0] == 200


@pytest.mark.parametrize("override", ["PATCH", "DELETE", "POST", ""])
def test_a_form_is_for_a_get_alone(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, override: str
) -> None:
    """A request with another method gets that method's checks."""
    path = PATH if override in ("POST", "") else f"/v2/{QUEUE}"
    headers = {"X-HTTP-Method-Override": override, "Content-Type": "application/x-www-form-urlencoded"}
    answer = asked(cloud_tasks_server, "POST", path, headers, b"name=a")
    assert answer == (400, not_json("the Content-Type 'application/x-www-form-urlencoded'"))
    assert cloud_tasks.rpcs == []


def test_a_body_in_chunks_is_a_body(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """Its length is known only after reading: an empty one needs no type."""
    headers = "Host: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked"
    head = f"POST /v2/{QUEUE}:pause HTTP/1.1\r\n{headers}\r\n\r\n".encode()
    assert sent(cloud_tasks_server, head + b"0\r\n\r\n", ends=False).startswith(b"HTTP/1.1 200 ")
    assert sent(cloud_tasks_server, head + b"2\r\n{}\r\n0\r\n\r\n", ends=False).startswith(b"HTTP/1.1 400 ")
    assert [call.method for call in cloud_tasks.rpcs] == ["pause_queue"]


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [("1.0", "", 200), ("1.1", "", 400), ("1.1", "Host: a\r\nHost: localhost\r\n", 400), ("1.1", "Host:\r\n", 400)],
)
def test_a_request_needs_one_host(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, version: str, hosts: str, status: int
) -> None:
    """Only HTTP/1.0 works without the header."""
    data = f"GET /v2/{QUEUE} HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n".encode()
    assert sent(cloud_tasks_server, data, ends=False).split(b" ", 2)[1] == str(status).encode()


WITH_TOKEN = RequestGuard({"tasks"}, how_to_allow="--allow-host {}", token="s3cret")
NO_TOKEN = (
    401,
    "The request has no token, and this server was started with one. Send it in the header `Authorization: Bearer"
    " TOKEN`; in a browser, open this server's page with #token=TOKEN at the end of its address.",
)
WRONG_TOKEN = (
    401,
    "The request's token is not the one that this server was started with. Send that one in the header"
    " `Authorization: Bearer TOKEN`.",
)


def checked_for(area: Area, *headers: tuple[str, str]) -> tuple[int, str] | None:
    """Return the error of a server with a token for a request; None if it is accepted."""
    try:
        WITH_TOKEN.check_sender(RestRequest("GET", "/", headers, b""), area=area)
    except RestError as rejected:
        return rejected.code, rejected.message
    return None


@each(
    ("headers", "rejection"),
    [
        ([("Authorization", "Bearer s3cret")], None),
        ([("authorization", "bearer  s3cret ")], None),
        ([], NO_TOKEN),
        ([("Authorization", "Bearer s3cre")], WRONG_TOKEN),
        ([("Authorization", "Bearer s3cret2")], WRONG_TOKEN),
        ([("Authorization", "Bearer \u00e9")], WRONG_TOKEN),
        ([("Authorization", "Bearer \udcff")], WRONG_TOKEN),
        ([("Authorization", "Bearer")], WRONG_TOKEN),
        ([("Authorization", "Basic s3cret")], WRONG_TOKEN),
        ([("Authorization", "s3cret")], WRONG_TOKEN),
        ([("Authorization", "Bearer s3cret"), ("Authorization", "Bearer s3cret")], WRONG_TOKEN),
    ],
)
def test_control_requests_need_the_token(headers: list[tuple[str, str]], rejection: tuple[int, str] | None) -> None:
    """Control requests need one Bearer token; clients of Cloud Tasks and documents need none."""
    assert checked_for(Area.CONTROL, ("Host", "localhost"), *headers) == rejection
    assert checked_for(Area.API, ("Host", "localhost"), *headers) is None
    assert checked_for(Area.DOCUMENT, ("Host", "localhost"), *headers) is None


def test_with_a_token_only_clients_of_the_api_need_a_known_name() -> None:
    """A page that uses DNS rebinding doesn't have the token, and documents contain no data of the queues."""
    host, token = ("Host", "evil.test"), ("Authorization", "Bearer s3cret")
    for other in [(), (("Authorization", "Bearer of.a.client"),)]:
        assert checked_for(Area.API, host, *other) == (403, not_allowed("evil.test", "evil.test"))
    assert checked_for(Area.API, host, token) is None
    assert checked_for(Area.CONTROL, host) == NO_TOKEN
    assert checked_for(Area.CONTROL, host, token) is None
    assert checked_for(Area.DOCUMENT, host) is None
    assert checked_for(Area.API, ("Host", "tasks")) is None


def test_a_token_does_not_replace_the_other_checks() -> None:
    """A page of another origin is rejected even with the token."""
    token = ("Authorization", "Bearer s3cret")
    assert checked_for(Area.CONTROL, ("Host", "localhost"), token, ("Origin", "http://evil.test")) == (
        403,
        foreign("http://evil.test"),
    )
