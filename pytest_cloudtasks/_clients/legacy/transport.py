"""The gRPC transport of 1.x: a channel, and a callable for each RPC that takes and returns protobuf's own messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.api_core import grpc_helpers
from google.cloud.tasks_v2 import types
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from ..._messages.proto import proto_class
from ..transports import deferring_credentials
from .rpcs import RPCS

_ADDRESS = "cloudtasks.googleapis.com:443"
_SERVICE = "/google.cloud.tasks.v2.CloudTasks/"


def message_class(name: str) -> Any:
    """Return protobuf's class with that name, among those that requests and responses consist of."""
    for module in (types, iam_policy_pb2, policy_pb2, empty_pb2):
        if hasattr(module, name):
            return proto_class(getattr(module, name))
    raise LookupError(name)


class CloudTasksGrpcTransport:
    """The transport of 1.x: uses a given channel, or opens one for ``credentials`` and ``address``."""

    _OAUTH_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

    @deferring_credentials
    def __init__(self, channel: Any = None, credentials: Any = None, address: str = _ADDRESS) -> None:
        """Set up the transport. Raises ValueError for both a channel and credentials, which exclude each other."""
        if channel is not None and credentials is not None:
            raise ValueError("The `channel` and `credentials` arguments are mutually exclusive.")
        if channel is None:
            unlimited = {"grpc.max_send_message_length": -1, "grpc.max_receive_message_length": -1}
            channel = self.create_channel(address, credentials, options=unlimited.items())
        self._channel = channel
        self._credentials = credentials

    @classmethod
    def create_channel(cls, address: str = _ADDRESS, credentials: Any = None, **kwargs: Any) -> Any:
        """Return a channel to the real service, by default with credentials from the environment."""
        return grpc_helpers.create_channel(address, credentials=credentials, scopes=cls._OAUTH_SCOPES, **kwargs)

    @property
    def channel(self) -> Any:
        """The gRPC channel."""
        return self._channel

    def __getattr__(self, rpc: str) -> Callable[..., Any]:
        """Return the callable for an RPC."""
        if rpc not in RPCS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {rpc!r}")
        name = RPCS[rpc].name
        return self._channel.unary_unary(  # type: ignore[no-any-return]
            _SERVICE + name,
            request_serializer=message_class(f"{name}Request").SerializeToString,
            response_deserializer=message_class(RPCS[rpc].response).FromString,
        )
