"""Every invariant put to the test itself: the machine must find it broken where the model was altered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pytest_cloudtasks._messages.tasks import Messages
from pytest_cloudtasks._service import scheduler as dispatching
from pytest_cloudtasks._service.events import EventKind
from pytest_cloudtasks._service.queue import DispatchRate, Queue
from pytest_cloudtasks._service.scheduler import Scheduler
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.task import Attempt, Task, TaskCause
from pytest_cloudtasks._stateful.machine import INVARIANTS
from pytest_cloudtasks._units import SECOND
from pytest_cloudtasks.stateful import CloudTasksMachine

VERDICT = dispatching.verdict_on_failure


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the invariant that it breaks."""

    invariant: str
    where: Any
    name: str
    wrong: Any
    text: str
    """What the failure says, where names and instants are left out."""


# --- mistakes ----------------------------------------------------------------------------------------------------


def one_more(config: Any, **now: Any) -> Any:
    """The verdict of a configuration with one attempt more."""
    return VERDICT(config._replace(max_attempts=config.max_attempts + 1), **now)


def one_less(config: Any, **now: Any) -> Any:
    """The verdict of a configuration with one attempt less, and no age."""
    return VERDICT(config._replace(max_attempts=config.max_attempts - 1, max_retry_duration=0), **now)


def only_said(service: Service, now: int, name: str) -> None:
    """DeleteTask that leaves the task where it is."""
    task = service.existing_task("delete_task", name)
    service._happened(now, EventKind.TASK_DELETED, service.queues[task.queue_name], task)


def unpaused(service: Service, now: int, name: str) -> Queue:
    """PauseQueue that says so."""
    queue = service.get_queue(now, name)
    service._happened(now, EventKind.QUEUE_PAUSED, queue)
    return queue


def patient(attempt: Attempt) -> int:
    """A deadline that is twice as far off."""
    return attempt.dispatch_time + 2 * attempt.task.deadline_in_force


def losing(scheduler: Scheduler, queue: Queue, task: Task, now: int) -> None:
    """A task that is to be retried goes."""
    if task.dispatch_count:
        queue.tasks.pop(task.name)
    else:
        SCHEDULER_WAIT(scheduler, queue, task, now)


def kept(service: Service, task: Task, cause: TaskCause, at: int) -> None:
    """A task that has ended, and stays."""
    task.move(cause)
    task.ended_at = at


def counted_twice(scheduler: Scheduler, attempt: Attempt, *given: Any) -> None:
    """A response that counts for two."""
    attempt.task.response_count += attempt.outcome is not None
    APPLY(scheduler, attempt, *given)


def forgetful(messages: Messages, message: Any, task: Task) -> None:
    """The first attempt is shown as the last."""
    shown = [task.attempts[-1]] if task.attempts else None
    attempts, task.attempts = task.attempts, shown
    WRITE_COUNTS(messages, message, task)
    task.attempts = attempts


def of_the_queue(task: Task) -> int:
    """An instant before the schedule time."""
    return task.schedule_time - SECOND


SCHEDULER_WAIT, APPLY = Scheduler._wait, Scheduler._apply
WRITE_COUNTS = Messages._write_counts
MUTANTS = [
    Mutant("never_before_its_time", Task, "eligible_at", property(of_the_queue), "before its time"),
    Mutant("never_dispatched_once_gone", Service, "delete_task", only_said, "although it was deleted"),
    Mutant("nothing_leaves_a_paused_queue", Service, "pause_queue", unpaused, "although its queue was paused"),
    Mutant("never_above_the_concurrency", Queue, "has_slot", property(lambda queue: True), "were under way and its"),
    Mutant("never_above_the_rate", DispatchRate, "take", lambda bucket, now: None, "dispatches a second allow fewer"),
    Mutant("retry_limits_are_kept", dispatching, "verdict_on_failure", one_more, "its retry limits are used up"),
    Mutant("retry_limits_are_kept", dispatching, "verdict_on_failure", one_less, "although its limits allow a retry"),
    Mutant("never_awaited_past_its_deadline", Attempt, "deadline", property(patient), "and its dispatch deadline was"),
    Mutant("nothing_is_lost", Scheduler, "_wait", losing, "is in no queue, although nothing has ended it"),
    Mutant("nothing_is_lost", Service, "_end", kept, "is still in its queue, although it"),
    Mutant("attempts_are_counted", Scheduler, "_apply", counted_twice, "more than its dispatch_count of"),
    Mutant("attempts_are_counted", Messages, "_write_counts", forgetful, "and its first_attempt says"),
]


def machine_that_sees(invariant: str) -> type[CloudTasksMachine]:
    """A machine with only that invariant, and with buckets of one token."""
    others = [one for one in INVARIANTS if one != invariant]
    return type("OneInvariant", (CloudTasksMachine,), {"without": others, "options": {"service": {"burst_size": 1}}})


def run(machine: type[CloudTasksMachine], examples: int, *phases: Phase) -> None:
    """A run of that size, always the same."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            phases=[Phase.generate, *phases],
        ),
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.invariant}, {mutant.name}")
def test_a_mistake_in_the_model_breaks_its_invariant(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine fails for a model with this mistake in it, by the invariant that forbids it."""
    monkeypatch.setattr(mutant.where, mutant.name, mutant.wrong)
    with pytest.raises(AssertionError) as broken:
        run(machine_that_sees(mutant.invariant), 1000)  # it ends soon after the first
    assert mutant.text in str(broken.value)


def test_every_invariant_has_a_mutant() -> None:
    """A new one fails here until there is a mistake that breaks it."""
    assert {mutant.invariant for mutant in MUTANTS} == set(INVARIANTS)


def test_the_model_keeps_all_of_them() -> None:
    """The machine finds nothing in the model as it is."""
    run(CloudTasksMachine, 30)
