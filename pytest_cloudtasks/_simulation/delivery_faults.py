"""What plans do to deliveries: second ones, and answers that are lost."""

from __future__ import annotations

from .._service.task import NO_RESPONSE, Attempt, Outcome, OutcomeKind
from .._targets.base import Target
from .._targets.request import TargetRequest
from .delivery import Handler
from .fault_plans import Fault
from .state import State


def second_delivery(simulation: State, attempt: Attempt, target: Target, authorization: str | None) -> Handler | None:
    """The handler of a second delivery of ``attempt``, which ``target`` has just had, if a plan says so."""
    if simulation.plans.taking(Fault.DELIVER_TWICE, attempt.task, simulation.choices) is None:
        return None
    target = simulation.targets.find_for(attempt.task, attempt.target) or target  # the script of a route may have ended
    handler = Handler(attempt, target, TargetRequest(attempt, authorization))
    handler.is_second = True
    return handler


def note_second_delivery(simulation: State, handler: Handler) -> None:
    """A second delivery has been answered, or its handler sleeps, and is put to where it wakes."""
    attempt, again = handler.attempt, f"attempt {handler.attempt.number} delivered a second time"
    if handler.answer is not None:
        simulation.note(f"{again} → {handler.answer.outcome.result}", attempt.task)
        return
    at = handler.wakes_at
    assert at is not None, "a handler that has not answered sleeps"
    simulation.sleepers.put(handler, at, (attempt.task.sequence, attempt.number))
    if not handler.is_told:
        simulation.note(again, attempt.task)
        handler.is_told = True


def arrived(simulation: State, attempt: Attempt, outcome: Outcome) -> Outcome:
    """What the service gets to see of an answer: the outcome, or none where a plan says that the answer is lost.

    The connection ends at the instant at which the answer would have come. Evidence: our choice; that an attempt
    without a response is retried is documented.
    """
    if outcome.kind is not OutcomeKind.RESPONSE:
        return outcome
    if simulation.plans.taking(Fault.LOSE_ANSWER, attempt.task, simulation.choices) is None:
        return outcome
    return Outcome(NO_RESPONSE.kind, lost_status=outcome.http_status)
