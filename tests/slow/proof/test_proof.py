"""The model against the naive service, in thousands of steps of the package's own machine.

By itself it makes a few; `tox -e proof` makes as many as the environment variable CLOUD_TASKS_PROOF_STEPS says.
"""

from __future__ import annotations

import os
from collections import Counter

import hypothesis
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import BothMachine

STEPS = int(os.environ.get("CLOUD_TASKS_PROOF_STEPS", "2000"))
SEED = int(os.environ.get("CLOUD_TASKS_PROOF_SEED", "0"))
"""Of the first run; the next ones count on from it."""
EXAMPLES, LONGEST = 20, 50
RUNS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=LONGEST,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
)


ERRORS = ("NotFound", "AlreadyExists", "InvalidArgument", "FailedPrecondition", "PermissionDenied", "Aborted")
LEAST = {
    **dict.fromkeys(("step", "dispatch_due", "advance", "drain", "answers_change"), 1000),
    **dict.fromkeys(("create_queue", "update_queue", "pause_queue", "resume_queue", "purge_queue"), 1000),
    **dict.fromkeys(("create_task", "list_tasks"), 1000),
    **dict.fromkeys(("delete_queue", "get_task", "delete_task", "run_task", "list_queues", "get_queue"), 500),
    **dict.fromkeys(("batch_create_tasks", "batch_delete_tasks", "set_iam_policy", "list_locations"), 500),
    **{f"{rpc} succeeded": 200 for rpc in ("get_task", "delete_task", "run_task", "delete_queue", "resume_queue")},
    **dict.fromkeys((*ERRORS, "MethodNotImplemented"), 200),
    "attempts": 20_000,
}
"""How often each rule and each class of errors has to come up in 100,000 steps."""
FULL = 100_000
SLACK = 4
"""Fewer steps are a matter of luck: of their share of that they need no more than so small a part."""


def test_every_step_is_the_naive_services() -> None:
    """So is every answer, error, listing and attempt, and no rule and no class of errors is left out."""
    tally = run(STEPS)
    print(f"{tally['steps']} steps:", *(f"{what} {count}" for what, count in sorted(tally.items())), sep="\n  ")
    assert starved(tally) == []


def test_what_is_starved_is_named() -> None:
    """A run in which a rule or an error comes up too seldom for its steps fails with its name and counts."""
    tally = Counter({**LEAST, "steps": FULL})
    assert starved(tally) == []
    tally.update({"drain": -1, "Aborted": -200})
    assert starved(tally) == ["drain: 999 of 1000", "Aborted: 0 of 200"]
    assert starved(Counter(steps=1)) == []


def starved(tally: Counter[str]) -> list[str]:
    """What came up too seldom for so many steps."""
    steps = tally["steps"]
    divisor = FULL if steps >= FULL else FULL * SLACK
    needed = {what: least * steps // divisor for what, least in LEAST.items()}
    return [f"{what}: {tally[what]} of {least}" for what, least in needed.items() if tally[what] < least]


def run(steps: int) -> Counter[str]:
    """Runs of the machine, each with a seed of its own, until so many steps are done; how often each thing was."""
    tally = BothMachine.tally
    tally.clear()
    number = SEED
    while tally["steps"] < steps:
        machine = type(f"Run{number}", (BothMachine,), {})
        run_state_machine_as_test(hypothesis.seed(number)(machine), settings=RUNS)
        number += 1
        print(f"seed {number - 1}: {tally['steps']} steps so far", flush=True)
    return tally
