"""The assertions: each passes and fails as its arguments say, and a failure's whole text is what its reader gets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import CloudTasksAssertionError, FakeCloudTasks, TaskRecord, exactly

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues=["receipts", "reports"])


def message_of(call: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(CloudTasksAssertionError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@pytest.fixture
def order(enqueue: Enqueue) -> str:
    """One rich task, which the tables below match in every way."""
    return enqueue(
        "order-42",
        MAILER,
        http_method="PUT",
        body=b'{"order": 42, "customer": {"name": "Ada", "vip": true}, "items": [1, 2]}',
        headers={"Content-Type": "application/json", "X-Tenant": "acme"},
        oidc_token={"service_account_email": "robot@acme.test"},
        schedule_time=START + timedelta(minutes=5),
        dispatch_deadline=timedelta(seconds=20),
    )


FULL_QUEUE = "projects/test-project/locations/us-central1/queues/receipts"
MATCHING: dict[str, dict[str, Any]] = {
    "no argument at all": {},
    "queue by its ID": {"queue": "receipts"},
    "queue by its full name": {"queue": FULL_QUEUE},
    "queue by a pattern": {"queue": re.compile("^rec")},
    "url whole": {"url": MAILER},
    "url by a pattern, searched for": {"url": re.compile(r"\.test/")},
    "url by a predicate": {"url": lambda url: url.endswith("send")},
    "method": {"method": "PUT"},
    "method in lower case": {"method": "put"},
    "method as Google's enum": {"method": tasks_v2.HttpMethod.PUT},
    "json partially": {"json": {"order": 42}},
    "json partially, nested": {"json": {"customer": {"name": "Ada"}}},
    "json with a whole list": {"json": {"items": [1, 2]}},
    "json with a tuple for the list": {"json": {"items": (1, 2)}},
    "json by a predicate": {"json": lambda order: order["order"] > 41},
    "json by anything's own __eq__": {"json": {"order": pytest.approx(42.0), "items": mock.ANY}},
    "json by patterns and predicates within": {
        "json": {"customer": {"name": re.compile("^A"), "vip": lambda vip: vip is True}}
    },
    "json whole": {"json": exactly({"order": 42, "customer": {"name": "Ada", "vip": True}, "items": [1, 2]})},
    "json whole in one place": {"json": {"customer": exactly({"vip": True, "name": "Ada"})}},
    "body as bytes": {"body": b'{"order": 42, "customer": {"name": "Ada", "vip": true}, "items": [1, 2]}'},
    "body as text": {"body": '{"order": 42, "customer": {"name": "Ada", "vip": true}, "items": [1, 2]}'},
    "body by a pattern of text": {"body": re.compile('"order": 42')},
    "body by a pattern of bytes": {"body": re.compile(b"order")},
    "headers in any case": {"headers": {"content-type": "application/json"}},
    "headers by a pattern": {"headers": {"X-TENANT": re.compile("^ac")}},
    "headers whole": {
        "headers": exactly({"x-tenant": "acme", "content-type": "application/json", "user-agent": "Google-Cloud-Tasks"})
    },
    "headers by a predicate": {"headers": lambda headers: headers["x-tenant"] == "acme"},
    "name by its ID": {"name": "order-42"},
    "name in full": {"name": f"{FULL_QUEUE}/tasks/order-42"},
    "name by a pattern": {"name": re.compile(r"\d+$")},
    "at": {"at": START + timedelta(minutes=5)},
    "at in another zone": {"at": datetime(2030, 1, 1, 9, 5, tzinfo=timezone(timedelta(hours=9)))},
    "at, a second off": {"at": START + timedelta(minutes=5, seconds=1)},
    "at by a predicate": {"at": lambda at: at > START},
    "delay": {"delay": timedelta(minutes=5)},
    "delay, within a minute": {"delay": timedelta(minutes=4, seconds=1), "within": timedelta(minutes=1)},
    "delay by a predicate": {"delay": lambda delay: delay > timedelta(0)},
    "deadline": {"deadline": timedelta(seconds=20)},
    "oidc partially": {"oidc": {"service_account_email": "robot@acme.test"}},
    "oidc's audience, by default the URL": {"oidc": {"audience": MAILER}},
    "oidc whole": {"oidc": exactly({"service_account_email": "robot@acme.test", "audience": MAILER})},
    "all at once": {"queue": "receipts", "url": mock.ANY, "json": mock.ANY, "at": mock.ANY, "deadline": mock.ANY},
}
DIFFERING: dict[str, dict[str, Any]] = {
    "queue": {"queue": "reports"},
    "queue by its full name": {"queue": FULL_QUEUE.replace("receipts", "reports")},
    "url": {"url": "https://mailer.test/"},
    "url by a pattern": {"url": re.compile("^mailer")},
    "url by a predicate": {"url": lambda url: url.endswith("/")},
    "method": {"method": "POST"},
    "method as Google's enum": {"method": tasks_v2.HttpMethod.POST},
    "json": {"json": {"order": 43}},
    "json of another type": {"json": {"order": "42"}},
    "json's true for a 1": {"json": {"items": [True, 2]}},
    "json's 1 for true": {"json": {"customer": {"vip": 1}}},
    "json with a key that is missing": {"json": {"currency": mock.ANY}},
    "json with a shorter list": {"json": {"items": [1]}},
    "json with another order": {"json": {"items": [2, 1]}},
    "json whole": {"json": exactly({"order": 42})},
    "json whole in one place": {"json": {"customer": exactly({"name": "Ada"})}},
    "json's null": {"json": None},
    "json that is a list": {"json": [42]},
    "body": {"body": b"{}"},
    "body as text": {"body": ""},
    "body by a pattern": {"body": re.compile("^order")},
    "headers": {"headers": {"X-Tenant": "Acme"}},
    "headers that are missing": {"headers": {"X-Trace": mock.ANY}},
    "headers whole": {"headers": exactly({"x-tenant": "acme", "content-type": "application/json"})},
    "name": {"name": "order-4"},
    "at": {"at": START},
    "at, beyond a second": {"at": START + timedelta(minutes=5, seconds=1, microseconds=1)},
    "delay": {"delay": timedelta(0)},
    "delay, not within": {"delay": timedelta(minutes=5, microseconds=1), "within": timedelta(0)},
    "deadline": {"deadline": timedelta(minutes=10)},
    "oidc": {"oidc": {"service_account_email": "human@acme.test"}},
    "no oidc": {"oidc": None},
    "oidc whole": {"oidc": exactly({"service_account_email": "robot@acme.test"})},
    "one of two": {"queue": "receipts", "method": "GET"},
}


@pytest.mark.parametrize("expected", MATCHING.values(), ids=MATCHING)
def test_a_task_matches(cloud_tasks: FakeCloudTasks, order: str, expected: dict[str, Any]) -> None:
    """What matches is given by assert_enqueued, and rejected by assert_not_enqueued."""
    assert cloud_tasks.assert_enqueued(**expected).name == order
    with pytest.raises(CloudTasksAssertionError):
        cloud_tasks.assert_not_enqueued(**expected)


@pytest.mark.parametrize("expected", DIFFERING.values(), ids=DIFFERING)
def test_a_task_does_not_match(cloud_tasks: FakeCloudTasks, order: str, expected: dict[str, Any]) -> None:
    """What differs is rejected by assert_enqueued, and passes assert_not_enqueued."""
    cloud_tasks.assert_not_enqueued(**expected)
    with pytest.raises(CloudTasksAssertionError):
        cloud_tasks.assert_enqueued(**expected)


def test_no_token_matches_none(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """oidc=None asks for a task without a token."""
    name = enqueue()
    assert cloud_tasks.assert_enqueued(oidc=None).name == name


def test_json_null_is_a_value(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """json=None asks for a body of null, which an empty body is not."""
    enqueue("empty")
    name = enqueue("null", body=b"null")
    assert cloud_tasks.assert_enqueued(json=None).name == name


def test_an_app_engine_task_matches_by_its_relative_uri(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The url of an App Engine task is its relative URI; it has no token."""
    name = enqueue("work", "/jobs?x=1")
    assert cloud_tasks.assert_enqueued(url="/jobs?x=1", oidc=None, deadline=timedelta(minutes=10)).name == name


@pytest.mark.parametrize(
    ("expected", "names"),
    [
        ({"service": "default"}, ["plain"]),
        ({"service": "mailer"}, ["second", "newest"]),
        ({"service": "mailer", "version": "v2"}, ["second"]),
        ({"version": re.compile("^v")}, ["second", "newest"]),
        ({"version": ""}, ["plain", "http"]),
        ({"service": ""}, ["http"]),
        ({"service": lambda service: service != "mailer", "url": "/jobs"}, ["plain"]),
    ],
)
def test_app_engine_tasks_match_by_service_and_version(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, expected: dict[str, Any], names: list[str]
) -> None:
    """A task that names no service is one of the service "default"; other tasks have neither."""
    enqueue("plain", "/jobs")
    enqueue("second", "/jobs", app_engine_routing={"service": "mailer", "version": "v2"})
    enqueue("newest", "/jobs", app_engine_routing={"service": "mailer", "version": "v3"})
    enqueue("http")
    assert [task.id for task in cloud_tasks.assert_enqueued(**expected, count=None)] == names


def test_another_service_is_reported(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The message has both sides."""
    enqueue("second", "/jobs", app_engine_routing={"service": "mailer", "version": "v2"})
    with pytest.raises(AssertionError) as failed:
        cloud_tasks.assert_enqueued(url="/jobs", service="worker", version="v2")
    assert "service  'worker'  'mailer'" in str(failed.value)


def test_a_past_schedule_time_is_a_delay_of_zero(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A task scheduled in the past is due at its creation, after a delay of zero."""
    enqueue(schedule_time=START - timedelta(days=1))
    cloud_tasks.assert_enqueued(at=START, delay=timedelta(0), within=timedelta(0))


def test_delay_counts_from_the_creation(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """at is an instant, delay a duration from the task's own creation, and neither moves with a retry."""
    cloud_tasks.route(MAILER).returns(500)
    cloud_tasks.advance(hours=1)
    enqueue(schedule_time=START + timedelta(hours=3))
    cloud_tasks.advance(hours=3)
    cloud_tasks.assert_enqueued(at=START + timedelta(hours=3), delay=timedelta(hours=2), within=timedelta(0))


# --- counts ------------------------------------------------------------------------------------------------------


def test_counts_are_exact(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A count gives that many tasks in the order of creation, None at least one, 0 an empty list, 1 the task."""
    names = [enqueue("b"), enqueue("a"), enqueue("c", queue="reports")]

    assert [task.name for task in cloud_tasks.assert_enqueued(count=3)] == names
    assert [task.name for task in cloud_tasks.assert_enqueued(queue="receipts", count=None)] == names[:2]
    assert cloud_tasks.assert_enqueued(queue="reports", count=1).name == names[2]
    assert [task.id for task in cloud_tasks.assert_enqueued(queue="reports", count=None)] == ["c"]
    assert cloud_tasks.assert_enqueued(url="https://nobody.test/", count=0) == []


@pytest.mark.parametrize(
    ("existing", "count", "headline"),
    [
        (0, 1, "Expected 1 task, found none."),
        (0, 2, "Expected 2 tasks, found none."),
        (0, None, "Expected at least 1 task, found none."),
        (1, 2, "Expected 2 tasks, found 1."),
        (1, 0, "Expected no task, found 1."),
        (2, 1, "Expected 1 task, found 2."),
        (2, 0, "Expected no task, found 2."),
        (3, 2, "Expected 2 tasks, found 3."),
    ],
)
def test_the_headline_counts(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, existing: int, count: int | None, headline: str
) -> None:
    """A failure begins with a sentence that counts, in the right number."""
    for _ in range(existing):
        enqueue()
    assert message_of(cloud_tasks.assert_enqueued, count=count).splitlines()[0] == headline


@pytest.mark.parametrize("count", [-1, True, 1.5, "2"])
def test_a_count_is_a_number(cloud_tasks: FakeCloudTasks, count: Any) -> None:
    """Anything else than a number of tasks is rejected as a mistake of the test."""
    with pytest.raises(ValueError) as caught:
        cloud_tasks.assert_enqueued(count=count)
    assert str(caught.value) == f"count takes a number of tasks, or None for at least one, but got {count!r}."


# --- which tasks count -------------------------------------------------------------------------------------------


def test_removed_tasks_count_and_rejected_ones_do_not(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Finished, deleted and purged tasks were enqueued; a task that the service rejected was not."""
    cloud_tasks.route(MAILER)
    client = tasks_v2.CloudTasksClient()
    enqueue("done")
    cloud_tasks.drain()
    client.delete_task(name=enqueue("deleted"))
    enqueue("purged", queue="reports")
    client.purge_queue(name=cloud_tasks.queue_path("reports"))
    client.delete_queue(name=cloud_tasks.queue_path("reports"))
    with pytest.raises(Exception, match="must start with"):
        enqueue("refused", "ftp://mailer.test/")

    found = cloud_tasks.assert_enqueued(count=3)
    assert [(task.id, task.state.value) for task in found] == [
        ("done", "succeeded"),
        ("deleted", "deleted"),
        ("purged", "deleted"),
    ]
    assert cloud_tasks.assert_enqueued(queue="reports").id == "purged"


def test_dispatched_tasks_are_those_that_went_out(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """assert_dispatched counts tasks, not attempts; one that waits or was deleted before was not dispatched."""
    cloud_tasks.route(MAILER).returns(503, 200)
    enqueue("sent", body=b'{"order": 1}')
    enqueue("later", schedule_time=START + timedelta(days=1))
    cloud_tasks.advance(minutes=1)

    assert cloud_tasks.assert_dispatched().id == "sent"
    assert cloud_tasks.assert_dispatched(json={"order": 1}, queue="receipts").dispatch_count == 2
    assert [task.id for task in cloud_tasks.assert_dispatched(count=None)] == ["sent"]
    cloud_tasks.assert_not_dispatched(name="later")


# --- whole messages ----------------------------------------------------------------------------------------------


def test_a_failure_shows_what_is_there_nearest_first(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What was expected, then every task with the fields that differ, the nearest first, then the timeline."""
    enqueue("far", "/jobs", queue="reports")
    enqueue("near", body=b'{"order": 41}')
    enqueue("middle", "https://mailer.test/receive", body=b"order", schedule_time=START + timedelta(seconds=90))

    message = message_of(cloud_tasks.assert_enqueued, queue="receipts", url=MAILER, json={"order": 42})

    assert message == (
        """\
Expected 1 matching task, found none.

Expected:
  queue: 'receipts'
  url: 'https://mailer.test/send'
  json: {'order': 42}

Not matching, nearest first:
  receipts/near  POST https://mailer.test/send  (scheduled)
                expected  actual
    json.order  42        41
  receipts/middle  POST https://mailer.test/receive  (scheduled)
          expected                    actual
    url   'https://mailer.test/send'  'https://mailer.test/receive'
    json  {'order': 42}               (no JSON: b'order')
  reports/far  POST /jobs  (scheduled)
           expected                    actual
    queue  'receipts'                  'reports'
    url    'https://mailer.test/send'  '/jobs'
    json   {'order': 42}               (no JSON: the body is empty)

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  reports/far created: POST http://test-project.uc.r.appspot.com/jobs
  +0:00:00  receipts/near created: POST https://mailer.test/send
  +0:00:00  receipts/middle created: POST https://mailer.test/receive, scheduled for +0:01:30"""
    )


def test_a_failure_for_too_many_shows_both_kinds(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Where more match than were expected, the matching ones are listed, and the others after them."""
    enqueue("one")
    enqueue("two")
    enqueue("other", queue="reports")

    assert message_of(cloud_tasks.assert_enqueued, queue="receipts") == (
        """\
Expected 1 matching task, found 2.

Expected:
  queue: 'receipts'

Matching:
  receipts/one  POST https://mailer.test/send  (scheduled)
  receipts/two  POST https://mailer.test/send  (scheduled)

Not matching, nearest first:
  reports/other  POST https://mailer.test/send  (scheduled)
           expected    actual
    queue  'receipts'  'reports'

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/one created: POST https://mailer.test/send
  +0:00:00  receipts/two created: POST https://mailer.test/send
  +0:00:00  reports/other created: POST https://mailer.test/send

The two differ only in their names: the code enqueued the same task twice. Name the task so that the service"""
        " rejects the second one, or pass count=."
    )


def test_a_failure_without_any_task(cloud_tasks: FakeCloudTasks) -> None:
    """Where nothing was enqueued at all, the message says so."""
    assert message_of(cloud_tasks.assert_enqueued, url=MAILER, count=None) == (
        """\
Expected at least 1 matching task, found none.

Expected:
  url: 'https://mailer.test/send'

No task was enqueued in this test.

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created

No client has called this fake. Check that the code which enqueues ran, in this process and without a mock."""
    )


def test_assert_not_enqueued_says_what_it_found(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """The tasks that match are listed, and no others."""
    enqueue("one")
    enqueue("other", queue="reports")
    assert message_of(cloud_tasks.assert_not_enqueued, queue="receipts") == (
        """\
Expected no matching task, found 1.

Expected:
  queue: 'receipts'

Matching:
  receipts/one  POST https://mailer.test/send  (scheduled)

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/one created: POST https://mailer.test/send
  +0:00:00  reports/other created: POST https://mailer.test/send"""
    )


def test_assert_nothing_enqueued(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It passes while there is nothing, and lists what there is."""
    cloud_tasks.assert_nothing_enqueued()
    enqueue("one")
    assert message_of(cloud_tasks.assert_nothing_enqueued) == (
        """\
Expected no task, found 1.

Found:
  receipts/one  POST https://mailer.test/send  (scheduled)

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/one created: POST https://mailer.test/send"""
    )


def test_the_dispatch_assertions_say_dispatched(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Their messages speak of dispatching, and range over what was dispatched."""
    cloud_tasks.route(MAILER)
    enqueue("one")
    assert message_of(cloud_tasks.assert_dispatched, name="one") == (
        """\
Expected 1 matching dispatched task, found none.

Expected:
  name: 'one'

No task was dispatched in this test.

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/one created: POST https://mailer.test/send

1 task is due, but the queue has not been driven since. Call cloud_tasks.drain() or cloud_tasks.dispatch_due(); in"""
        " async code, `await` those of cloud_tasks.aio."
    )
    cloud_tasks.drain()
    assert message_of(cloud_tasks.assert_not_dispatched) == (
        """\
Expected no dispatched task, found 1.

Found:
  receipts/one  POST https://mailer.test/send  (succeeded)

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/one created: POST https://mailer.test/send
  +0:00:00  receipts/one attempt 1 → 200"""
    )


# --- expect_enqueued ---------------------------------------------------------------------------------------------


def test_expect_enqueued_ranges_over_its_block(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Only what the block adds counts, and the list is filled when the block ends."""
    enqueue("before")
    with cloud_tasks.expect_enqueued(queue="receipts", count=2) as tasks:
        enqueue("one")
        enqueue("two")
        enqueue("other", queue="reports")
        assert tasks == []
    enqueue("after")
    assert [task.id for task in tasks] == ["one", "two"]


def test_expect_enqueued_can_be_entered_again(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """Each block has its own list."""
    expected = cloud_tasks.expect_enqueued(queue="receipts")
    with expected as first:
        enqueue("one")
    with expected as second:
        enqueue("two")
    assert [[task.id for task in tasks] for tasks in (first, second)] == [["one"], ["two"]]


@pytest.mark.parametrize(
    ("count", "headline"),
    [
        (1, "Expected 1 task in this block, found none."),
        (3, "Expected 3 tasks in this block, found none."),
        (None, "Expected at least 1 task in this block, found none."),
    ],
)
def test_expect_enqueued_fails_at_the_end_of_its_block(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, count: int | None, headline: str
) -> None:
    """A block that adds nothing fails, whatever was enqueued before it."""
    enqueue("before")

    def block() -> None:
        with cloud_tasks.expect_enqueued(count=count):
            pass

    assert message_of(block) == (
        f"""\
{headline}

No task was enqueued in this block.

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  receipts/before created: POST https://mailer.test/send"""
    )


def test_expect_enqueued_of_none(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """With a count of 0 the block must add none that match."""
    with cloud_tasks.expect_enqueued(queue="receipts", count=0) as tasks:
        enqueue("other", queue="reports")
    assert tasks == []

    def block() -> None:
        with cloud_tasks.expect_enqueued(queue="receipts", count=0):
            enqueue("one")

    headline = "Expected no matching task in this block, found 1."
    assert message_of(block).splitlines()[0] == headline


def test_an_exception_in_the_block_propagates(cloud_tasks: FakeCloudTasks) -> None:
    """What the block raises is not hidden behind the assertion."""
    with pytest.raises(ZeroDivisionError), cloud_tasks.expect_enqueued():
        raise ZeroDivisionError


# --- assert_attempts, assert_empty -------------------------------------------------------------------------------


def test_assert_attempts_compares_every_result(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A response is its status, no response a code, an attempt under way None; matchers work as elsewhere."""
    target = cloud_tasks.route(MAILER).returns(500).raises(TimeoutError).raises(ConnectionError)
    enqueue("one", dispatch_deadline=timedelta(seconds=15))
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [])
    for _ in range(4):
        cloud_tasks.step()
    target.takes(timedelta(seconds=5))
    cloud_tasks.step()

    cloud_tasks.assert_attempts(task, [500, "DEADLINE_EXCEEDED", "UNKNOWN", None])
    cloud_tasks.assert_attempts(task, [lambda status: status >= 500, mock.ANY, re.compile("^UN"), None])


@pytest.mark.parametrize("expected", [[], [500], [200, 500], [500, 200, 200], [500, "200"]])
def test_assert_attempts_wants_them_all_in_order(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, expected: list[Any]
) -> None:
    """A missing, an additional or another result fails, with both lists and the timeline."""
    cloud_tasks.route(MAILER).returns(500, 200)
    enqueue("one")
    cloud_tasks.drain()
    assert message_of(cloud_tasks.assert_attempts, cloud_tasks.assert_enqueued(), expected) == (
        f"""\
Attempts of receipts/one differ:
  expected {expected!r}
       got [500, 200]

Timeline:
  +0:00:00      queue receipts created
  +0:00:00      queue reports created
  +0:00:00      receipts/one created: POST https://mailer.test/send
  +0:00:00      receipts/one attempt 1 → 500, retry in 0.1 s
  +0:00:00.100  receipts/one attempt 2 → 200"""
    )


def test_assert_empty(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It lists what is left, when each of them goes, and what holds it up; finished and deleted ones are no more."""
    cloud_tasks.route(MAILER).takes(timedelta(seconds=1))
    cloud_tasks.assert_empty()
    client = tasks_v2.CloudTasksClient()
    client.pause_queue(name=cloud_tasks.queue_path("reports"))
    enqueue("sent", http_method="GET")
    cloud_tasks.dispatch_due()
    enqueue("due")
    enqueue("later", "/jobs", schedule_time=START + timedelta(seconds=90))
    enqueue("held", queue="reports")
    assert message_of(cloud_tasks.assert_empty) == (
        """\
The queues are not empty: 4 tasks left.
  receipts/sent  GET https://mailer.test/send  under way
  receipts/due  POST https://mailer.test/send  due
  receipts/later  POST /jobs  goes at +0:01:30, in 1 min 30 s
  reports/held  POST https://mailer.test/send  due, but the queue is paused

Timeline:
  +0:00:00  queue receipts created
  +0:00:00  queue reports created
  +0:00:00  queue reports paused
  +0:00:00  receipts/sent created: GET https://mailer.test/send
  +0:00:00  receipts/sent attempt 1 dispatched
  +0:00:00  receipts/due created: POST https://mailer.test/send
  +0:00:00  receipts/later created: POST http://test-project.uc.r.appspot.com/jobs, scheduled for +0:01:30
  +0:00:00  reports/held created: POST https://mailer.test/send
  +0:00:00  reports/held blocked: the queue is paused

1 task is due, but the queue has not been driven since. Call cloud_tasks.drain() or cloud_tasks.dispatch_due(); in"""
        " async code, `await` those of cloud_tasks.aio."
    )
    for queue in ("receipts", "reports"):
        client.purge_queue(name=cloud_tasks.queue_path(queue))
    cloud_tasks.assert_empty()


def test_assert_empty_shows_ten(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """A long list is cut, and its rest counted; one task is one task."""
    enqueue("t0")
    assert message_of(cloud_tasks.assert_empty).splitlines()[0] == "The queues are not empty: 1 task left."
    for index in range(1, 12):
        enqueue(f"t{index}")
    lines = message_of(cloud_tasks.assert_empty).split("\n\n")[0].splitlines()
    assert lines == [
        "The queues are not empty: 12 tasks left.",
        *(f"  receipts/t{index}  POST https://mailer.test/send  due" for index in range(10)),
        "  … and 2 more",
    ]


def test_a_record_comes_back(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """What the assertions give are records of the very task, equal from one call to the next."""
    enqueue("one")
    record = cloud_tasks.assert_enqueued()
    assert isinstance(record, TaskRecord)
    assert record == cloud_tasks.assert_enqueued(name="one")
    assert record == cloud_tasks.tasks()[0]
