"""Settings: every option, from a marker's values and from an ini file's texts, and what is rejected in which words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._service.options import ServiceOptions, SystemThrottle
from pytest_cloudtasks._simulation.settings.options import OPTIONS
from pytest_cloudtasks._simulation.settings.settings import Settings, checked, merged, settings_from_ini
from tests.each import each

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
NANOSECONDS = 1_893_456_000_000_000_000
HOUR = 3_600_000_000_000
MINUTE = 60_000_000_000


class Incomparable:
    """What raises if it is compared."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError

    def __repr__(self) -> str:
        return "an Incomparable"


def tens(rate: float) -> int:
    return 10


ROLES = {"projects/p/roles/r": frozenset({"a.b", "c.d"})}
VALUES: list[tuple[str, Any, Any]] = [
    ("queues", "receipts", {"receipts": {}}),
    ("queues", ["receipts", "reports"], {"receipts": {}, "reports": {}}),
    (
        "queues",
        {"receipts": {"retry_config": {"max_attempts": 3}}},
        {"receipts": {"retry_config": {"max_attempts": 3}}},
    ),
    ("queues", ["receipts", {"reports": {"state": "PAUSED"}}], {"receipts": {}, "reports": {"state": "PAUSED"}}),
    ("queues", (), {}),
    ("project", "acme", "acme"),
    ("location", "europe-west1", "europe-west1"),
    ("start", START, NANOSECONDS),
    ("start", datetime(2030, 1, 1, 9, tzinfo=timezone(timedelta(hours=9))), NANOSECONDS),
    ("time", "held", "held"),
    ("time", "virtual", "virtual"),
    ("seed", 7, 7),
    ("order", "shuffle", "shuffle"),
    ("strict", True, True),
    ("strict", "drained", "drained"),
    ("auto_create_queues", True, True),
    ("outside", "refuse", "refuse"),
    ("autouse", False, False),
    ("on_exception", "500", "500"),
    ("redirect_endpoints", ["localhost:8123"], ("localhost:8123",)),
    ("redirect_endpoints", (), ()),
    ("redirect_endpoints", ["tasks.test", "::1", "[::1]:80"], ("tasks.test", "::1", "[::1]:80")),
    ("async_client_loops", "one", "one"),
    ("firebase_functions", "", ""),
    ("firebase_functions", "http://localhost:5001/", "http://localhost:5001"),
    ("firebase_functions", "https://functions.test/base", "https://functions.test/base"),
    ("google_auth", True, True),
    ("eager", True, True),
    ("show_secrets", True, True),
    ("service", ServiceOptions(burst_size=3), ServiceOptions(burst_size=3)),
    ("service", {"burst_size": tens}, ServiceOptions(burst_size=tens)),
    ("service", {"task_tombstone_ttl": "1h"}, ServiceOptions(task_tombstone_ttl=HOUR)),
    ("service", {"queue_tombstone_ttl": timedelta(hours=1)}, ServiceOptions(queue_tombstone_ttl=HOUR)),
    ("service", {"task_tombstone_ttl": timedelta(0)}, ServiceOptions(task_tombstone_ttl=0)),
    ("service", {"purge_delay": timedelta(minutes=1)}, ServiceOptions(purge_delay=MINUTE)),
    ("service", {"queue_init_delay": timedelta(seconds=60)}, ServiceOptions(queue_init_delay=MINUTE)),
    (
        "service",
        {"ghost_recreate": True, "legacy_errors": True},
        ServiceOptions(ghost_recreate=True, legacy_errors=True),
    ),
    ("service", {"iam_emulation": "user:me@example.com"}, ServiceOptions(iam_emulation="user:me@example.com")),
    ("service", {"iam_emulation": True}, ServiceOptions(iam_emulation="user:test@example.com")),
    ("service", {"iam_emulation": False}, ServiceOptions()),
    ("service", {"iam_roles": {"projects/p/roles/r": ["a.b", "c.d"]}}, ServiceOptions(iam_roles=ROLES)),
    ("service", {"treat_304_as_success": True}, ServiceOptions(treat_304_as_success=True)),
    (
        "service",
        {"honour_retry_after": True, "follow_redirects": True},
        ServiceOptions(honour_retry_after=True, follow_redirects=True),
    ),
    ("service", {"system_throttle": "simple"}, ServiceOptions(system_throttle=SystemThrottle.SIMPLE)),
]
TEXTS: list[tuple[str, Any, Any]] = [
    (
        "queues",
        ["receipts", "projects/p/locations/l/queues/q"],
        {"receipts": {}, "projects/p/locations/l/queues/q": {}},
    ),
    ("project", "acme", "acme"),
    ("location", "europe-west1", "europe-west1"),
    ("start", "2030-01-01T00:00:00+00:00", NANOSECONDS),
    ("start", " 2030-01-01T00:00:00Z", NANOSECONDS),
    ("start", "2030-01-01T09:00:00+09:00", NANOSECONDS),
    ("time", "virtual", "virtual"),
    ("seed", "-7", -7),
    ("order", "shuffle", "shuffle"),
    ("strict", "true", True),
    ("strict", "drained", "drained"),
    ("auto_create_queues", "true", True),
    ("auto_create_queues", "No", False),
    ("outside", "refuse", "refuse"),
    ("autouse", "on", True),
    ("on_exception", "500", "500"),
    ("redirect_endpoints", ["localhost:8123", "127.0.0.1:1"], ("localhost:8123", "127.0.0.1:1")),
    ("firebase_functions", "http://127.0.0.1:5001", "http://127.0.0.1:5001"),
    ("async_client_loops", "one", "one"),
    ("google_auth", "1", True),
    ("eager", "true", True),
    ("show_secrets", "true", True),
    ("service", ["queue_tombstone_ttl = 1h", "task_tombstone_ttl=60m"], ServiceOptions(HOUR, HOUR)),
    ("service", ["queue_tombstone_ttl = 0.5d", "task_tombstone_ttl = 3600 s"], ServiceOptions(12 * HOUR, HOUR)),
    ("service", ["burst_size = 1"], ServiceOptions(burst_size=1)),
    ("service", ["max_task_size = 102400"], ServiceOptions(max_task_size=102_400)),
    ("service", ["app_engine_host_suffix = appspot.com"], ServiceOptions(app_engine_host_suffix="appspot.com")),
    ("service", ["enforce_rpc_deadline = no"], ServiceOptions(enforce_rpc_deadline=False)),
    ("service", ["enforce_lease_rate = off"], ServiceOptions(enforce_lease_rate=False)),
    (
        "service",
        ["purge_delay = 60s", "queue_init_delay = 1m"],
        ServiceOptions(purge_delay=MINUTE, queue_init_delay=MINUTE),
    ),
    ("service", ["iam_emulation = user:me@example.com"], ServiceOptions(iam_emulation="user:me@example.com")),
    ("service", ["iam_emulation = true"], ServiceOptions(iam_emulation="user:test@example.com")),
    ("service", ["iam_roles = projects/p/roles/r: c.d a.b"], ServiceOptions(iam_roles=ROLES)),
    ("service", ["system_throttle = simple"], ServiceOptions(system_throttle=SystemThrottle.SIMPLE)),
    ("service", ["follow_redirects = yes"], ServiceOptions(follow_redirects=True)),
]
SERVICE_OPTIONS = (
    "app_engine_host_suffix, burst_size, enforce_lease_rate, enforce_rpc_deadline,"
    " follow_redirects, ghost_recreate, honour_retry_after, iam_emulation, iam_roles, legacy_errors, max_task_size,"
    " purge_delay, queue_init_delay, queue_tombstone_ttl, system_throttle, task_tombstone_ttl"
    " and treat_304_as_success"
)
WRONG_VALUES: list[tuple[str, Any, type[Exception], str]] = [
    ("queues", 3, TypeError, "queues takes queue IDs, a mapping of IDs to fields, or a file, but got 3."),
    (
        "queues",
        [["receipts"], None],
        TypeError,
        "queues takes queue IDs, a mapping of IDs to fields, or a file, but got None.",
    ),
    (
        "queues",
        {"receipts": 3},
        TypeError,
        "queues maps a queue's ID to its fields, such as {'receipts': {'retry_config': …}}, but got 3.",
    ),
    ("project", "", TypeError, "project takes a text, but got ''."),
    ("location", None, TypeError, "location takes a text, but got None."),
    (
        "start",
        datetime(2030, 1, 1),
        ValueError,
        "start takes an aware datetime, but datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
        " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc).",
    ),
    (
        "start",
        1893456000,
        TypeError,
        "start takes an aware datetime, but got 1893456000. Pass a datetime with a tzinfo, such as datetime(2030, 1, 1,"
        " tzinfo=timezone.utc).",
    ),
    (
        "start",
        "tomorrow",
        ValueError,
        "start takes an instant with its offset from UTC, such as 2030-01-01T00:00:00+00:00, but got 'tomorrow'.",
    ),
    ("time", "x", ValueError, "time takes 'held' or 'virtual', but got 'x'."),
    ("time", "virtuel", ValueError, "time takes 'held' or 'virtual', but got 'virtuel'. Did you mean 'virtual'?"),
    *(
        (name, Incomparable(), ValueError, f"{name} takes {values}, but got an Incomparable.")
        for name, values in {
            "time": "'held' or 'virtual'",
            "order": "'fifo' or 'shuffle'",
            "strict": "True, False or 'drained'",
            "outside": "'real' or 'refuse'",
            "on_exception": "'raise' or '500'",
        }.items()
    ),
    ("seed", "7", TypeError, "seed takes an integer, but got '7'."),
    ("seed", True, TypeError, "seed takes an integer, but got True."),
    ("strict", "drain", ValueError, "strict takes True, False or 'drained', but got 'drain'. Did you mean 'drained'?"),
    ("strict", 1, ValueError, "strict takes True, False or 'drained', but got 1."),
    ("order", "shuffled", ValueError, "order takes 'fifo' or 'shuffle', but got 'shuffled'. Did you mean 'shuffle'?"),
    ("auto_create_queues", 1, TypeError, "auto_create_queues takes True or False, but got 1."),
    ("outside", "reel", ValueError, "outside takes 'real' or 'refuse', but got 'reel'. Did you mean 'real'?"),
    ("autouse", "yes", TypeError, "autouse takes True or False, but got 'yes'."),
    ("on_exception", 500, ValueError, "on_exception takes 'raise' or '500', but got 500. Did you mean '500'?"),
    (
        "redirect_endpoints",
        "localhost:8123",
        TypeError,
        "redirect_endpoints takes a list of host:port texts, but got 'localhost:8123'.",
    ),
    ("redirect_endpoints", [8123], TypeError, "redirect_endpoints takes a list of host:port texts, but got [8123]."),
    *(
        (
            "redirect_endpoints",
            ["localhost:9090", address],
            ValueError,
            "redirect_endpoints takes addresses as channels are given them, such as 'localhost:8123', but got"
            f" {address!r}.",
        )
        for address in ("a b", "http://localhost:8123", "localhost:8123/", "", ":8123", "localhost:")
    ),
    (
        "redirect_endpoints",
        range(10**12),
        TypeError,
        "redirect_endpoints takes a list of host:port texts, but got range(0, 1000000000000).",
    ),
    ("redirect_endpoints", 8123, TypeError, "redirect_endpoints takes a list of host:port texts, but got 8123."),
    *(
        (
            "firebase_functions",
            url,
            ValueError,
            f"firebase_functions takes the base URL of a server such as http://127.0.0.1:8080, but got {url!r}.",
        )
        for url in ("localhost:5001", "http://localhost:5001/?a=b", "ftp://localhost", None, 5001)
    ),
    (
        "async_client_loops",
        "on",
        ValueError,
        "async_client_loops takes 'any' or 'one', but got 'on'. Did you mean 'one'?",
    ),
    ("eager", 1, TypeError, "eager takes True or False, but got 1."),
    ("show_secrets", "no", TypeError, "show_secrets takes True or False, but got 'no'."),
    ("google_auth", None, TypeError, "google_auth takes True or False, but got None."),
    ("service", "burst_size", TypeError, "service takes a mapping of options to values, but got 'burst_size'."),
    (
        "service",
        {"burst": 3},
        ValueError,
        f"service has no option 'burst'. Did you mean 'burst_size'? Its options are {SERVICE_OPTIONS}.",
    ),
    (
        "service",
        {"burst_size": 0},
        ValueError,
        "service option burst_size takes a positive number, or a callable that returns one for a rate, but got 0.",
    ),
    (
        "service",
        {"queue_tombstone_ttl": 60},
        TypeError,
        "service option queue_tombstone_ttl takes a duration such as timedelta(seconds=30) or '30s', but got 60.",
    ),
    (
        "service",
        {"task_tombstone_ttl": timedelta(seconds=-1)},
        ValueError,
        "service option task_tombstone_ttl takes a duration of zero or more, but got datetime.timedelta(days=-1,"
        " seconds=86399).",
    ),
    (
        "service",
        {"honour_retry_after": 1},
        TypeError,
        "service option honour_retry_after takes True or False, but got 1.",
    ),
    (
        "service",
        {"purge_delay": timedelta(seconds=61)},
        ValueError,
        "service option purge_delay takes a duration of one minute at the most, but got"
        " datetime.timedelta(seconds=61).",
    ),
    (
        "service",
        {"iam_emulation": "me"},
        ValueError,
        "service option iam_emulation takes True, False, or the member that the client is, such as"
        " 'user:me@example.com', but got 'me'.",
    ),
    (
        "service",
        {"iam_roles": {"projects/p/roles/r": "a.b"}},
        TypeError,
        "service option iam_roles takes a mapping of roles to lists of the permissions they grant, such as"
        " {'projects/p/roles/creator': ['cloudtasks.tasks.create']}, but got {'projects/p/roles/r': 'a.b'}.",
    ),
    (
        "service",
        {"iam_roles": "a.b"},
        TypeError,
        "service option iam_roles takes a mapping of roles to lists of the permissions they grant, such as"
        " {'projects/p/roles/creator': ['cloudtasks.tasks.create']}, but got {'': ['a.b']}.",
    ),
    *(
        (
            "service",
            {"iam_roles": {"projects/p/roles/r": granted}},
            TypeError,
            "service option iam_roles takes a mapping of roles to lists of the permissions they grant, such as"
            " {'projects/p/roles/creator': ['cloudtasks.tasks.create']}, but got"
            f" {{'projects/p/roles/r': {granted}}}.",
        )
        for granted in (1, None, [2], b"a.b", [["a.b"]])
    ),
    (
        "service",
        {"system_throttle": "harsh"},
        ValueError,
        "service option system_throttle takes 'none' or 'simple', but got 'harsh'.",
    ),
]
WRONG_TEXTS: list[tuple[str, Any, type[Exception], str]] = [
    (
        "start",
        "2030-01-01T00:00:00",
        ValueError,
        "start takes an instant with its offset from UTC, such as 2030-01-01T00:00:00+00:00, but got"
        " '2030-01-01T00:00:00'.",
    ),
    (
        "start",
        "soon",
        ValueError,
        "start takes an instant with its offset from UTC, such as 2030-01-01T00:00:00+00:00, but got 'soon'.",
    ),
    ("seed", "random", TypeError, "seed takes an integer, but got 'random'."),
    ("autouse", "maybe", TypeError, "autouse takes True or False, but got 'maybe'."),
    ("time", "hold", ValueError, "time takes 'held' or 'virtual', but got 'hold'. Did you mean 'held'?"),
    (
        "service",
        ["burst_size"],
        ValueError,
        "service option burst_size takes a positive number, or a callable that returns one for a rate, but got ''.",
    ),
    (
        "service",
        ["queue_tombstone_ttl = 1w"],
        ValueError,
        "service option queue_tombstone_ttl takes a duration such as timedelta(seconds=30) or '30s', but got '1w'.",
    ),
    (
        "service",
        ["max_task_size = 0"],
        ValueError,
        "service option max_task_size takes a positive number of bytes, but got 0.",
    ),
    ("service", ["nonsense"], ValueError, f"service has no option 'nonsense'. Its options are {SERVICE_OPTIONS}."),
]


@each(("name", "value", "setting"), VALUES)
def test_values_of_markers_and_callers(name: str, value: Any, setting: Any) -> None:
    """Every option takes values of its own type."""
    assert checked({name: value}, where="the marker") == {name: setting}


@each(("name", "text", "setting"), TEXTS)
def test_texts_of_ini_files(name: str, text: Any, setting: Any) -> None:
    """Every option can be written in an ini file, lists and service options one a line."""
    assert settings_from_ini({name: text}) == {name: setting}


@each(("name", "value", "kind", "message"), WRONG_VALUES)
def test_wrong_values(name: str, value: Any, kind: type[Exception], message: str) -> None:
    """A wrong value is rejected in a sentence that names the option and shows the value."""
    with pytest.raises(kind) as caught:
        checked({name: value}, where="the marker")
    assert str(caught.value) == message


@each(("name", "text", "kind", "message"), WRONG_TEXTS)
def test_wrong_texts(name: str, text: Any, kind: type[Exception], message: str) -> None:
    """The sentence begins with the option's name, so that the ini file's own can be put before it."""
    with pytest.raises(kind) as caught:
        settings_from_ini({name: text})
    assert str(caught.value) == message


def test_every_option_is_in_the_tables() -> None:
    """An option that is added needs rows above."""
    assert {name for name, *_ in VALUES} == {name for name, *_ in TEXTS} == set(OPTIONS)
    assert {name for name, *_ in WRONG_VALUES} == set(OPTIONS)


def test_empty_texts_are_unset() -> None:
    """What the ini file leaves out has the default."""
    assert settings_from_ini({"queues": [], "project": "", "seed": "", "service": []}) == {}


def test_a_misspelt_option() -> None:
    """The error names the place of the option, the nearest name and all of them."""
    with pytest.raises(ValueError) as caught:
        checked({"queue": "receipts"}, where="@pytest.mark.cloud_tasks")
    assert str(caught.value) == (
        "@pytest.mark.cloud_tasks has no option 'queue'. Did you mean 'queues'? Its options are queues, project,"
        " location, start, time, seed, order, strict, auto_create_queues, outside, autouse, on_exception,"
        " redirect_endpoints, firebase_functions, google_auth, async_client_loops, eager,"
        " show_secrets and service."
    )


def test_later_layers_win_key_by_key_and_queues_add_up() -> None:
    """Layers are the ini file and the markers, from the farthest to the nearest."""
    settings = merged(
        {"queues": {"a": {}, "b": {}}, "seed": 1, "project": "acme"},
        {"seed": 2},
        {"queues": {"b": {"state": "PAUSED"}, "c": {}}},
    )
    assert settings == Settings(queues={"a": {}, "b": {"state": "PAUSED"}, "c": {}}, seed=2, project="acme")
    assert merged() == Settings()


def test_a_queue_is_one_by_its_id_and_by_its_full_name() -> None:
    """A later layer's is that of an earlier one, in the project that holds in the end."""
    file = {"projects/acme/locations/us-central1/queues/a": {}, "projects/acme/locations/us-east1/queues/a": {}}
    fields = {"retry_config": {"max_attempts": 7}}
    settings = merged({"queues": file, "project": "other"}, {"queues": {"a": fields}, "project": "acme"})
    assert settings.queues == {"a": fields, "projects/acme/locations/us-east1/queues/a": {}}


def test_queues_add_up_field_by_field() -> None:
    """A later layer changes what it names, within messages as well, and leaves the rest of the queue."""
    file = {"retry_config": {"max_attempts": 5, "min_backoff": "1s"}, "rate_limits": {"max_dispatches_per_second": 2}}
    settings = merged(
        {"queues": {"a": file}},
        {"queues": {"a": {}}},
        {"queues": {"a": {"retry_config": {"max_attempts": 3, "max_doublings": 1}, "state": "PAUSED"}}},
    )
    assert settings.queues == {
        "a": {
            "retry_config": {"min_backoff": "1s", "max_attempts": 3, "max_doublings": 1},
            "rate_limits": {"max_dispatches_per_second": 2},
            "state": "PAUSED",
        }
    }
    assert file["retry_config"] == {"max_attempts": 5, "min_backoff": "1s"}


def test_queues_of_one_option_add_up_field_by_field() -> None:
    """A list may name a queue twice, as a file and a mapping do."""
    given = [{"a": {"retry_config": {"max_attempts": 5}}}, "a", {"a": {"retry_config": {"max_doublings": 1}}}]
    assert checked({"queues": given}, where="") == {
        "queues": {"a": {"retry_config": {"max_attempts": 5, "max_doublings": 1}}}
    }


def test_fields_given_as_messages_add_up() -> None:
    """One of Google's messages changes the fields that it has set."""
    given = [
        {"a": {"retry_config": tasks_v2.RetryConfig(max_attempts=5, min_backoff=timedelta(seconds=2))}},
        {"a": {"retry_config": {"max_attempts": 3}}},
        {"a": {"retry_config": tasks_v2.RetryConfig(max_doublings=1)}},
    ]
    with FakeCloudTasks(queues=given) as cloud_tasks:
        retry = cloud_tasks.queue("a").message.retry_config
    assert (retry.max_attempts, retry.min_backoff, retry.max_doublings) == (3, timedelta(seconds=2), 1)


def test_of_fields_that_exclude_each_other_the_later_one_counts() -> None:
    """v2beta2 has two fields for the number of attempts."""
    limited, unlimited = {"max_attempts": 5}, {"unlimited_attempts": True}
    for first, second, attempts in ((limited, unlimited, -1), (unlimited, limited, 5)):
        queues = [{"a": {"pull_target": {}, "retry_config": one}} for one in (first, second)]
        with FakeCloudTasks(queues=queues) as cloud_tasks:
            assert cloud_tasks.queue("a").message.retry_config.max_attempts == attempts


def test_a_queue_is_named_by_its_id_or_in_full() -> None:
    """An ID is one of the fake's own project and location."""
    settings = merged({"project": "acme", "location": "europe-west1"})
    assert settings.queue_name("receipts") == "projects/acme/locations/europe-west1/queues/receipts"
    assert settings.queue_name("projects/p/locations/l/queues/q") == "projects/p/locations/l/queues/q"
    assert settings.queue_name("locations/l/queues/q") == "projects/acme/locations/l/queues/q"


def test_a_queue_that_the_service_rejects_is_rejected_with_the_settings() -> None:
    """The fake does not begin, and the message has the queue and the service's own reason."""
    for queues, reason in (
        (["a_b"], "The queue 'a_b' of the settings can't be created: Queue ID \"a_b\" can contain only letters"),
        (
            {"receipts": {"retry_config": {"max_attempts": -2}}},
            "The queue 'receipts' of the settings can't be created: RetryConfig.maxAttempts must be greater or equal",
        ),
        (
            {"receipts": {"retries": 3}},
            "The queue 'receipts' of the settings can't be created: retries is no field of Google's Queue.",
        ),
    ):
        fake = FakeCloudTasks(queues=queues)
        with pytest.raises(ValueError) as caught:
            fake.__enter__()
        assert str(caught.value).startswith(reason)
        assert repr(fake) == "<FakeCloudTasks, not active>"


def test_the_full_name_of_a_queue_shows_a_wrong_location() -> None:
    """The service's own reason is about the form of the whole name."""
    with pytest.raises(ValueError) as caught:
        FakeCloudTasks(location="europe_west1", queues=["receipts"]).__enter__()
    assert str(caught.value).endswith(
        " Its name would be 'projects/test-project/locations/europe_west1/queues/receipts': check the project and the"
        " location."
    )


def test_a_path_names_a_file(tmp_path: Path) -> None:
    """Texts that end like files and paths are read, also next to IDs."""
    file = tmp_path / "queues.json"
    file.write_text('[{"name": "projects/p/locations/l/queues/q", "state": "RUNNING"}]')
    found = {"projects/p/locations/l/queues/q": {"state": "RUNNING"}}
    assert checked({"queues": file}, where="") == {"queues": found}
    assert checked({"queues": str(file)}, where="") == {"queues": found}
    assert settings_from_ini({"queues": ["receipts", str(file)]}) == {"queues": {"receipts": {}, **found}}
