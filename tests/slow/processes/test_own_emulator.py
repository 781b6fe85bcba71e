"""Tests of control endpoints and of the page that need an emulator of their own: its options, its end, its time."""

from __future__ import annotations

from datetime import datetime, timedelta

import requests

from tests.patience import PATIENCE
from tests.server.emulator.running import QUEUE, running_emulator
from tests.server.emulator.test_control import now_of, refusal
from tests.server.emulator.test_page import events_of


def test_time_goes_on_after_the_farthest_jump() -> None:
    """The server still works, except for further jumps."""
    with running_emulator("--queue", "emails", "--log-format", "none") as server:
        farthest = "9000-01-01T00:00:00+00:00"
        assert server.post("/control/jump", to=farthest)["now"] == farthest
        assert now_of(server) >= datetime.fromisoformat(farthest)
        code, status, message = refusal(server, "POST", "/control/jump", '{"by": "1h"}')
        assert (code, status) == (400, "INVALID_ARGUMENT")
        assert message.startswith(f"A jump can't go beyond {farthest}. It is ")
        server.create({"schedule_time": now_of(server) + timedelta(days=1)})
        code, status, message = refusal(server, "POST", "/control/drain")
        assert (code, status) == (429, "RESOURCE_EXHAUSTED")
        assert message.startswith("The drain has reached 9000-01-01T")
        assert message.endswith(
            ", and its next step is beyond the year 9000, where it ends. Limit the queue's retries (maxAttempts,"
            " maxBackoff), or restart the server, which returns to real time."
        )
        assert server.results() == []


def test_a_token_protects_the_control_endpoints() -> None:
    """This holds for percent-encoded paths, too; the API, keys and health answer without a token."""
    with running_emulator("--queue", "emails", "--token", "s3cret", "--log-format", "none") as server:
        assert f"  page    {server.url}/#token=TOKEN" in server.banner

        def status(method: str, path: str, token: str | None = None) -> int:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = requests.request(method, f"{server.url}{path}", headers=headers, timeout=PATIENCE)
            assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401)
            return answer.status_code

        for method, path in [("POST", "reset"), ("GET", "tasks"), ("GET", "timeline"), ("GET", "nothing")]:
            assert status(method, f"/control/{path}") == 401
            assert status(method, f"/c%6Fntrol/{path}", "other") == 401
            assert status(method, f"/control/{path}", "s3cret") == (404 if path == "nothing" else 200)
        for path in (f"/v2/{QUEUE}", "/healthz", "/oauth2/v3/certs"):
            assert status("GET", path) == 200


def test_a_server_that_stops_ends_its_streams() -> None:
    """A client that follows the events doesn't delay the stop."""
    with running_emulator("--queue", "emails", "--log-format", "none") as server:
        events = events_of(server)
        next(events)
        assert server.stop() == 0
        assert {name for name, _ in events} <= {"events"}


def test_a_token_protects_the_data_of_the_page() -> None:
    """The document opens without it; tables and events need it."""
    with running_emulator("--queue", "emails", "--token", "s3cret", "--log-format", "none") as server:
        statuses = {
            path: requests.get(f"{server.url}{path}", timeout=PATIENCE).status_code
            for path in ("/", "/control/overview", "/control/events")
        }
        assert statuses == {"/": 200, "/control/overview": 401, "/control/events": 401}
        assert next(events_of(server, Authorization="Bearer s3cret"))[0] == "begin"
