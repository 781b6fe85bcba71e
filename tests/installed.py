"""What the installed releases have, of google-cloud-tasks above all. Tests ask for a capability, never for a number.

A test says what it is about by ``@pytest.mark.needs("rest")``; one that is asked of the transport ``"rest"`` by a
parameter has no need to. Where a release lacks it the test is left out, as tests/conftest.py does it.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3

_TRANSPORTS: Any = None
_ASYNC: Any = None
if hasattr(tasks_v2, "services"):  # 1.x has none, and no asyncio
    _TRANSPORTS = import_module("google.cloud.tasks_v2.services.cloud_tasks.transports")
    _ASYNC = import_module("google.cloud.tasks_v2.services.cloud_tasks.async_client")
    for _version in ("v2", "v2beta3", "v2beta2"):
        _library = import_module(f"google.cloud.tasks_{_version}")
        if not hasattr(_library, "CloudTasksAsyncClient"):  # 2.0 has it below only, where nobody wants to name it
            _services = import_module(f"{_library.__name__}.services.cloud_tasks")
            _library.CloudTasksAsyncClient = _services.CloudTasksAsyncClient

CloudTasksRestTransport: Any = getattr(_TRANSPORTS, "CloudTasksRestTransport", None)
"""The library's, or None."""
_ASYNCIO_PLUGIN = find_spec("pytest_asyncio")
CAPABILITIES = {
    name
    for name, is_there in {
        "clients of 2.x": _TRANSPORTS is not None,
        "rest": CloudTasksRestTransport is not None,
        "batches": hasattr(tasks_v2.CloudTasksClient, "batch_create_tasks"),
        "uploads": hasattr(tasks_v2beta2.CloudTasksClient, "upload_queue_yaml"),
        "transports by class": "Callable" in str(tasks_v2.CloudTasksClient.__init__.__annotations__.get("transport")),
        "retries of asyncio": _ASYNC is not None and _ASYNC.retries.__name__.endswith("retry_async"),
        "HTTP tasks in all versions": _TRANSPORTS is not None and hasattr(tasks_v2beta2.types.Task(), "http_request"),
        "time-outs of 20 s": _TRANSPORTS is not None and "default_timeout=20.0" in inspect.getsource(_TRANSPORTS.base),
        "types of queues": _TRANSPORTS is not None and hasattr(tasks_v2beta3.types.Queue(), "type_"),
        "clients to close": hasattr(tasks_v2.CloudTasksClient, "__enter__"),
        "scopes of pytest-asyncio": _ASYNCIO_PLUGIN is not None
        and "asyncio_default_test_loop_scope" in Path(str(_ASYNCIO_PLUGIN.origin)).with_name("plugin.py").read_text(),
        "keys from a dict": hasattr(tasks_v2.CloudTasksClient, "from_service_account_info"),
        "firebase": all(map(find_spec, ("firebase_admin", "firebase_functions"))),
        "typed ini options": "get_origin(type)" in inspect.getsource(pytest.Parser.addini),
    }.items()
    if is_there
}
SYNC_TRANSPORTS = ["grpc", "rest"] if "rest" in CAPABILITIES else ["grpc"]
TRANSPORTS = [*SYNC_TRANSPORTS, "grpc_asyncio"]
