"""Outside a fake a request to Cloud Tasks is blocked, by whichever library it is made."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tests.ways import http_libraries
from tests.ways.http_libraries import AIOHTTP, HTTPX, SYNC, URL, name_of

WAYS = SYNC + HTTPX + AIOHTTP


def test_requests_outside_are_blocked(pytester: pytest.Pytester) -> None:
    """The sentence names the request and the place, and comes through each library as it is."""
    pytester.makepyfile(app=Path(http_libraries.__file__).read_text("utf-8"))
    tests = (f"def test_{name_of(way)}():\n    app.{way.__name__}()\n" for way in WAYS)
    pytester.makepyfile("\n".join(["import app", *tests]))
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse", "-p", "no:randomly")
    result.assert_outcomes(failed=len(WAYS))
    blocked = re.findall(BLOCKED, result.stdout.str())
    assert len(blocked) == len(WAYS)
    for (line, function), way in zip(blocked, WAYS, strict=True):
        lines, first = inspect.getsourcelines(way)
        assert function in (way.__name__, "post")
        assert first < int(line) < first + len(lines)


BLOCKED = (
    re.escape(f"POST {URL} was").replace("/v2/", "/v2(?:beta3)?/")
    + re.escape(
        ' blocked: no fake is active, and outside="refuse" blocks calls to the real service. Ask for the'
        " cloud_tasks fixture in the test or fixture that makes the call, mark the test with"
        " @pytest.mark.cloud_tasks, or allow it with"
        ' @pytest.mark.cloud_tasks(outside="real").\n'
        "The call was made at app.py:"
    )
    + r"(\d+), in (\w+)\."
)
