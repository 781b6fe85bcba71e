"""A failed state machine is reported in the fewest steps, and the page on it shows what Hypothesis prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pytest_cloudtasks._stateful.machine import INVARIANTS, RULES
from tests.stateful.test_machine import CHARGE, Careless, assert_no_fake_is_left, story_of

PAGE = (Path(__file__).parents[3] / "docs" / "stateful.md").read_text("utf-8")
LOOKS = "        if request.body not in self.charged:\n            self.charged.append"


def test_the_story_of_a_careless_worker_is_shown() -> None:
    """Without its look at what it has seen, the page's worker fails with the steps and the timeline of the page."""
    code, shown = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL), re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    assert shown is not None
    assert LOOKS in code[1]
    names: dict[str, Any] = {"__name__": "page"}
    exec(code[1].replace(LOOKS, "        self.charged.append"), names)

    with pytest.raises(AssertionError) as failure:
        run_state_machine_as_test(
            names["ShopMachine"],
            settings=settings(max_examples=200, phases=[Phase.generate, Phase.shrink]),
        )
    assert shown[1] in "\n".join(failure.value.__notes__) + "\n"


def test_every_rule_and_every_invariant_is_listed() -> None:
    """The page has a row for each."""
    assert [name for name in (*RULES, *INVARIANTS) if f"`{name}`" not in PAGE] == []


def test_a_story_is_reported_in_the_fewest_steps() -> None:
    """A duplicate finds a worker that does its work twice, and the timeline follows the steps."""
    error, story = story_of(Careless, Phase.shrink)
    assert str(error).splitlines()[0] == "charged twice"
    task = next(line.split()[1] for line in story if " created: POST" in line)
    assert story[0].startswith("Failing test case:")  # what follows is Hypothesis' own affair, release by release
    assert story[1:] == [
        "state = Careless()",
        "Draw 1 (Cloud Tasks): order, duplicates, lost answers, delays",
        "state.leave_to_chance(data=data(...))",
        "state.never_charged_twice()",
        "state.place()",
        "state.never_charged_twice()",
        "state.dispatch_due()",
        "state.never_charged_twice()",
        "state.teardown()",
        "Timeline:",
        "+0:00:00  queue orders created",
        f"+0:00:00  {task} created: POST {CHARGE}",
        f"+0:00:00  {task} attempt 1 → 200",
        f"+0:00:00  {task} attempt 1 delivered a second time → 200",
    ]
    assert_no_fake_is_left()
