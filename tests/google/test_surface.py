"""The surface: what the installed release of the library can ask for."""

from __future__ import annotations

from google.api_core import operations_v1
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, types
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports.base import CloudTasksTransport

from pytest_cloudtasks._google.frontend import Frontend
from pytest_cloudtasks._google.newest import NOT_MODELLED
from pytest_cloudtasks._google.rest_paths import HTTP_RULES

NO_RPC = {"host", "kind", "operations_client"}
MODELLED = Frontend(types).rpcs
FIRST = {
    *("list_queues", "get_queue", "create_queue", "update_queue", "delete_queue", "purge_queue", "pause_queue"),
    *("resume_queue", "get_iam_policy", "set_iam_policy", "test_iam_permissions"),
    *("list_tasks", "get_task", "create_task", "delete_task", "run_task"),
}
"""What every release has."""


def rpcs_of_the_transport() -> set[str]:
    """The RPCs of the installed transport; it has a property for each."""
    return {name for name, member in vars(CloudTasksTransport).items() if isinstance(member, property)} - NO_RPC


def rpcs_of_the_operations_client() -> set[str]:
    """Those for which the transport has a client of its own, where it has one."""
    if not hasattr(CloudTasksGrpcTransport, "operations_client"):
        return set()
    return {name for name in vars(operations_v1.OperationsClient) if name.endswith(("_operation", "_operations"))}


def test_every_rpc_is_modelled_or_listed_as_not_modelled() -> None:
    """A release that brings another RPC fails here until it is one or the other."""
    found = rpcs_of_the_transport()
    assert found >= FIRST
    assert found | rpcs_of_the_operations_client() <= MODELLED | NOT_MODELLED.keys()


def test_what_is_listed_as_not_modelled_is_not() -> None:
    """Each comes with its reason."""
    assert not MODELLED & NOT_MODELLED.keys()
    assert all(NOT_MODELLED.values())


def test_what_is_modelled_has_its_form_in_rest() -> None:
    """No RPC is forgotten there."""
    assert HTTP_RULES.keys() == MODELLED


def test_what_the_installed_client_lacks_is_absent() -> None:
    """The clients are the library's own: they have the RPCs of its transport and no others."""
    found = rpcs_of_the_transport()
    for client in (CloudTasksClient, CloudTasksAsyncClient):
        assert {rpc for rpc in MODELLED if hasattr(client, rpc)} == found & MODELLED
