"""Queues from files: App Engine's queue.yaml, and the JSON of gcloud and of Terraform."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud import tasks_v2, tasks_v2beta2

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._simulation.settings.queue_files import queues_in_file
from pytest_cloudtasks._simulation.settings.queues import is_queue_file

# The form of App Engine's queue.yaml reference, every element of it used once.
QUEUE_YAML = """\
total_storage_limit: 120M
queue:
- name: receipts
  mode: push
  rate: 5/s
  bucket_size: 40
  max_concurrent_requests: 10
  target: v2.mailer
  retry_parameters:
    task_retry_limit: 7
    task_age_limit: 2d
    min_backoff_seconds: 10
    max_backoff_seconds: 200
    max_doublings: 3
- name: hourly
  rate: 90/h
  retry_parameters:
    task_retry_limit: 0
    min_backoff_seconds: 0.5
- name: held
  rate: 0
- name: plain
  retry_parameters:
- name: pulled
  mode: pull
  retry_parameters:
    task_retry_limit: 4
    max_doublings: 3
"""
# What `gcloud tasks queues list --format=json` prints: the API's Queue resources.
GCLOUD_JSON: list[dict[str, Any]] = [
    {
        "name": "projects/acme/locations/europe-west1/queues/receipts",
        "rateLimits": {"maxBurstSize": 100, "maxConcurrentDispatches": 1000, "maxDispatchesPerSecond": 500.0},
        "retryConfig": {
            "maxAttempts": 5,
            "maxBackoff": "3600s",
            "maxDoublings": 16,
            "maxRetryDuration": "60s",
            "minBackoff": "0.100s",
        },
        "state": "RUNNING",
    },
    {
        "name": "projects/acme/locations/europe-west1/queues/held",
        "purgeTime": "2024-05-01T10:00:00.123456Z",
        "stackdriverLoggingConfig": {"samplingRatio": 1.0},
        "state": "PAUSED",
    },
]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        queues_in_file(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "is_file"),
    [("queue.yaml", True), ("infra/queues.yml", True), ("queues.json", True), ("receipts", False), ("yaml", False)],
)
def test_a_file_is_known_by_its_ending(text: str, is_file: bool) -> None:
    """An ID can't contain a dot, so that nothing else ends like these."""
    assert is_queue_file(text) is is_file


def test_queue_yaml(tmp_path: Path) -> None:
    """Rates become dispatches a second, ages durations; a rate of 0 pauses; bucket_size has no field to go to."""
    assert queues_in_file(written(tmp_path, "queue.yaml", QUEUE_YAML)) == {
        "receipts": {
            "rate_limits": {"max_dispatches_per_second": 5.0, "max_concurrent_dispatches": 10},
            "retry_config": {
                "max_attempts": 8,
                "max_retry_duration": "172800s",
                "min_backoff": "10s",
                "max_backoff": "200s",
                "max_doublings": 3,
            },
        },
        "hourly": {
            "rate_limits": {"max_dispatches_per_second": 0.025},
            "retry_config": {"max_attempts": 1, "min_backoff": "0.5s"},
        },
        "held": {"rate_limits": {}, "retry_config": {}, "state": "PAUSED"},
        "plain": {"rate_limits": {}, "retry_config": {}},
        "pulled": {"pull_target": {}, "retry_config": {"max_attempts": 5}},
    }


def test_a_fake_with_queue_yaml(tmp_path: Path) -> None:
    """The queues are there as the file describes them."""
    with FakeCloudTasks(queues=written(tmp_path, "queue.yaml", QUEUE_YAML)) as cloud_tasks:
        client = tasks_v2.CloudTasksClient()
        receipts = client.get_queue(name=cloud_tasks.queue_path("receipts"))
        assert receipts.rate_limits.max_dispatches_per_second == 5
        assert receipts.retry_config.max_retry_duration == timedelta(days=2)
        assert receipts.retry_config.max_doublings == 3
        hourly = client.get_queue(name=cloud_tasks.queue_path("hourly"))
        assert hourly.retry_config.min_backoff == timedelta(seconds=0.5)
        assert client.get_queue(name=cloud_tasks.queue_path("held")).state.name == "PAUSED"
        pulled = tasks_v2beta2.CloudTasksClient().get_queue(name=cloud_tasks.queue_path("pulled"))
        assert "pull_target" in pulled
        assert pulled.retry_config.max_attempts == 5


def test_a_fake_with_the_json_of_gcloud(tmp_path: Path) -> None:
    """Full names, states and settings are those of the list; output-only fields are ignored."""
    path = written(tmp_path, "queues.json", json.dumps(GCLOUD_JSON))
    with FakeCloudTasks(queues=str(path)):
        client = tasks_v2.CloudTasksClient()
        receipts = client.get_queue(name="projects/acme/locations/europe-west1/queues/receipts")
        assert receipts.retry_config.max_attempts == 5
        assert receipts.retry_config.min_backoff == timedelta(milliseconds=100)
        assert receipts.retry_config.max_retry_duration == timedelta(minutes=1)
        held = client.get_queue(name="projects/acme/locations/europe-west1/queues/held")
        assert held.state.name == "PAUSED"
        assert held.stackdriver_logging_config.sampling_ratio == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The path is named, and the system's reason."""
    path = tmp_path / "queue.yaml"
    assert refusal(path) == f"The queues file {path} can't be read: No such file or directory."


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[{}]", "[null]", "3", '{"queues": []}', '["receipts"]', '[{"name": 3}]', "[" * 100_000),
        '{"format_version": "1.0", "values": [3]}',
        '{"format_version": "1.0", "values": {"root_module": [3]}}',
        '{"format_version": "1.0", "values": {"root_module": {"resources": {"a": 3}}}}',
        '{"format_version": "1.0", "values": {"root_module": {"child_modules": [3]}}}',
        '{"format_version": "1.0", "values": {"root_module": {"resources": [{"type": "google_cloud_tasks_queue"}]}}}',
    ],
    ids=range(14),
)
def test_json_of_another_form(tmp_path: Path, text: str) -> None:
    """Whatever else the file holds, the error says which command prints what is wanted."""
    path = written(tmp_path, "queues.json", text)
    assert refusal(path) == (
        f"The queues file {path} can't be used: it is not what `gcloud tasks queues list --format=json` prints, a JSON"
        " list of queues with a name, and not what `terraform show -json` prints."
    )


@pytest.mark.parametrize("text", ["", "queue:", "queue: receipts", "- name: receipts", "queue:\n- rate: 1/s"])
def test_yaml_of_another_form(tmp_path: Path, text: str) -> None:
    """The error says what a queue.yaml has."""
    path = written(tmp_path, "queue.yaml", text)
    assert refusal(path) == (
        f"The queues file {path} can't be used: it needs a list of queues, each with a name, under the key `queue`."
    )


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("mode: poll", "the mode of 'receipts' is 'poll'. Write push or pull."),
        ("rate: 5", "the rate of 'receipts' is '5'. Write it as a number per unit, like 5/s."),
        ("rate: 5/w", "the rate of 'receipts' is '5/w'. Write it as a number per unit, like 5/s."),
        ("rate: x/s", "the rate of 'receipts' is 'x/s'. Write it as a number per unit, like 5/s."),
        (
            "retry_parameters: {task_age_limit: 2 days}",
            "the task_age_limit of 'receipts' is '2 days'. Write it as a number and a unit, like 2d.",
        ),
        (
            "retry_parameters: {task_age_limit: 60}",
            "the task_age_limit of 'receipts' is 60. Write it as a number and a unit, like 2d.",
        ),
    ],
)
def test_an_entry_that_cannot_be(tmp_path: Path, entry: str, reason: str) -> None:
    """File, queue and value are named."""
    path = written(tmp_path, "queue.yaml", f"queue:\n- name: receipts\n  {entry}\n")
    assert refusal(path) == f"The queues file {path} can't be used: {reason}"


def test_invalid_yaml(tmp_path: Path) -> None:
    """The error is the plugin's own, not YAML's."""
    path = written(tmp_path, "queue.yaml", "queue: [")
    assert refusal(path) == f"The queues file {path} can't be used: it is not valid YAML."


def test_without_pyyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is optional: the error says how to get it."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = written(tmp_path, "queue.yaml", QUEUE_YAML)
    assert refusal(path) == (
        f"The queues file {path} can't be used: PyYAML is not installed. Run `pip install pyyaml`."
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "rat: 5/s",
            "an unknown element 'rat'. Use name, mode, rate, bucket_size, max_concurrent_requests,"
            " target or retry_parameters.",
        ),
        (
            "retry_parameters: {task_retry_limt: 3}",
            "an unknown element 'task_retry_limt'. Use task_retry_limit, task_age_limit,"
            " min_backoff_seconds, max_backoff_seconds or max_doublings.",
        ),
    ],
)
def test_a_misspelt_element_is_rejected(tmp_path: Path, entry: str, message: str) -> None:
    """A limit that nobody reads would be no limit."""
    path = written(tmp_path, "queue.yaml", f"queue:\n- name: receipts\n  {entry}\n")
    with pytest.raises(ValueError, match="element") as refusal:
        queues_in_file(path)
    assert str(refusal.value) == f"The queues file {path} can't be used: 'receipts' has {message}"


# --- terraform show -json ---


def resource(address: str, **values: Any) -> dict[str, Any]:
    """A queue as the provider has it: every attribute is there, and those that nobody has set are null or empty."""
    unset: dict[str, Any] = {
        "project": None,
        "timeouts": None,
        "app_engine_routing_override": [],
        "http_target": [],
        "rate_limits": [],
        "retry_config": [],
        "stackdriver_logging_config": [],
    }
    return {
        "address": address,
        "mode": "managed",
        "type": "google_cloud_tasks_queue",
        "name": address.rpartition(".")[2],
        "provider_name": "registry.terraform.io/hashicorp/google",
        "schema_version": 0,
        "values": {**unset, **values},
        "sensitive_values": {},
    }


RECEIPTS = resource(
    "google_cloud_tasks_queue.receipts",
    id="projects/acme/locations/europe-west1/queues/receipts",
    name="receipts",
    project="acme",
    location="europe-west1",
    state="RUNNING",
    rate_limits=[{"max_burst_size": 10, "max_concurrent_dispatches": 3, "max_dispatches_per_second": 2.5}],
    retry_config=[
        {
            "max_attempts": 5,
            "max_backoff": "60s",
            "max_doublings": 3,
            "max_retry_duration": "4s",
            "min_backoff": "3.5s",
        }
    ],
    stackdriver_logging_config=[{"sampling_ratio": 0.9}],
    app_engine_routing_override=[
        {"host": "v2.mailer.acme.appspot.com", "instance": None, "service": "mailer", "version": "v2"}
    ],
)
HELD = resource(
    'module.queues[0].google_cloud_tasks_queue.all["held"]',
    name="held",
    location="us-east1",
    desired_state="PAUSED",
    http_target=[
        {
            "header_overrides": [{"header": [{"key": "X-Team", "value": "shop"}]}],
            "http_method": "PUT",
            "oauth_token": [],
            "oidc_token": [{"audience": "worker", "service_account_email": "tasks@acme.iam.gserviceaccount.com"}],
            "uri_override": [
                {
                    "host": "worker.test",
                    "path_override": [{"path": "/do"}],
                    "port": "8443",
                    "query_override": [],
                    "scheme": "HTTPS",
                    "uri_override_enforce_mode": "ALWAYS",
                }
            ],
        }
    ],
)
OTHERS = [
    {**RECEIPTS, "address": "data.google_cloud_tasks_queue.seen", "mode": "data"},
    {"address": "google_project_service.tasks", "mode": "managed", "type": "google_project_service", "values": {}},
]
ROOT = {
    "resources": [*OTHERS, RECEIPTS],
    "child_modules": [{"address": "module.infra", "child_modules": [{"resources": [HELD]}]}, {"address": "module.x"}],
}
STATE = {"format_version": "1.0", "terraform_version": "1.9.0", "values": {"outputs": {}, "root_module": ROOT}}
PLAN = {
    "format_version": "1.2",
    "terraform_version": "1.9.0",
    "planned_values": {"root_module": ROOT},
    "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": []}}},
}


@pytest.mark.parametrize("document", [STATE, PLAN], ids=["state", "plan"])
def test_terraform(tmp_path: Path, document: Any) -> None:
    """Resources of all modules are read; what is unset, computed or of another type is left out."""
    assert queues_in_file(written(tmp_path, "infra.json", json.dumps(document))) == {
        "projects/acme/locations/europe-west1/queues/receipts": {
            "rate_limits": {"max_dispatches_per_second": 2.5, "max_concurrent_dispatches": 3},
            "retry_config": {
                "max_attempts": 5,
                "max_retry_duration": "4s",
                "min_backoff": "3.5s",
                "max_backoff": "60s",
                "max_doublings": 3,
            },
            "stackdriver_logging_config": {"sampling_ratio": 0.9},
            "app_engine_routing_override": {"service": "mailer", "version": "v2"},
        },
        "locations/us-east1/queues/held": {
            "http_target": {
                "uri_override": {
                    "scheme": "HTTPS",
                    "host": "worker.test",
                    "port": 8443,
                    "path_override": {"path": "/do"},
                    "uri_override_enforce_mode": "ALWAYS",
                },
                "http_method": "PUT",
                "header_overrides": [{"header": {"key": "X-Team", "value": "shop"}}],
                "oidc_token": {"service_account_email": "tasks@acme.iam.gserviceaccount.com", "audience": "worker"},
            },
            "state": "PAUSED",
        },
    }


def test_a_fake_with_queues_of_terraform(tmp_path: Path) -> None:
    """A queue whose project Terraform doesn't say is in the run's; any other is where its resource is."""
    path = written(tmp_path, "infra.json", json.dumps(STATE))
    with FakeCloudTasks(queues=path, project="shop") as cloud_tasks:
        client = tasks_v2.CloudTasksClient()
        receipts = client.get_queue(name="projects/acme/locations/europe-west1/queues/receipts")
        assert receipts.retry_config.min_backoff == timedelta(seconds=3.5)
        assert receipts.app_engine_routing_override.service == "mailer"
        assert receipts.stackdriver_logging_config.sampling_ratio == 0.9
        held = client.get_queue(name="projects/shop/locations/us-east1/queues/held")
        assert held.state.name == "PAUSED"
        with pytest.raises(LookupError) as caught:
            cloud_tasks.queue("receipts")
    there = "projects/acme/locations/europe-west1/queues/receipts"
    assert str(caught.value) == (
        f"There is no queue 'receipts'. Did you mean '{there}'? IDs belong to the options project (shop) and location"
        f" (us-central1). The queues of this test are {there} and projects/shop/locations/us-east1/queues/held. Create"
        " it with cloud_tasks.create_queue('receipts'), or list it in @pytest.mark.cloud_tasks(queues=[…]) or in the"
        " ini option cloud_tasks_queues."
    )


def test_a_queue_of_terraform_is_changed_field_by_field(tmp_path: Path) -> None:
    """What a test says of a queue of the file is added to the file's, in a block as well."""
    path = written(tmp_path, "infra.json", json.dumps(STATE))
    changes = {"receipts": {"retry_config": {"max_attempts": 2}}, "held": {"state": "RUNNING"}}
    with FakeCloudTasks(queues=[path, changes, "receipts"], project="acme", location="europe-west1") as cloud_tasks:
        receipts = cloud_tasks.queue("receipts").message
        assert receipts.retry_config.max_attempts == 2
        assert receipts.retry_config.max_doublings == 3
        assert receipts.rate_limits.max_concurrent_dispatches == 3


BAD_RESOURCES = {
    "no name": (
        {"name": None},
        "google_cloud_tasks_queue.q has no name: it will be known when the plan is applied. Set it, or write the state"
        " into the file.",
    ),
    "no location": (
        {"location": None},
        "google_cloud_tasks_queue.q has no location: it will be known when the plan is applied. Set it, or write the"
        " state into the file.",
    ),
    "no list": (
        {"retry_config": {"max_attempts": 3}},
        "google_cloud_tasks_queue.q.retry_config is {'max_attempts': 3}. It takes a list of objects.",
    ),
    "no object": (
        {"retry_config": [3]},
        "google_cloud_tasks_queue.q.retry_config is [3]. It takes a list of objects.",
    ),
    "duration": (
        {"retry_config": [{"min_backoff": "1m"}]},
        "google_cloud_tasks_queue.q.retry_config[0].min_backoff is '1m'. It takes a duration in seconds, such as"
        ' "3.5s".',
    ),
    "whole number": (
        {"retry_config": [{"max_attempts": "5"}]},
        "google_cloud_tasks_queue.q.retry_config[0].max_attempts is '5'. It takes a whole number.",
    ),
    "number": (
        {"rate_limits": [{"max_dispatches_per_second": "5/s"}]},
        "google_cloud_tasks_queue.q.rate_limits[0].max_dispatches_per_second is '5/s'. It takes a number.",
    ),
    "port": (
        {"http_target": [{"uri_override": [{"port": "https"}]}]},
        "google_cloud_tasks_queue.q.http_target[0].uri_override[0].port is 'https'. It takes a whole number.",
    ),
    "text": (
        {"http_target": [{"header_overrides": [{"header": [{"key": 1}]}]}]},
        "google_cloud_tasks_queue.q.http_target[0].header_overrides[0].header[0].key is 1. It takes a text.",
    ),
}


@pytest.mark.parametrize(("values", "reason"), BAD_RESOURCES.values(), ids=list(BAD_RESOURCES))
def test_a_resource_that_cannot_be(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    """File, resource, field and value are named."""
    one = resource("google_cloud_tasks_queue.q", **{"name": "q", "location": "us-east1", **values})
    document = {"format_version": "1.0", "values": {"root_module": {"resources": [one]}}}
    path = written(tmp_path, "infra.json", json.dumps(document))
    assert refusal(path) == f"The queues file {path} can't be used: {reason}"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"format_version": "1.0"}, "it has no resource google_cloud_tasks_queue."),
        (
            {"version": 4, "terraform_version": "1.9.0", "resources": []},
            "it is Terraform's state file. Use the output of `terraform show -json` instead.",
        ),
    ],
    ids=["empty", "state file"],
)
def test_a_file_of_terraform_without_queues(tmp_path: Path, document: Any, reason: str) -> None:
    """A file that gives no queue is a mistake, and so is the state as Terraform stores it."""
    path = written(tmp_path, "infra.json", json.dumps(document))
    assert refusal(path) == f"The queues file {path} can't be used: {reason}"
