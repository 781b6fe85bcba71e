"""The documented API of 1.x, method by method: what its text promises, in the order in which it stands there.

The text is that of the reference page of ``google.cloud.tasks_v2.CloudTasksClient`` for google-cloud-tasks 1.x; each
docstring says which sentence it is about.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from google.iam.v1 import policy_pb2

from pytest_cloudtasks import FakeCloudTasks

URL = "https://worker.test/"
TASK = {"http_request": {"url": URL, "body": b"secret"}}
MISSING = "projects/test-project/locations/us-central1/queues/missing"
OWNER = {"bindings": [{"role": "roles/owner", "members": ["user:me@example.com"]}]}


def named(queue: str, task_id: str) -> dict[str, Any]:
    return {**TASK, "name": f"{queue}/tasks/{task_id}"}


def short(messages: Any) -> list[str]:
    return [message.name.rpartition("/")[2] for message in messages]


# --- create_queue ------------------------------------------------------------------------------------------------


def test_create_queue_gives_a_queue(client: Any, parent: str) -> None:
    """“Creates a queue”, in the location ``parent``, by “Union[dict, Queue]”, and gives it back."""
    created = client.create_queue(parent, {"name": f"{parent}/queues/q"})
    assert type(created).DESCRIPTOR.full_name == "google.cloud.tasks.v2.Queue"
    assert created == client.get_queue(created.name)
    assert client.create_queue(parent, type(created)(name=f"{parent}/queues/r")).name == f"{parent}/queues/r"


@pytest.mark.parametrize("rpc", ["create_queue", "update_queue"])
def test_tasks_live_for_31_days_at_the_most(client: Any, cloud_tasks: FakeCloudTasks, parent: str, rpc: str) -> None:
    """“Queues created with this method allow tasks to live for a maximum of 31 days”, then “will be deleted”."""
    queue = f"{parent}/queues/q"
    client.create_queue(parent, {"name": queue}) if rpc == "create_queue" else client.update_queue({"name": queue})
    client.pause_queue(queue)
    task = client.create_task(queue, TASK)
    cloud_tasks.advance(timedelta(days=31) - timedelta(seconds=1))
    assert client.get_task(task.name).name == task.name
    cloud_tasks.advance(seconds=1)
    assert list(client.list_tasks(queue)) == []


# --- create_task -------------------------------------------------------------------------------------------------


def test_create_task_adds_to_the_queue(client: Any, queue: str) -> None:
    """“Creates a task and adds it to a queue”, by “Union[dict, Task]”."""
    created = client.create_task(queue, TASK)
    assert short(client.list_tasks(queue)) == short([created])
    assert client.create_task(queue, type(created)(http_request={"url": URL})).http_request.url == URL


def test_tasks_cannot_be_updated(client: Any, queue: str) -> None:
    """“Tasks cannot be updated after creation; there is no UpdateTask command”: a name is taken once."""
    client.create_task(queue, named(queue, "once"))
    with pytest.raises(exceptions.AlreadyExists):
        client.create_task(queue, named(queue, "once"))
    assert not hasattr(client, "update_task")


def test_the_maximum_task_size(client: Any, queue: str) -> None:
    """“The maximum task size is 100KB”: a task that large is taken, as one far too large is not."""
    hundred_kilobytes = {"http_request": {"url": URL, "body": b"x" * 100 * 1024}}
    assert client.create_task(queue, hundred_kilobytes).name.startswith(queue)
    with pytest.raises(exceptions.InvalidArgument):
        client.create_task(queue, {"http_request": {"url": URL, "body": b"x" * 2_000_000}})
    assert len(list(client.list_tasks(queue))) == 1


@pytest.mark.cloud_tasks(service={"max_task_size": 102_400})
def test_the_documented_task_size_is_a_service_option(client: Any, queue: str) -> None:
    """The documented limit of 100 KB holds where the service option says so."""
    with pytest.raises(exceptions.InvalidArgument):
        client.create_task(queue, {"http_request": {"url": URL, "body": b"x" * 100 * 1024}})


@pytest.mark.parametrize("rpc", ["create_task", "get_task", "list_tasks", "run_task"])
def test_response_view_says_what_is_shown(client: Any, cloud_tasks: FakeCloudTasks, queue: str, rpc: str) -> None:
    """“The response_view specifies which subset” is returned: BASIC, the default, leaves out the body."""
    cloud_tasks.route(URL).returns(200)
    view = client.enums.Task.View
    name = client.create_task(queue, named(queue, "t")).name

    def shown(*response_view: Any) -> bytes:
        if rpc == "create_task":
            return bytes(client.create_task(queue, TASK, *response_view).http_request.body)
        if rpc == "list_tasks":
            return bytes(next(iter(client.list_tasks(queue, *response_view))).http_request.body)
        return bytes(getattr(client, rpc)(name, *response_view).http_request.body)

    assert [shown(), shown(None), shown(view.VIEW_UNSPECIFIED), shown(view.BASIC)] == [b""] * 4
    assert [shown(view.FULL), shown("FULL"), shown(2)] == [b"secret"] * 3


# --- delete_queue ------------------------------------------------------------------------------------------------


def test_delete_queue_deletes_its_tasks(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“This command will delete the queue even if it has tasks in it”, and gives nothing back."""
    client.create_task(queue, TASK)
    assert client.delete_queue(queue) is None
    with pytest.raises(exceptions.NotFound):
        client.get_queue(queue)
    assert cloud_tasks.tasks() == []


def test_a_deleted_queues_name_is_reserved(client: Any, cloud_tasks: FakeCloudTasks, parent: str, queue: str) -> None:
    """“If you delete a queue, a queue with the same name can't be created for 7 days”."""
    client.delete_queue(queue)
    cloud_tasks.advance(timedelta(days=7) - timedelta(seconds=1))
    with pytest.raises(exceptions.FailedPrecondition):
        client.create_queue(parent, {"name": queue})
    cloud_tasks.advance(seconds=1)
    assert client.create_queue(parent, {"name": queue}).name == queue


# --- delete_task -------------------------------------------------------------------------------------------------


def test_a_scheduled_task_can_be_deleted(client: Any, queue: str) -> None:
    """“A task can be deleted if it is scheduled”, and gives nothing back."""
    name = client.create_task(queue, TASK).name
    assert client.delete_task(name) is None
    with pytest.raises(exceptions.NotFound):
        client.get_task(name)


def test_a_dispatched_task_can_be_deleted(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“A task can be deleted if it is … dispatched”: from within its own handler, or between its attempts."""
    name = client.create_task(queue, named(queue, "t")).name
    cloud_tasks.route(URL).returns(503)
    cloud_tasks.dispatch_due()
    assert client.get_task(name).dispatch_count == 1
    assert client.delete_task(name) is None
    assert cloud_tasks.drain().attempts == 0


@pytest.mark.parametrize(("status", "max_attempts"), [(200, 1), (500, 1)])
def test_a_finished_task_cannot_be_deleted(
    client: Any, cloud_tasks: FakeCloudTasks, parent: str, status: int, max_attempts: int
) -> None:
    """“A task cannot be deleted if it has executed successfully or permanently failed”."""
    queue = client.create_queue(parent, {"name": f"{parent}/queues/q", "retry_config": {"max_attempts": max_attempts}})
    name = client.create_task(queue.name, named(queue.name, "t")).name
    cloud_tasks.route(URL).returns(status)
    cloud_tasks.drain()
    with pytest.raises(exceptions.NotFound):
        client.delete_task(name)


# --- from_service_account_file, from_service_account_json --------------------------------------------------------


@pytest.mark.parametrize("name", ["from_service_account_file", "from_service_account_json"])
def test_a_key_file_makes_a_client(legacy_class: Any, cloud_tasks: FakeCloudTasks, queue: str, name: str) -> None:
    """“Creates an instance of this client using the provided credentials file”, which a fake does not open."""
    client = getattr(legacy_class, name)("/no/such/key.json")
    assert type(client) is legacy_class
    assert client.get_queue(queue).name == queue
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"]


# --- IAM ---------------------------------------------------------------------------------------------------------


def test_an_unset_policy_is_empty(client: Any, queue: str) -> None:
    """“Returns an empty policy if the resource exists and does not have a policy set”; options may be given."""
    for policy in (client.get_iam_policy(queue), client.get_iam_policy(queue, {"requested_policy_version": 3})):
        assert isinstance(policy, policy_pb2.Policy)
        assert list(policy.bindings) == []


def test_a_policy_of_a_queue_that_is_not_there(client: Any) -> None:
    """“If the resource exists”: a queue that does not is NOT_FOUND."""
    with pytest.raises(exceptions.NotFound):
        client.get_iam_policy(MISSING)


def test_set_iam_policy_replaces(client: Any, queue: str) -> None:
    """“Sets the access control policy”, by “Union[dict, Policy]”, and “replaces any existing policy”."""
    client.set_iam_policy(queue, OWNER)
    policy = policy_pb2.Policy(bindings=[{"role": "roles/viewer", "members": ["allUsers"]}])
    client.set_iam_policy(queue, policy)
    assert [binding.role for binding in client.get_iam_policy(queue).bindings] == ["roles/viewer"]


def test_permissions_of_the_caller(client: Any, queue: str) -> None:
    """“Returns permissions that a caller has on a Queue”, given as “list[str]”."""
    asked = ["cloudtasks.queues.get", "cloudtasks.tasks.create"]
    assert list(client.test_iam_permissions(queue, asked).permissions) == asked


def test_permissions_on_a_queue_that_is_not_there(client: Any) -> None:
    """The page promises “an empty set of permissions, not a NOT_FOUND error”; the recorded answer is NOT_FOUND."""
    with pytest.raises(exceptions.NotFound) as error:
        client.test_iam_permissions(MISSING, ["cloudtasks.queues.get"])
    assert error.value.message == (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )


# --- get_queue, get_task -----------------------------------------------------------------------------------------


def test_get_queue_and_get_task(client: Any, queue: str) -> None:
    """“Gets a queue” and “gets a task”, or raises “if the request failed for any reason”."""
    task = client.create_task(queue, TASK)
    assert client.get_queue(queue).name == queue
    assert client.get_task(task.name) == task
    for call in (lambda: client.get_queue(MISSING), lambda: client.get_task(f"{queue}/tasks/missing")):
        with pytest.raises(exceptions.GoogleAPICallError) as error:
            call()
        assert type(error.value) is exceptions.NotFound


# --- list_queues -------------------------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(queues=["b", "c", "a"])
def test_queues_come_in_lexicographical_order(client: Any, parent: str) -> None:
    """“Queues are returned in lexicographical order”, as an iterator over all results."""
    assert short(client.list_queues(parent)) == ["a", "b", "c"]


@pytest.mark.cloud_tasks(queues=["a", "b"])
def test_a_filter_picks_queues(client: Any, parent: str) -> None:
    """“filter_” specifies a subset of queues, as in the sample filter “state: PAUSED”."""
    client.pause_queue(f"{parent}/queues/b")
    assert short(client.list_queues(parent, "state: PAUSED")) == ["b"]
    assert short(client.list_queues(parent, filter_="state: RUNNING")) == ["a"]


@pytest.mark.cloud_tasks(queues=["a", "b", "c"])
def test_pages_of_queues(client: Any, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """“Iterate over results one page at a time”: “page_size … determines the maximum number of resources in a page”."""
    iterator = client.list_queues(parent, page_size=2)
    pages = [(page.num_items, short(page)) for page in iterator.pages]
    assert pages == [(2, ["a", "b"]), (1, ["c"]), (0, [])]
    assert (iterator.num_results, iterator.page_number, iterator.next_page_token) == (3, 3, "")
    assert [call.request.page_token == "" for call in cloud_tasks.rpcs] == [True, False, False]


@pytest.mark.cloud_tasks(queues=["a", "b", "c"])
def test_page_size_does_not_affect_iteration(client: Any, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """“If page streaming is performed per-resource, this parameter does not affect the return value”."""
    assert short(client.list_queues(parent, None, 1)) == ["a", "b", "c"]
    assert len(cloud_tasks.rpcs) == 4  # a token follows the last queue, too


def test_an_iterator_is_read_once(client: Any, parent: str) -> None:
    """A listing that was begun, by items or by pages, can't be begun again."""
    iterator = client.list_queues(parent)
    list(iterator)
    for again in (iter, lambda one: one.pages):
        with pytest.raises(ValueError, match="Iterator has already started") as refusal:
            again(iterator)
        assert refusal.value.args == ("Iterator has already started", iterator)


# --- list_tasks --------------------------------------------------------------------------------------------------


def test_list_tasks_gives_all(client: Any, queue: str) -> None:
    """“Lists the tasks in a queue”; “the tasks may be returned in any order”."""
    names = {client.create_task(queue, TASK).name for _ in range(3)}
    assert {task.name for task in client.list_tasks(queue)} == names


def test_pages_of_tasks(client: Any, queue: str) -> None:
    """The third argument is the page's size, and each page is fetched when it is asked for."""
    names = [client.create_task(queue, TASK).name for _ in range(3)]
    pages = client.list_tasks(queue, None, 2).pages
    first = [task.name for task in next(pages)]
    client.delete_task((set(names) - set(first)).pop())
    assert len(first) == 2
    assert [list(page) for page in pages] == [[]]


# --- location_path, queue_path, task_path ------------------------------------------------------------------------


def test_paths(legacy_class: Any) -> None:
    """“Return a fully-qualified location string”, “queue string” and “task string”."""
    assert legacy_class.location_path("p", "l") == "projects/p/locations/l"
    assert legacy_class.queue_path("p", "l", queue="q") == "projects/p/locations/l/queues/q"
    assert legacy_class.task_path("p", "l", "q", "t") == "projects/p/locations/l/queues/q/tasks/t"


# --- pause_queue, resume_queue, purge_queue ----------------------------------------------------------------------


def test_a_paused_queue_dispatches_nothing(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“The system will stop dispatching tasks until the queue is resumed”; “tasks can still be added”."""
    target = cloud_tasks.route(URL).returns(200)
    assert client.pause_queue(queue).state == client.enums.Queue.State.PAUSED
    client.create_task(queue, TASK)
    cloud_tasks.drain()
    assert len(target.calls) == 0
    assert client.resume_queue(queue).state == client.enums.Queue.State.RUNNING == client.get_queue(queue).state
    cloud_tasks.drain()
    assert len(target.calls) == 1


def test_a_purge_deletes_all_tasks(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“All tasks created before this method is called are permanently deleted”; later ones stay."""
    cloud_tasks.route(URL).returns(500)
    client.create_task(queue, TASK)
    cloud_tasks.advance(seconds=1)
    assert client.purge_queue(queue).HasField("purge_time")
    cloud_tasks.advance(seconds=1)
    later = client.create_task(queue, TASK)
    assert short(client.list_tasks(queue)) == short([later])


@pytest.mark.cloud_tasks(service={"purge_delay": "60s"})
def test_a_purge_may_take_a_minute(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“Purge operations can take up to one minute to take effect. Tasks might be dispatched before”."""
    target = cloud_tasks.route(URL).returns(200)
    client.create_task(queue, TASK)
    cloud_tasks.advance(seconds=1)
    client.purge_queue(queue)
    cloud_tasks.dispatch_due()
    assert len(target.calls) == 1


# --- run_task ----------------------------------------------------------------------------------------------------


def test_run_task_dispatches_even_in_a_paused_queue(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“Cloud Tasks will dispatch the task, even if … the queue … is PAUSED”; “the task will be deleted” on success."""
    target = cloud_tasks.route(URL).returns(200)
    client.pause_queue(queue)
    name = client.create_task(queue, named(queue, "t")).name
    ran = client.run_task(name)
    assert (ran.dispatch_count, ran.response_count) == (1, 0)
    cloud_tasks.dispatch_due()
    assert len(target.calls) == 1
    with pytest.raises(exceptions.NotFound):
        client.get_task(name)


def test_a_failed_run_is_rescheduled(client: Any, cloud_tasks: FakeCloudTasks, parent: str) -> None:
    """“Otherwise the task's schedule_time will be reset to the time that RunTask was called plus the retry delay”."""
    cloud_tasks.route(URL).returns(500)
    config = {"min_backoff": {"seconds": 10}, "max_backoff": {"seconds": 10}}
    queue = client.create_queue(parent, {"name": f"{parent}/queues/q", "retry_config": config}).name
    in_an_hour = {"seconds": int(cloud_tasks.clock.now().timestamp()) + 3600}
    name = client.create_task(queue, {**named(queue, "t"), "schedule_time": in_an_hour}).name
    ran_at = cloud_tasks.clock.now()
    client.run_task(name)
    cloud_tasks.dispatch_due()
    assert client.get_task(name).schedule_time.ToSeconds() == int(ran_at.timestamp()) + 10


def test_a_finished_task_cannot_be_run(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """“RunTask returns NOT_FOUND when it is called on a task that has already succeeded or permanently failed”."""
    cloud_tasks.route(URL).returns(200)
    name = client.create_task(queue, named(queue, "t")).name
    cloud_tasks.drain()
    with pytest.raises(exceptions.NotFound):
        client.run_task(name)


# --- update_queue ------------------------------------------------------------------------------------------------


def test_update_queue_creates_a_missing_queue(client: Any, parent: str) -> None:
    """“This method creates the queue if it does not exist and updates the queue if it does exist”."""
    name = f"{parent}/queues/q"
    assert client.update_queue({"name": name}).name == name
    updated = client.update_queue({"name": name, "rate_limits": {"max_concurrent_dispatches": 3}})
    assert updated.rate_limits.max_concurrent_dispatches == 3
    assert short(client.list_queues(parent)) == ["q"]


def test_update_mask_says_which_fields(client: Any, queue: str) -> None:
    """“A mask used to specify which fields … are being updated”, by “Union[dict, FieldMask]”; empty: none, None: all.

    The page says that an empty mask means all fields. The service changes nothing then. Evidence: recorded.
    """
    limits = {"max_concurrent_dispatches": 3, "max_dispatches_per_second": 5}
    mask = {"paths": ["rate_limits.max_concurrent_dispatches"]}
    updated = client.update_queue({"name": queue, "rate_limits": limits}, mask)
    assert updated.rate_limits.max_concurrent_dispatches == 3
    assert updated.rate_limits.max_dispatches_per_second == 500
    updated = client.update_queue({"name": queue, "rate_limits": limits}, update_mask={})
    assert updated.rate_limits.max_dispatches_per_second == 500
    updated = client.update_queue({"name": queue, "rate_limits": limits}, update_mask=None)
    assert updated.rate_limits.max_dispatches_per_second == 5
