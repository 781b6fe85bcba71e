from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from pytest_cloudtasks import TargetRequest
from pytest_cloudtasks._service.task import response
from pytest_cloudtasks._targets.answers import WrongAnswer
from pytest_cloudtasks._targets.wsgi import REQUEST_KEY, call_wsgi, environ_of

RequestFor = Callable[..., TargetRequest]


def test_the_environ_is_the_request(request_for: RequestFor) -> None:
    """Method, path, query, server, headers and body are where PEP 3333 has them."""
    request = request_for(
        "https://app.test:8443/a/b?x=1&y=%20",
        "PUT",
        headers=(("Content-Type", "application/json"), ("X-Tag", "one")),
        body=b'{"a": 1}',
    )
    environ = environ_of(request)
    assert environ["REQUEST_METHOD"] == "PUT"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/a/b")
    assert environ["QUERY_STRING"] == "x=1&y=%20"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("app.test", "8443")
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["CONTENT_TYPE"] == "application/json"
    assert environ["CONTENT_LENGTH"] == "8"
    assert "HTTP_CONTENT_TYPE" not in environ
    assert "HTTP_CONTENT_LENGTH" not in environ
    assert environ["HTTP_X_TAG"] == "one"
    assert environ["HTTP_HOST"] == "app.test:8443"
    assert environ["HTTP_X_CLOUDTASKS_QUEUENAME"] == "mails"
    assert environ["HTTP_USER_AGENT"] == "Google-Cloud-Tasks"
    assert environ["wsgi.input"].read() == b'{"a": 1}'
    assert environ["wsgi.errors"] is sys.stderr
    assert environ["wsgi.version"] == (1, 0)
    assert environ[REQUEST_KEY] is request


@pytest.mark.parametrize(
    ("url", "port", "path"),
    [
        ("https://app.test", "443", "/"),
        ("http://app.test/", "80", "/"),
        ("http://app.test/caf%C3%A9%2Fx", "80", "/cafÃ©/x"),
        ("http://app.test/a+b", "80", "/a+b"),
    ],
)
def test_ports_and_paths(request_for: RequestFor, url: str, port: str, path: str) -> None:
    """The port follows from the scheme, and the path is decoded byte by byte, as PEP 3333 wants it."""
    environ = environ_of(request_for(url))
    assert (environ["SERVER_PORT"], environ["PATH_INFO"]) == (port, path)


def test_several_values_of_a_header_are_joined(request_for: RequestFor) -> None:
    """A header that comes twice is one variable."""
    request = request_for(headers=(("X-Tag", "one"), ("x-tag", "two")))
    assert environ_of(request)["HTTP_X_TAG"] == "one,two"


def test_a_request_without_body_has_an_empty_input(request_for: RequestFor) -> None:
    """There is an input to read from, and nothing in it."""
    environ = environ_of(request_for(method="GET"))
    assert environ["wsgi.input"].read() == b""
    assert environ["CONTENT_LENGTH"] == "0"


def test_a_checker_of_the_protocol_is_content(request_for: RequestFor) -> None:
    """The standard library's validator finds nothing wrong on the server's side."""

    @validator
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    assert call_wsgi(app, request_for("https://app.test/a", body=b"abc")).outcome == response(200)


def test_status_and_headers_are_the_answer(request_for: RequestFor) -> None:
    """The answer has the status and the headers that the application started with."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [("Retry-After", "5"), ("X", "a"), ("X", "b")])
        return [b"busy"]

    answer = call_wsgi(app, request_for())
    assert answer.outcome == response(503)
    assert answer.headers.pairs() == (("Retry-After", "5"), ("X", "a"), ("X", "b"))


def test_a_body_is_read_to_its_end_and_closed(request_for: RequestFor) -> None:
    """An application that works while its body is read gets to do so, and is closed once."""
    done: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            done.append("read")

        def close(self) -> None:
            done.append("closed")

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    call_wsgi(app, request_for())
    assert done == ["read", "closed"]


def test_a_body_that_fails_is_closed_too(request_for: RequestFor) -> None:
    """What is raised while the body is read comes through, after the body was closed."""
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            raise RuntimeError("in mid-body")

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    with pytest.raises(RuntimeError, match=r"^in mid-body$"):
        call_wsgi(app, request_for())
    assert closed == [True]


def test_a_generator_may_start_late(request_for: RequestFor) -> None:
    """An application that is a generator starts its response when its body is first read."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [])
        yield b""

    assert call_wsgi(app, request_for()).outcome == response(201)


def test_an_application_may_write(request_for: RequestFor) -> None:
    """start_response gives a write callable, for applications of that kind."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"old style")
        return []

    assert call_wsgi(app, request_for()).outcome == response(200)


def test_an_error_may_replace_the_response(request_for: RequestFor) -> None:
    """With exc_info an application starts over, and the last start counts."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 Internal Server Error", [("X-Second", "2")], sys.exc_info())
        return [b"sorry"]

    answer = call_wsgi(app, request_for())
    assert answer.outcome == response(500)
    assert answer.headers.pairs() == (("X-Second", "2"),)


def test_what_an_application_raises_comes_through(request_for: RequestFor) -> None:
    """An exception of the application is not turned into a response here."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise KeyError("order")

    with pytest.raises(KeyError):
        call_wsgi(app, request_for())


def test_an_application_has_to_start(request_for: RequestFor) -> None:
    """An application that returns without a response is named in the error."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return []

    with pytest.raises(RuntimeError) as refused:
        call_wsgi(app, request_for())
    assert str(refused.value) == f"The WSGI application {app!r} returned without calling start_response."


PAIRS = "WSGI takes a list of pairs of Latin-1 texts, such as ('Retry-After', '5')."


@pytest.mark.parametrize(
    ("status", "headers", "body", "text"),
    [
        ("OK", [], b"", "A WSGI application sent the status 'OK'. WSGI takes a text such as '200 OK'."),
        (200, [], b"", "A WSGI application sent the status 200. WSGI takes a text such as '200 OK'."),
        ("²00 OK", [], b"", "A WSGI application sent the status '²00 OK'. WSGI takes a text such as '200 OK'."),
        ("600 Odd", [], b"", "600 is not an HTTP status. Use a number from 100 to 599."),
        ("200 OK", None, b"", f"A WSGI application sent the headers None. {PAIRS}"),
        ("200 OK", ["X"], b"", f"A WSGI application sent the header 'X'. {PAIRS}"),
        ("200 OK", [("X", 5)], b"", f"A WSGI application sent the header ('X', 5). {PAIRS}"),
        ("200 OK", [("X", b"a")], b"", f"A WSGI application sent the header ('X', b'a'). {PAIRS}"),
        ("200 OK", [("X", "→")], b"", f"A WSGI application sent the header ('X', '→'). {PAIRS}"),
        (
            "200 OK",
            [("X", "a\r\nb")],
            b"",
            "An answer has the header 'X' with the value 'a\\r\\nb', which HTTP can't have. Use a text of one line, or"
            " a whole number.",
        ),
        (
            "200 OK",
            [("X y", "a")],
            b"",
            "An answer has a header named 'X y', which is not a valid name. Use letters, digits and hyphens, as in"
            " 'Retry-After'.",
        ),
        ("200 OK", [], "text", "A WSGI application sent the body 'text'. WSGI takes parts of bytes."),
    ],
)
def test_an_answer_that_no_server_takes(
    request_for: RequestFor, status: Any, headers: Any, body: Any, text: str
) -> None:
    """What an application sends is checked as a server checks it, and the error is one sentence."""

    def app(environ: dict[str, Any], start_response: Any) -> list[Any]:
        start_response(status, headers)
        return [body]

    with pytest.raises(WrongAnswer) as refused:
        call_wsgi(app, request_for())
    assert str(refused.value) == text


def test_headers_in_latin_1_are_sent(request_for: RequestFor) -> None:
    """A tab and the letters of Latin-1 are allowed in values."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("204 No Content", [("X-Name", "Zoë\tB.")])
        return []

    assert call_wsgi(app, request_for()).headers.pairs() == (("X-Name", "Zoë\tB."),)
