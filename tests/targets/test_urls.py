"""URLs as targets compare them, and as they go over the wire."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._targets.urls import Base, WireUrl, normal, normal_glob, wire_url
from tests.each import each

SAME = [
    ["https://app.test/work", "HTTPS://APP.test/work", "https://app.test:443/work", "https://app.test:/work"],
    ["http://app.test:80", "http://app.test/", "http://app.test", "http://app.test/#top", "http://app.test/?"],
    ["https://app.test:8443/", "https://app.test:8443", "https://APP.TEST:8443"],
    ["https://app.test/~me", "https://app.test/%7Eme", "https://app.test/%7eme"],
    ["https://app.test/a%2Fb", "https://app.test/a%2fb"],
    ["https://app.test/grüße", "https://app.test/gr%C3%BC%c3%9fe"],
    ["https://app.test/a b", "https://app.test/a%20b"],
    ["https://app.test/x?q=ü&r=%7E", "https://app.test/x?q=%c3%bc&r=~"],
    ["https://bücher.test/x", "https://xn--bcher-kva.test/x", "https://BÜCHER.test/x"],
    ["https://user:secret@app.test/x", "https://app.test/x"],
    ["https://[::1]:443/", "https://[::1]"],
    ["/work?a=~", "/work?a=%7e", "/work?a=%7E#top"],
]
"""Each line is one request."""


@each("urls", SAME, ids=lambda urls: urls[0])
def test_what_makes_the_same_request_is_the_same(urls: list[str]) -> None:
    """URLs that differ only in case, default port, encoding or parts that are never sent are equal."""
    assert {normal(url) for url in urls} == {normal(urls[0])}
    assert normal(normal(urls[0])) == normal(urls[0])


def test_what_makes_another_request_is_another() -> None:
    """Scheme, host, port, path and query do, and so do an encoded slash, a plus and the order of parameters."""
    others = [
        *(urls[0] for urls in SAME),
        "http://app.test:443/work",
        "https://app.test/work/",
        "https://app.test/WORK",
        "https://app.test/work?x=1&y=2",
        "https://app.test/work?y=2&x=1",
        "https://app.test/a/b",
        "https://app.test/a+b",
        "https://app.test/a%2Bb",
        "https://app.test/x/../work",
        "https://app.test/%zz",
        "https://a:notaport/",
        "https://[bad/",
        "work",
    ]
    assert len({normal(url) for url in others}) == len(others)


@each(
    ("url", "parts"),
    [
        ("https://app.test", WireUrl("https", "app.test", 443, "app.test", "/", "")),
        ("http://APP.test:80/A?b=c#d", WireUrl("http", "app.test", 80, "APP.test:80", "/A", "b=c")),
        ("http://me:secret@app.test:/", WireUrl("http", "app.test", 80, "app.test", "/", "")),
        ("http://[::1]:8080/x", WireUrl("http", "::1", 8080, "[::1]:8080", "/x", "")),
        (
            "https://bücher.test/ü?ö",
            WireUrl("https", "xn--bcher-kva.test", 443, "xn--bcher-kva.test", "/%C3%BC", "%C3%B6"),
        ),
        ("https://app.test?x=1", WireUrl("https", "app.test", 443, "app.test", "/", "x=1")),
        ("https://a.test/%zz%2F{x}", WireUrl("https", "a.test", 443, "a.test", "/%zz%2F%7Bx%7D", "")),
        ("https://a.test/a\nb c", WireUrl("https", "a.test", 443, "a.test", "/a%0Ab%20c", "")),
        ("https://a:notaport/", WireUrl("https", "a", None, "a:notaport", "/", "")),
        ("https://a:99999/", WireUrl("https", "a", None, "a:99999", "/", "")),
        ("https://[bad/", WireUrl("https", "bad", 443, "[bad", "/", "")),
        ("https://ü..test/", WireUrl("https", "%c3%bc..test", 443, "%C3%BC..test", "/", "")),
        ("https://::1/", WireUrl("https", "", None, "::1", "/", "")),
        ("no url", WireUrl("", "", None, "", "no%20url", "")),
    ],
)
def test_the_parts_of_a_request(url: str, parts: WireUrl) -> None:
    """Whatever the service accepts has parts; none of them holds a secret, a fragment or what has to be encoded."""
    assert wire_url(url) == parts


@pytest.mark.parametrize(
    ("glob", "form"),
    [
        ("HTTPS://App.test:443/%7eA/*", "https://app.test/~A/*"),
        ("https://*.test/Work", "https://*.test/Work"),
        ("https://app.test*", "https://app.test*"),
        ("*", "*"),
        ("/ü/*?x=*#*", "/%C3%BC/*?x=*#*"),
    ],
)
def test_a_glob_keeps_its_stars(glob: str, form: str) -> None:
    """A glob's origin is put into its normal form where it has no star, and its encoding anywhere."""
    assert normal_glob(glob) == form


@each(
    ("base", "url", "is_covered"),
    [
        ("https://app.test/~me", "https://app.test/%7Eme/x", True),
        ("https://app.test/%7eme/", "https://app.test/~me", True),
        ("https://app.test/a", "https://app.test/a%2Fb", False),
        ("https://user@app.test", "https://app.test/", True),
        ("https://bücher.test", "https://xn--bcher-kva.test/x", True),
        ("https://app.test", "https://app.test:0443/", True),
        ("https://app.test", "https://[bad/", False),
    ],
)
def test_a_base_covers_what_is_the_same(base: str, url: str, is_covered: bool) -> None:
    """Origins and paths are compared in their normal form."""
    assert Base(base, "mount()").covers(url) is is_covered


@pytest.mark.parametrize("url", ["https://a:notaport/", "https://a:99999", "https://:80/", 7])
def test_a_base_has_a_host_and_a_port(url: object) -> None:
    """A URL that no request could go to is not a base URL."""
    with pytest.raises(ValueError) as refused:
        Base(url, "forward()")  # type: ignore[arg-type]
    assert str(refused.value) == f"forward() takes a base URL such as https://app.test, but got {url!r}."
