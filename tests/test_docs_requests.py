"""What the documentation sends to a server, and what it shows of answers, is so."""

from __future__ import annotations

import argparse
import json
import re
import shlex

import requests

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks

from .patience import PATIENCE
from .test_docs import ROOT, blocks, every_block

curl = argparse.ArgumentParser()
"""As much of it as the pages use."""
curl.add_argument("-X", dest="method")
curl.add_argument("-H", dest="header", action="append", default=[])
curl.add_argument("-d", dest="data")
curl.add_argument("url")


def test_other_languages_read_variables_that_are_there() -> None:
    """What Go and Node read from the environment is what the server puts there."""
    found = [text for _, language, text in every_block() if language in ("go", "javascript")]
    read = {name for text in found for name in re.findall(r"[A-Z_]+_HOST", text)}

    with FakeCloudTasks() as cloud_tasks, CloudTasksServer(cloud_tasks) as server:
        assert len(found) >= 4
        assert read <= set(server.environment)


def test_error_in_json_is_that_of_the_server() -> None:
    """An unknown field is rejected with the answer that the page shows."""
    (shown,) = (text for page, language, text in every_block() if language == "json")

    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks, CloudTasksServer(cloud_tasks) as server:
        url = f"{server.rest_url}/v2/{cloud_tasks.queue_path('receipts')}/tasks"
        answer = requests.post(url, json={"task": {"http_request": {"uri": "https://mailer.test"}}}, timeout=PATIENCE)

    assert answer.json() == json.loads(shown)


def requests_of(page: str) -> list[tuple[str, str, dict[str, str], str]]:
    """Method, path, headers and body of every request that a page makes with curl."""
    found = []
    for text in blocks(ROOT / "docs" / page, "shell"):
        for line in text.replace("\\\n", "").splitlines():
            if line.startswith("curl "):
                given = curl.parse_args(shlex.split(line, comments=True)[1:])
                path = "/" + re.sub(r"^http://", "", given.url).partition("/")[2]
                method = given.method or ("GET" if given.data is None else "POST")
                headers = dict(header.split(": ") for header in given.header)
                found.append((method, path, headers, given.data or ""))
    return found


def test_requests_of_curl_are_answered() -> None:
    """The loopback server takes what curl sends to it; slow/processes/test_serve_page.py has the emulator."""
    ((method, path, headers, body),) = requests_of("server.md")
    shop = FakeCloudTasks(project="my-shop", location="europe-west1", queues=["receipts"])
    with shop as cloud_tasks, CloudTasksServer(cloud_tasks) as loopback:
        answer = requests.request(method, loopback.rest_url + path, headers=headers, data=body, timeout=PATIENCE)
        assert answer.status_code == 200
        cloud_tasks.assert_enqueued(queue="receipts", url="https://mailer.test/send")
