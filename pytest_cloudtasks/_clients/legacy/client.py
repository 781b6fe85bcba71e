"""The 1.x client's surface: ``create_task(parent, task, response_view=…)`` and its kin, on any installed release.

Signatures, checks and their texts are those of google-cloud-tasks 1.5.0. Retries, time-outs, routing headers, errors
and iterators are google.api_core's, as they were there. Evidence: documented.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from google.api_core import client_options as api_client_options
from google.api_core import page_iterator, path_template
from google.api_core.gapic_v1 import client_info as api_client_info
from google.api_core.gapic_v1 import config, method, routing_header
from google.api_core.gapic_v1.method import DEFAULT

from ..._messages.proto import raw_within
from ..transports import credentials_of_file
from . import enums, policy
from .late_binding import NotingCalls, late_bound
from .transport import METHODS, CloudTasksGrpcTransport, message_class

if TYPE_CHECKING:
    from google.api_core.page_iterator import GRPCIterator
    from google.iam.v1.iam_policy_pb2 import TestIamPermissionsResponse
    from google.iam.v1.policy_pb2 import Policy

_Metadata = Sequence[tuple[str, str]]
_DefaultTransport = late_bound(CloudTasksGrpcTransport)


class LegacyCloudTasksClient:
    """The ``CloudTasksClient`` of google-cloud-tasks 1.x, whichever release is installed.

    Messages are protobuf's own, of the installed release; arguments may also be dicts, or the release's messages.
    Built without ``transport`` and ``channel`` it is bound late: its calls go to the active fake.
    """

    SERVICE_ADDRESS = "cloudtasks.googleapis.com:443"
    enums = enums
    _INTERFACE_NAME = policy.INTERFACE

    @classmethod
    def from_service_account_file(cls, filename: str, *args: Any, **kwargs: Any) -> LegacyCloudTasksClient:
        """A client with the credentials of a key file, which is opened when the real service is called."""
        kwargs["credentials"] = credentials_of_file(filename)
        return cls(*args, **kwargs)

    from_service_account_json = from_service_account_file

    @classmethod
    def location_path(cls, project: str, location: str) -> str:
        """A location's full name."""
        return _expand("projects/{project}/locations/{location}", project=project, location=location)

    @classmethod
    def queue_path(cls, project: str, location: str, queue: str) -> str:
        """A queue's full name."""
        template = "projects/{project}/locations/{location}/queues/{queue}"
        return _expand(template, project=project, location=location, queue=queue)

    @classmethod
    def task_path(cls, project: str, location: str, queue: str, task: str) -> str:
        """A task's full name."""
        template = "projects/{project}/locations/{location}/queues/{queue}/tasks/{task}"
        return _expand(template, project=project, location=location, queue=queue, task=task)

    def __init__(
        self,
        transport: Any = None,
        channel: Any = None,
        credentials: Any = None,
        client_config: Mapping[str, Any] | None = None,
        client_info: Any = None,
        client_options: Any = None,
    ) -> None:
        """Build it on a transport, a callable that makes one, a channel (deprecated), or its own.

        Raises ValueError for credentials beside a transport or a channel: they exclude each other.
        """
        if client_config is not None:
            warnings.warn("The `client_config` argument is deprecated.", PendingDeprecationWarning, stacklevel=2)
        if channel:
            deprecation = "The `channel` argument is deprecated; use `transport` instead."
            warnings.warn(deprecation, PendingDeprecationWarning, stacklevel=2)
        address = _endpoint(client_options) or self.SERVICE_ADDRESS
        self.transport = _transport(transport, channel, credentials, address)
        self._client_info = client_info or api_client_info.ClientInfo()
        self._client_info.gapic_version = version("google-cloud-tasks")
        interfaces = (policy.CLIENT_CONFIG if client_config is None else client_config)["interfaces"]
        self._method_configs = config.parse_method_configs(interfaces[self._INTERFACE_NAME])
        self._inner_api_calls = NotingCalls()

    # --- queues ----------------------------------------------------------------------------------------------------

    def list_queues(
        self,
        parent: str,
        filter_: str | None = None,
        page_size: int | None = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> GRPCIterator:
        """The queues of a location in lexicographical order; ``filter_`` picks some of them."""
        fields = {"parent": parent, "filter": filter_, "page_size": page_size}
        return self._listing("list_queues", "queues", fields, retry, timeout, metadata)

    def get_queue(
        self,
        name: str,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """A queue."""
        return self._call("get_queue", {"name": name}, "name", retry, timeout, metadata)

    def create_queue(
        self,
        parent: str,
        queue: Any,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Create a queue in the location ``parent``."""
        return self._call("create_queue", {"parent": parent, "queue": queue}, "parent", retry, timeout, metadata)

    def update_queue(
        self,
        queue: Any,
        update_mask: Any = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Update a queue, or create it if it does not exist."""
        header = "queue.name" if hasattr(queue, "name") else None  # a dict goes without one
        fields = {"queue": queue, "update_mask": update_mask}
        return self._call("update_queue", fields, header, retry, timeout, metadata)

    def delete_queue(
        self,
        name: str,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> None:
        """Delete a queue with its tasks; its name can't be used again for seven days."""
        self._call("delete_queue", {"name": name}, "name", retry, timeout, metadata)

    def purge_queue(
        self,
        name: str,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Delete all the tasks of a queue."""
        return self._call("purge_queue", {"name": name}, "name", retry, timeout, metadata)

    def pause_queue(
        self,
        name: str,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Stop a queue's dispatches; tasks can still be added."""
        return self._call("pause_queue", {"name": name}, "name", retry, timeout, metadata)

    def resume_queue(
        self,
        name: str,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Let a queue dispatch again."""
        return self._call("resume_queue", {"name": name}, "name", retry, timeout, metadata)

    # --- access ----------------------------------------------------------------------------------------------------

    def get_iam_policy(
        self,
        resource: str,
        options_: Any = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Policy:
        """The access control policy of a queue, an empty one if none is set."""
        return self._call(
            "get_iam_policy", {"resource": resource, "options": options_}, "resource", retry, timeout, metadata
        )

    def set_iam_policy(
        self,
        resource: str,
        policy: Any,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Policy:
        """Replace the access control policy of a queue."""
        return self._call(
            "set_iam_policy", {"resource": resource, "policy": policy}, "resource", retry, timeout, metadata
        )

    def test_iam_permissions(
        self,
        resource: str,
        permissions: Sequence[str],
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> TestIamPermissionsResponse:
        """Which of the ``permissions`` the caller has; none on a queue that does not exist."""
        return self._call(
            "test_iam_permissions",
            {"resource": resource, "permissions": permissions},
            "resource",
            retry,
            timeout,
            metadata,
        )

    # --- tasks -----------------------------------------------------------------------------------------------------

    def list_tasks(
        self,
        parent: str,
        response_view: Any = None,
        page_size: int | None = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> GRPCIterator:
        """The tasks of a queue, in any order, in the BASIC view unless told otherwise."""
        fields = {"parent": parent, "response_view": response_view, "page_size": page_size}
        return self._listing("list_tasks", "tasks", fields, retry, timeout, metadata)

    def get_task(
        self,
        name: str,
        response_view: Any = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """A task, in the BASIC view unless told otherwise."""
        return self._call("get_task", {"name": name, "response_view": response_view}, "name", retry, timeout, metadata)

    def create_task(
        self,
        parent: str,
        task: Any,
        response_view: Any = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Add a task to the queue ``parent``; a task is never updated."""
        return self._call(
            "create_task",
            {"parent": parent, "task": task, "response_view": response_view},
            "parent",
            retry,
            timeout,
            metadata,
        )

    def delete_task(
        self,
        name: str,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> None:
        """Delete a task that is scheduled or dispatched."""
        self._call("delete_task", {"name": name}, "name", retry, timeout, metadata)

    def run_task(
        self,
        name: str,
        response_view: Any = None,
        retry: Any = DEFAULT,
        timeout: Any = DEFAULT,
        metadata: _Metadata | None = None,
    ) -> Any:
        """Dispatch a task now, whatever its queue's state and limits."""
        return self._call("run_task", {"name": name, "response_view": response_view}, "name", retry, timeout, metadata)

    # --- how a call is made --------------------------------------------------------------------------------------

    def _api_call(self, rpc: str) -> Callable[..., Any]:
        """The transport's method with the default policy around it."""
        if rpc not in self._inner_api_calls:
            defaults = self._method_configs[METHODS[rpc][0]]
            self._inner_api_calls[rpc] = method.wrap_method(
                getattr(self.transport, rpc),
                default_retry=defaults.retry,
                default_timeout=defaults.timeout,
                client_info=self._client_info,
            )
        return self._inner_api_calls[rpc]

    def _call(self, rpc: str, fields: Mapping[str, Any], header: str | None, *options: Any) -> Any:
        retry, timeout, metadata = options
        call = self._api_call(rpc)
        request = _request(rpc, fields)
        return call(request, retry=retry, timeout=timeout, metadata=_routed(metadata, fields, header))

    def _listing(self, rpc: str, items: str, fields: Mapping[str, Any], *options: Any) -> GRPCIterator:
        retry, timeout, metadata = options
        call = functools.partial(
            self._api_call(rpc), retry=retry, timeout=timeout, metadata=_routed(metadata, fields, "parent")
        )
        return page_iterator.GRPCIterator(
            client=None,
            method=call,
            request=_request(rpc, fields),
            items_field=items,
            request_token_field="page_token",
            response_token_field="next_page_token",
        )


def _request(rpc: str, fields: Mapping[str, Any]) -> Any:
    """The request message; protobuf raises ValueError for a field that it does not know."""
    return message_class(f"{METHODS[rpc][0]}Request")(**raw_within(fields))


def _routed(metadata: _Metadata | None, fields: Mapping[str, Any], header: str | None) -> list[tuple[str, str]]:
    """The caller's metadata, and the header by which the service routes the request."""
    pairs = list(metadata or ())
    if header is not None:
        name, _, field = header.partition(".")
        value = getattr(fields[name], field) if field else fields[name]
        pairs.append(routing_header.to_grpc_metadata([(header, value)]))
    return pairs


def _expand(template: str, **parts: str) -> str:
    return path_template.expand(template, **parts)  # type: ignore[no-any-return]


def _endpoint(options: Any) -> str | None:
    if not options:
        return None
    if type(options) is dict:
        options = api_client_options.from_dict(options)
    return options.api_endpoint  # type: ignore[no-any-return]


def _transport(transport: Any, channel: Any, credentials: Any, address: str) -> Any:
    if not transport:
        return _DefaultTransport(address=address, channel=channel, credentials=credentials)
    if callable(transport):
        return transport(credentials=credentials, default_class=_DefaultTransport, address=address)
    if credentials:
        raise ValueError("Received both a transport instance and credentials; these are mutually exclusive.")
    return transport
