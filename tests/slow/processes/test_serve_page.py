"""What the page on the emulator shows of its output, and what it sends to it."""

from __future__ import annotations

import requests

from tests.patience import PATIENCE
from tests.server.emulator.running import running_emulator, working
from tests.test_docs_output import outputs, same_for_all
from tests.test_docs_requests import requests_of


def a_banner() -> str:
    """What the server says first."""
    with running_emulator("--queue", "emails") as server:
        return "\n".join(server.banner)


def a_log() -> str:
    """A task that is sent at the second attempt, and one that is not there."""
    with working() as worker:
        worker.answers(503)
        with running_emulator("--queue", "emails", "--forward", f"https://worker.test={worker.url}") as server:
            server.create()
            server.post("/control/wait", **{"for": "empty"})
            missing = "v2/projects/test-project/locations/us-central1/queues/emails/tasks/1338"
            assert requests.get(f"{server.url}/{missing}", timeout=PATIENCE).status_code == 404
            server.stop()
            return "\n".join(server.log)


def test_output_is_printed_as_shown() -> None:
    """The banner and the log have every line of it, and in one piece."""
    for shown, printed in zip(outputs("serve.md"), (a_banner(), a_log()), strict=True):
        assert same_for_all(shown).strip() in same_for_all(printed), printed


def test_requests_of_curl_are_answered() -> None:
    """Every endpoint of the page takes what curl sends to it, one after the other."""
    desk = requests_of("serve.md")
    with running_emulator("--queue", "emails") as server:
        answers = [
            requests.request(method, server.url + path, headers=headers, data=body, timeout=PATIENCE)
            for method, path, headers, body in desk
        ]
    assert [answer.status_code for answer in answers] == [200] * 7
