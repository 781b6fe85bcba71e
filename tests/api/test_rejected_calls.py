from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import CloudTasksClient

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._diagnostics.rejections import rejections_text

PARENT = "projects/test-project/locations/us-central1"
URL = "https://example.com/"
MISSING = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
TOMBSTONE = (
    "CreateTask was rejected with ALREADY_EXISTS: The task cannot be created because a task with this name existed too"
    " recently. For more information about task de-duplication see"
    " https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create#body.request_body.FIELDS.task."
)


@pytest.fixture
def fake() -> Iterator[FakeCloudTasks]:
    with FakeCloudTasks(queues=["receipts", "invoices"]) as fake:
        fake.route("*")
        yield fake


def create(queue: str = "receipts", task: str = "t", **request: object) -> None:
    name = f"{PARENT}/queues/{queue}"
    http_request = {"url": URL, **request}
    CloudTasksClient().create_task(parent=name, task={"name": f"{name}/tasks/{task}", "http_request": http_request})


def refused(fake: FakeCloudTasks, call: Callable[[], object]) -> str:
    """Return the text about a rejected call."""
    with suppress(exceptions.GoogleAPICallError):
        call()
    return told_of(fake)


def told_of(fake: FakeCloudTasks) -> str:
    """Return the text about all rejected calls."""
    simulation = fake._synced()
    return rejections_text(simulation.history, simulation.service, simulation.clock, simulation.settings)


def test_without_a_rejection_there_is_no_text(fake: FakeCloudTasks) -> None:
    """Calls that succeed don't appear."""
    create()
    assert told_of(fake) == ""


def test_a_missing_queue_is_reported_with_the_nearest_one(fake: FakeCloudTasks) -> None:
    """Google's text stays as it is; the fake's explanation is on its own line."""
    assert refused(fake, lambda: create("reciepts")) == (
        f"CreateTask was rejected with NOT_FOUND: {MISSING}\nThere is no queue 'reciepts'. Did you mean 'receipts'? The"
        " queues of this test are invoices and receipts. Create it with cloud_tasks.create_queue('reciepts'), or"
        " list it in @pytest.mark.cloud_tasks(queues=[…]) or in the ini option cloud_tasks_queues."
    )


def test_a_queue_of_another_project_is_reported_by_its_full_name(fake: FakeCloudTasks) -> None:
    """Where the ID alone would mean another queue, names are whole."""
    other = "projects/production/locations/us-central1/queues/receipts"
    assert (
        refused(fake, lambda: CloudTasksClient().get_queue(name=other))
        .splitlines()[1]
        .startswith(f"There is no queue {other!r}. Did you mean {f'{PARENT}/queues/receipts'!r}?")
    )


def test_a_deleted_queue_is_reported(fake: FakeCloudTasks) -> None:
    """Its name stays reserved, by a service option."""
    client, name = CloudTasksClient(), f"{PARENT}/queues/receipts"
    client.delete_queue(name=name)
    told = refused(fake, lambda: client.create_queue(parent=PARENT, queue={"name": name}))
    assert told.splitlines()[1] == (
        "The queue receipts was deleted in this test; its name is free again 7 d after that, by the service option"
        " queue_tombstone_ttl."
    )


def test_an_id_in_place_of_a_full_name_is_told_with_the_name(fake: FakeCloudTasks) -> None:
    """Google's text is about a project of that name."""
    client = CloudTasksClient()
    task = {"http_request": {"url": URL}}
    assert refused(fake, lambda: client.create_task(parent="receipts", task=task)).splitlines()[-1] == (
        f"The parent of the call is 'receipts', but it takes a full name, such as '{PARENT}/queues/receipts'."
        " client.queue_path(PROJECT, LOCATION, QUEUE) returns a queue's full name."
    )
    assert refused(fake, lambda: client.get_queue(name="receipts")).splitlines()[-1] == (
        f"The name of the call is 'receipts', but it takes a full name, such as '{PARENT}/queues/receipts'."
        " client.queue_path(PROJECT, LOCATION, QUEUE) returns a queue's full name."
    )


MADE_BY_OPTION = (
    "The option `queues` created the queue receipts before the test (in a marker, the ini file, an argument, or a file"
    " that one of them names). Remove it from the option, or don't create it here; update_queue() changes its settings."
)


def test_a_queue_that_the_options_made_is_reported(fake: FakeCloudTasks) -> None:
    """Code that creates its queue, and a test that has named it already."""
    client, name = CloudTasksClient(), f"{PARENT}/queues/receipts"
    assert refused(fake, lambda: client.create_queue(parent=PARENT, queue={"name": name})) == (
        f"CreateQueue was rejected with ALREADY_EXISTS: Queue already exists\n{MADE_BY_OPTION}"
    )


def test_a_queue_that_was_created_twice_is_reported_with_its_creation(fake: FakeCloudTasks) -> None:
    """The first call is the one that made it."""
    client, name = CloudTasksClient(), f"{PARENT}/queues/mails"
    fake.advance(seconds=3)
    client.create_queue(parent=PARENT, queue={"name": name})
    assert refused(fake, lambda: client.create_queue(parent=PARENT, queue={"name": name})) == (
        "CreateQueue was rejected with ALREADY_EXISTS: Queue already exists\nThe queue mails was created at +0:00:03,"
        " and is still there."
    )


def test_the_fake_s_own_rejection_has_a_note(fake: FakeCloudTasks) -> None:
    """Its text is Google's, and the explanation is a note, which Python shows below."""
    with pytest.raises(exceptions.AlreadyExists) as caught:
        fake.create_queue("receipts")
    assert caught.value.message == "Queue already exists"
    assert caught.value.__notes__ == [MADE_BY_OPTION]


def test_a_live_duplicate_is_reported_with_its_creation(fake: FakeCloudTasks) -> None:
    """The task is still there."""
    create()
    assert refused(fake, create) == (
        "CreateTask was rejected with ALREADY_EXISTS: Requested entity already exists\nt was created at +0:00:00, and"
        " is still there."
    )


@pytest.mark.parametrize(
    ("end", "how"),
    [
        (lambda fake: fake.drain(), "succeeded"),
        (lambda fake: CloudTasksClient().delete_task(name=f"{PARENT}/queues/receipts/tasks/t"), "was deleted"),
    ],
)
def test_a_tombstone_is_reported_with_its_history(
    fake: FakeCloudTasks, end: Callable[[FakeCloudTasks], object], how: str
) -> None:
    """How the task of that name ended, and that published windows differ."""
    create()
    fake.clock.now()
    end(fake)
    fake.advance(timedelta(minutes=90))
    assert refused(fake, create) == (
        f"{TOMBSTONE}\nt was created at +0:00:00, and {how} at +0:00:00. Its name is free again 1 d after that, by the"
        " service option task_tombstone_ttl. Google's documentation says 1 h, 4 h and 24 h, so rely on none of them."
    )


def test_a_task_that_never_was_is_reported_with_the_nearest_one(fake: FakeCloudTasks) -> None:
    """Among the tasks of its queue."""
    create(task="order-42")
    client = CloudTasksClient()
    assert refused(fake, lambda: client.get_task(name=f"{PARENT}/queues/receipts/tasks/order-43")) == (
        "GetTask was rejected with NOT_FOUND: Requested entity was not found.\nNo task order-43 was created in this"
        " test. Did you mean 'order-42'?"
    )


def test_a_task_that_has_ended_is_reported_with_its_end(fake: FakeCloudTasks) -> None:
    """The text says when the task ended."""
    create()
    fake.drain()
    client = CloudTasksClient()
    told = refused(fake, lambda: client.get_task(name=f"{PARENT}/queues/receipts/tasks/t"))
    assert told.splitlines()[1] == "t was created at +0:00:00, and succeeded at +0:00:00."


def test_a_rejection_is_reported_as_things_were_then(fake: FakeCloudTasks) -> None:
    """The duplicate of a live task stays one when that has ended, and another has taken its name."""
    client, name = CloudTasksClient(), f"{PARENT}/queues/receipts/tasks/t"
    assert refused(fake, lambda: client.get_task(name=name)).splitlines()[1] == "No task t was created in this test."
    create()
    refused(fake, create)
    fake.drain()
    fake.advance(timedelta(days=2))
    create()
    told = told_of(fake).split("\n\n")
    assert [one.splitlines()[1] for one in told] == [
        "t was created only after that, at +0:00:00.",
        "t was created at +0:00:00, and was still there.",
    ]


def test_a_task_too_large_is_reported_with_the_limit(fake: FakeCloudTasks) -> None:
    """In bytes of the stored message."""
    assert refused(fake, lambda: create(body=bytes(1_100_000))) == (
        "CreateTask was rejected with INVALID_ARGUMENT: Task size too large\nThe limit is 1048569 bytes of the stored"
        " task, by the service option max_task_size."
    )


def test_of_many_rejections_the_last_are_reported(fake: FakeCloudTasks) -> None:
    """A loop of rejected calls doesn't fill the report."""
    client = CloudTasksClient()
    for number in range(5):
        delete = partial(client.delete_task, name=f"{PARENT}/queues/receipts/tasks/{number}")
        told = refused(fake, delete)
    first, *rest = told.split("\n\n")
    assert first == "The last 3 of 5 rejected calls:"
    assert [one.splitlines()[1] for one in rest] == [f"No task {n} was created in this test." for n in (2, 3, 4)]


UNREFRESHED = (
    "{} has service_account_email='default', which is not an address (NAME@DOMAIN). Credentials of Cloud Run have"
    " 'default' there until they are refreshed: call credentials.refresh(google.auth.transport.requests.Request())"
    " before you read it."
)


@pytest.mark.parametrize(
    ("token", "account", "hint"),
    [
        ("oidc_token", "default", UNREFRESHED.format("http_request.oidc_token")),
        ("oauth_token", "default", UNREFRESHED.format("http_request.oauth_token")),
        (
            "oidc_token",
            "",
            "http_request.oidc_token has no service_account_email. Set the address of the account that calls the"
            " target, such as 'tasks@my-project.iam.gserviceaccount.com'; a setting of the application may be empty.",
        ),
        (
            "oidc_token",
            "me",
            "http_request.oidc_token has service_account_email='me', which is not an address (NAME@DOMAIN).",
        ),
    ],
)
def test_an_account_without_an_address_is_named(fake: FakeCloudTasks, token: str, account: str, hint: str) -> None:
    """Google's text says nothing of it, and credentials that aren't refreshed have such a name."""
    call = partial(create, url="https://run.googleapis.com/", **{token: {"service_account_email": account}})
    text = "Request contains an invalid argument." if account else "service_account_email must be set."
    assert refused(fake, call) == f"CreateTask was rejected with INVALID_ARGUMENT: {text}\n{hint}"


@pytest.mark.parametrize("token", ["oidc_token", "oauth_token"])
def test_a_token_over_http_is_named_as_its_field(fake: FakeCloudTasks, token: str) -> None:
    """Google's text has an authorization_header, which is not a field of a task."""
    url = "http://run.googleapis.com/"
    call = partial(create, url=url, **{token: {"service_account_email": "me@my-project.iam.gserviceaccount.com"}})
    assert refused(fake, call) == (
        "CreateTask was rejected with INVALID_ARGUMENT: HttpRequest.url must start with 'https://' for request with"
        f" HttpRequest.authorization_header\nhttp_request.{token} needs https, but the url is {url!r}. Use an https://"
        " URL, or remove the token."
    )


@pytest.mark.needs("batches")
def test_a_queues_account_without_an_address_is_named(fake: FakeCloudTasks) -> None:
    """The tokens that a queue gives its tasks are looked at, too."""
    name = f"{PARENT}/queues/receipts"
    target = {"oidc_token": {"service_account_email": "default"}}
    told = refused(fake, lambda: CloudTasksClient().update_queue(queue={"name": name, "http_target": target}))
    assert told.splitlines()[1:] == [UNREFRESHED.format("http_target.oidc_token")]
