"""What plans do to RPCs on their way to the service and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._messages.errors import DEADLINE
from .fault_plans import Fault

if TYPE_CHECKING:
    from .._messages.grpc_errors import InProcessRpcError
    from .._messages.rpc_call import RpcCall
    from .state import State


def failure_of(call: RpcCall, simulation: State) -> InProcessRpcError | None:
    """The error that ``call`` gets in place of an answer, if a plan says so; it never reaches the service."""
    plan = simulation.plans.taking(Fault.FAIL_RPC, call, simulation.choices, call.method)
    if plan is None or plan.rpc_fault is None:
        return None
    simulation.note(f"{call.method} → {plan.rpc_fault.code} by {Fault.FAIL_RPC.value}()")
    return plan.rpc_fault.error(simulation.randomness.jitter)


def loss_of(call: RpcCall, simulation: State) -> InProcessRpcError | None:
    """The error that the caller sees although ``call`` has taken effect, if a plan says so."""
    if simulation.plans.taking(Fault.LOSE_RESPONSE, call, simulation.choices, call.method) is None:
        return None
    simulation.note(f"{call.method} → {DEADLINE.code} by {Fault.LOSE_RESPONSE.value}(), after it took effect")
    return DEADLINE.error(simulation.randomness.jitter)
