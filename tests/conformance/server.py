"""A gRPC server on loopback with a fake behind it: some other endpoint, as the conformance suite sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.iam.v1 import iam_policy_pb2
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2

from pytest_cloudtasks import FakeCloudTasks


class _Handlers(grpc.GenericRpcHandler):
    """Hands each call to the fake's own client. ``texts`` are what errors of an RPC say instead."""

    def __init__(self, fake: FakeCloudTasks, texts: Mapping[str, str]) -> None:
        self._client = fake.client()
        self._texts = texts

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method.rpartition("/")[2]
        rpc = re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()
        kind = getattr(tasks_v2, f"{method}Request", None) or getattr(iam_policy_pb2, f"{method}Request", None)
        if kind is None:
            return None

        def answer(request: Any, context: grpc.ServicerContext) -> bytes:
            try:
                return _serialized(getattr(self._client, rpc)(request=request))
            except exceptions.GoogleAPICallError as error:
                message = self._texts.get(rpc, error.message)
                context.set_trailing_metadata((("grpc-status-details-bin", _status(error, message)),))
                context.abort(error.grpc_status_code, message)
                raise AssertionError("abort() raises") from None

        deserialize = getattr(kind, "deserialize", None) or kind.FromString
        return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=deserialize)


def _serialized(answer: Any) -> bytes:
    if answer is None:
        return empty_pb2.Empty().SerializeToString()
    if hasattr(answer, "pages"):
        answer = next(iter(answer.pages))
    if hasattr(answer, "operation"):
        answer = answer.operation
    data: bytes = getattr(answer, "_pb", answer).SerializeToString()
    return data


def _status(error: exceptions.GoogleAPICallError, message: str) -> bytes:
    details = [any_pb2.Any() for _ in error.details]
    for packed, detail in zip(details, error.details, strict=True):
        packed.Pack(detail)
    data: bytes = status_pb2.Status(
        code=error.grpc_status_code.value[0], message=message, details=details
    ).SerializeToString()
    return data


@contextmanager
def serving(texts: Mapping[str, str]) -> Iterator[str]:
    """The address of a server that runs until the block ends."""
    with FakeCloudTasks(time="virtual") as fake:
        fake.route("*")
        server = grpc.server(ThreadPoolExecutor(1), handlers=[_Handlers(fake, texts)])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
