"""How a simulation answers the calls of clients.

Theory of operation. A call passes `answer_call`, within one hold of the lock, in this order: the queue's instant
catches up with the application's time, due removals happen, and the call is recorded, so that it precedes the events
that it causes. A planned fault may answer instead of the service. Otherwise the frontend of the call's API version
answers, and a second kind of fault may lose its response. Lints inspect the call last. With eager dispatch, the new
tasks are delivered after the lock is released, before the caller gets the response.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .._messages import api_versions
from .._messages.rpc_call import IncomingCall
from .._service.errors import ServiceError
from .._service.service import Service
from .._service.task import Task
from .._service.validation import is_queue
from .exceptions import failure_class
from .fork_safety import forks

if TYPE_CHECKING:
    from .._messages.grpc_errors import InProcessRpcError
    from .simulation import Simulation

_CREATING = frozenset({"create_task", "batch_create_tasks"})
_READING = ("get_", "list_", "test_")
"""Prefixes of the names of RPCs that change nothing."""


class Lints(Protocol):
    """Inspects each answered call: see `_diagnostics.lints`."""

    def look(self, service: Service, now: int, rpc: str, request: Any, accepted: int) -> None:
        """Inspect a call that was answered at ``now``; ``accepted`` tasks had been accepted until then."""

    texts: list[str]
    """The warnings, each with its place."""

    def resumed(self) -> Lints:
        """Return the lints of a Hypothesis example, which don't repeat another example's warnings."""


class SimulationEnded(RuntimeError):
    """A call came from another thread or process after its test was over."""


SimulationEnded.__module__ = "pytest_cloudtasks"  # what pytest prints: the library, not the place within it


class Answered(NamedTuple):
    """An answered call. It has both a response and an error if a fault has lost the response."""

    response: Any
    error: InProcessRpcError | None
    to_dispatch: Sequence[Task]
    """The tasks that it has created, if they are to be dispatched before the caller gets the response."""


def answer_call(simulation: Simulation, call: IncomingCall) -> Answered:
    """Answer an RPC, and record it."""
    with simulation.lock:
        if simulation.has_ended:
            raise SimulationEnded(f"{call.method} was called after the test of its fake was over.")
        if not call.method.startswith(_READING):
            simulation.check_change(f"calls {call.method}()")
        now = simulation.catch_up()
        service, history = simulation.service, simulation.history
        accepted = service.accepted.total
        call.keep_request(now)
        history.record_call(call)
        message = call.message
        try:
            response, error = _response_and_error(simulation, call, now)
        except Exception as unexpected:
            call.error = unexpected
            raise
        finally:
            call.finish()
        if simulation.lints is not None:
            _inspect(simulation, simulation.lints, call.method, message, accepted)
        if history.is_forked_copy and service.accepted.total > accepted:
            forks.warn_of_copy(call.method)
        return Answered(response, error, service.accepted.since(accepted) if simulation.activities.is_eager else ())


def _response_and_error(simulation: Simulation, call: IncomingCall, now: int) -> tuple[Any, InProcessRpcError | None]:
    """Answer a call, by the service or by a planned fault, and record in it what came of it."""
    faults, begin = simulation.faults, len(simulation.history)
    response, error = None, faults.failure_of(call) if faults.are_planned else None
    if error is None:
        try:
            response = _response(simulation, call, now)
        except ServiceError as rejection:
            from .._messages.grpc_errors import rpc_error  # imports grpc, which other calls don't need

            error = rpc_error(rejection, simulation.randomness.jitter)
        else:
            call.keep_response(response)
            error = faults.loss_of(call) if faults.are_planned else None
    if error is not None:
        from .._clients.retry_waits import skipped_waits  # loads Google's retries, which only an error needs

        skipped_waits.install()
        call.error = error
    # A planned error is a record of its own. The service's is none: the timeline shows it by the call, whatever else
    # the call has caused, such as a queue that was missing.
    call.has_effect = len(simulation.history) > begin and (error is None or error.is_planned)
    return response, error


def _response(simulation: Simulation, call: IncomingCall, now: int) -> Any:
    """Return the service's response."""
    frontend = api_versions.speaking(call.api)
    if call.is_firebase and call.method == "create_task":
        from .._messages.rest import address_function  # loads REST's JSON, which few tests need

        address_function(call.message, simulation.settings.firebase_functions)
    if simulation.settings.auto_create_queues and call.method in _CREATING:
        queue = call.message.parent
        if is_queue(queue) and queue not in simulation.service.queues:
            fields = frontend.fields_of_missing_queue(call.message)
            api_versions.configure_queue(simulation.service, now, queue, fields)
    return frontend.answer(simulation.service, now, call)


def _inspect(simulation: Simulation, lints: Lints, rpc: str, request: Any, accepted: int) -> None:
    """Let the lints inspect a call. If a lint is an error, it fails the test even if it is swallowed."""
    try:
        lints.look(simulation.service, simulation.clock.now, rpc, request, accepted)
    except failure_class() as error:
        simulation.failures.keep(str(error))
        raise
