"""A Cloud Tasks endpoint somewhere: another emulator, or the real service. Time is real there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import grpc
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from pytest_cloudtasks._ledger.reading import Case

from .filling import tells_the_time
from .receiver import Receiver
from .subjects import as_message, first_page, plain, resource_names

REAL = "google"


class Endpoint:
    """Plays one case after the other, each in a queue of its own."""

    is_fake = False

    def __init__(self, address: str, project: str, location: str, receiver: str | None) -> None:
        if address == REAL:
            self._channel = None
            self._client = tasks_v2.CloudTasksClient()
        else:
            self._channel = grpc.insecure_channel(address)
            self._client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=self._channel))
        self._project, self._location = project, location
        self._receiver = None if receiver is None else Receiver(receiver)
        self._made: list[str] = []
        self.begin()

    def close(self) -> None:
        """Close the connection and stop listening."""
        if self._channel is not None:
            self._channel.close()
        if self._receiver is not None:
            self._receiver.close()

    def begin(self) -> None:
        """Turn to the next case: with a queue name that nobody has used."""
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.names: Mapping[str, str] = resource_names(
            self._project, self._location, f"conformance-{uuid.uuid4().hex[:16]}"
        )

    def end(self) -> None:
        """Delete what the case has created."""
        for name in self._made:
            with suppress(exceptions.GoogleAPICallError):
                self._client.delete_queue(name=name)
        self._made.clear()

    def why_not(self, case: Case) -> str | None:
        """Why a case can't be played here; None where it can."""
        if case.only_here:
            return case.only_here
        if case.version != "v2":
            return "It asks another version of the API than v2."
        if case.service:
            return "It turns a service option of the fake."
        for step in case.steps:
            if "advance" in step:
                return "It needs a clock that can be moved."
            if tells_the_time(step.get("expect")):
                return "It expects an instant."
            if "drain" in step and self._receiver is None:
                return "It needs a receiver."
            if "drain" in step and not _can_be_waited_for(step):
                return "It needs deliveries that can't be had, or waited for."
        return None

    def call(self, rpc: str, request: Mapping[str, Any], timeout: float | None) -> Any:
        if rpc in ("create_queue", "update_queue"):
            self._made.append(request.get("queue", {}).get("name", ""))
        options = {} if timeout is None else {"timeout": timeout}
        asked = as_message(rpc, self._addressed(request))
        return plain(first_page(getattr(self._client, rpc)(request=asked, **options)))

    def _addressed(self, request: Any) -> Any:
        """Tasks of cases of dispatch go to the receiver, whatever their URL."""
        if isinstance(request, Mapping):
            return {key: self._addressed(value) for key, value in request.items()}
        is_default = self._receiver is not None and request == "https://example.com/"
        return self._receiver.url if is_default and self._receiver else request

    def text_of(self, error: exceptions.GoogleAPICallError) -> str:
        return str(error.message)

    def advance(self, seconds: float) -> None:
        raise NotImplementedError("An endpoint's clock can't be moved.")

    def drain(self, answers: Sequence[Any], takes: float | None, until: float | None) -> dict[str, Any]:
        assert self._receiver is not None
        begun = time.monotonic()
        attempts = self._receiver.answer(answers)
        return {"attempts": attempts, "elapsed": time.monotonic() - begun}


def _can_be_waited_for(step: Mapping[str, Any]) -> bool:
    """Deliveries are compared by what they carry; where the instant is all that counts, nothing is left to see."""
    answers = step["drain"].get("answers", [200])
    attempts = step.get("expect", {}).get("attempts", [])
    plain_answers = all(isinstance(answer, int) for answer in answers) and len(answers) == len(attempts)
    return plain_answers and "elapsed" not in step["expect"] and not any("dispatched" in one for one in attempts)
