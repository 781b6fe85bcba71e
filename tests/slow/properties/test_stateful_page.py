"""The page on state machines shows what Hypothesis prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pytest_cloudtasks._stateful.machine import INVARIANTS, RULES

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
