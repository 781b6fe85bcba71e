"""Interception of the client of an installed google-cloud-tasks 1.x.

Its module builds the transport by a name of its own, and keeps each method, wrapped with the default policy, in the
client's attribute ``_inner_api_calls``. Neither is public; checked against google-cloud-tasks 1.5.0, whose acceptance
tests fail when they are not there.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

from ..patching import Patch
from .late_binding import NOTED_CALLS, late_bound, redirecting


def is_of_1x(module: ModuleType) -> bool:
    """Whether the module of a client is one of 1.x, which has no registry of transports."""
    return hasattr(module, "cloud_tasks_grpc_transport")


def patch_transport(module: ModuleType, patch: Patch) -> None:
    """Have the clients of ``module`` built on late-bound transports. A user's own transport stays the stock class."""
    stock = module.cloud_tasks_grpc_transport.CloudTasksGrpcTransport
    own = SimpleNamespace(CloudTasksGrpcTransport=late_bound(stock))
    patch.attribute(stock, "__init__", redirecting(stock.__init__))
    patch.attribute(module, "cloud_tasks_grpc_transport", own)
    patch.addition(module.CloudTasksClient, "_inner_api_calls", NOTED_CALLS)
