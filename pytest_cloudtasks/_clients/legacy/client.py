"""The 1.x client's surface, such as ``create_task(parent, task, response_view=…)``, on any installed release.

Signatures, checks and their texts are those of google-cloud-tasks 1.5.0. Retries, time-outs, routing headers, errors
and iterators are google.api_core's, as they were there. Evidence: documented.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from google.api_core import client_options as api_client_options
from google.api_core import page_iterator, path_template
from google.api_core.gapic_v1 import client_info as api_client_info
from google.api_core.gapic_v1 import config, method, routing_header
from google.api_core.gapic_v1.method import DEFAULT

from ..._messages.proto import protos_within
from ..transports import credentials_of_file
from . import enums
from .rpcs import CLIENT_CONFIG, INTERFACE, RPCS
from .transport import CloudTasksGrpcTransport, message_class


def _method(name: str) -> Callable[..., Any]:
    """Return the client's method for an RPC, with the parameters that `RPCS` gives it."""
    rpc = RPCS[name]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [inspect.Parameter(name, kind) for name in ("self", *rpc.required)]
        + [inspect.Parameter(name, kind, default=None) for name in rpc.optional]
        + [inspect.Parameter(name, kind, default=DEFAULT) for name in ("retry", "timeout")]
        + [inspect.Parameter("metadata", kind, default=None)]
    )

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        bound.apply_defaults()
        fields = dict(bound.arguments)
        client, retry, timeout, metadata = (fields.pop(name) for name in ("self", "retry", "timeout", "metadata"))
        return _call(client, name, fields, retry=retry, timeout=timeout, metadata=metadata)

    call.__name__, call.__qualname__ = name, f"LegacyCloudTasksClient.{name}"
    call.__doc__ = f"Call the service's {rpc.name}."
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _call(client: LegacyCloudTasksClient, name: str, fields: dict[str, Any], **options: Any) -> Any:
    rpc = RPCS[name]
    request = message_class(f"{rpc.name}Request")(
        **{field.rstrip("_"): protos_within(value) for field, value in fields.items()}
    )  # protobuf raises ValueError for an unknown field
    options["metadata"] = [*(options["metadata"] or ()), *_routing(rpc.required[0], fields)]
    send = client._api_call(name)
    if not rpc.items:
        response = send(request, **options)
        return None if rpc.response == "Empty" else response
    return page_iterator.GRPCIterator(
        client=None,
        method=functools.partial(send, **options),
        request=request,
        items_field=rpc.items,
        request_token_field="page_token",
        response_token_field="next_page_token",
    )


def _routing(parameter: str, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the header that the service routes the request by. A queue given as a dict has none."""
    value = fields[parameter]
    if parameter == "queue":
        parameter, value = "queue.name", getattr(value, "name", None)
    return [] if value is None else [routing_header.to_grpc_metadata([(parameter, value)])]


class LegacyCloudTasksClient:
    """The ``CloudTasksClient`` of google-cloud-tasks 1.x, whichever release is installed.

    Messages are the installed release's protobuf messages. Arguments may also be dicts, or the release's own messages.
    A client that is built without ``transport`` and ``channel`` calls the active fake.
    """

    SERVICE_ADDRESS = "cloudtasks.googleapis.com:443"
    enums = enums
    _INTERFACE_NAME = INTERFACE

    @classmethod
    def from_service_account_file(cls, filename: str, *args: Any, **kwargs: Any) -> LegacyCloudTasksClient:
        """Return a client with the credentials of a key file, which is opened when the real service is called."""
        kwargs["credentials"] = credentials_of_file(filename)
        return cls(*args, **kwargs)

    from_service_account_json = from_service_account_file

    @classmethod
    def location_path(cls, project: str, location: str) -> str:
        """Return a location's full name."""
        return _expand("projects/{project}/locations/{location}", project=project, location=location)

    @classmethod
    def queue_path(cls, project: str, location: str, queue: str) -> str:
        """Return a queue's full name."""
        template = "projects/{project}/locations/{location}/queues/{queue}"
        return _expand(template, project=project, location=location, queue=queue)

    @classmethod
    def task_path(cls, project: str, location: str, queue: str, task: str) -> str:
        """Return a task's full name."""
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
        """Build a client as 1.x does: on a transport, a callable that makes one, a channel (deprecated), or its own.

        Raises:
            ValueError: There are credentials together with a transport or a channel.
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
        interfaces = (CLIENT_CONFIG if client_config is None else client_config)["interfaces"]
        self._method_configs = config.parse_method_configs(interfaces[self._INTERFACE_NAME])
        self._inner_api_calls: dict[str, Callable[..., Any]] = {}

    list_queues = _method("list_queues")
    get_queue = _method("get_queue")
    create_queue = _method("create_queue")
    update_queue = _method("update_queue")
    delete_queue = _method("delete_queue")
    purge_queue = _method("purge_queue")
    pause_queue = _method("pause_queue")
    resume_queue = _method("resume_queue")
    get_iam_policy = _method("get_iam_policy")
    set_iam_policy = _method("set_iam_policy")
    test_iam_permissions = _method("test_iam_permissions")
    list_tasks = _method("list_tasks")
    get_task = _method("get_task")
    create_task = _method("create_task")
    delete_task = _method("delete_task")
    run_task = _method("run_task")

    def _api_call(self, rpc: str) -> Callable[..., Any]:
        """Return the transport's method with the default policy around it."""
        if rpc not in self._inner_api_calls:
            defaults = self._method_configs[RPCS[rpc].name]
            self._inner_api_calls[rpc] = method.wrap_method(
                getattr(self.transport, rpc),
                default_retry=defaults.retry,
                default_timeout=defaults.timeout,
                client_info=self._client_info,
            )
        return self._inner_api_calls[rpc]


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
        return CloudTasksGrpcTransport(address=address, channel=channel, credentials=credentials)
    if callable(transport):
        return transport(credentials=credentials, default_class=CloudTasksGrpcTransport, address=address)
    if credentials:
        raise ValueError("Received both a transport instance and credentials; these are mutually exclusive.")
    return transport
