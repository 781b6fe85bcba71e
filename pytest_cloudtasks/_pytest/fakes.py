"""The parts that only a run with a fake needs: the fake, its simulations, and their sections of reports.

It imports the model and the API. `session` loads it with the first fake, or when a call outside a fake is blocked.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from .._api.fake import FakeCloudTasks, begin_when_used, run_in
from .._api.faults import unused
from .._diagnostics.call_sites import application_frame, place_text
from .._diagnostics.django_database import counted_at_failure
from .._diagnostics.hints import Situation, hints
from .._diagnostics.rejections import rejections_text
from .._diagnostics.strict import passed_over
from .._diagnostics.timeline import timeline_excerpt
from .._messages import api_versions
from .._simulation.exceptions import CloudTasksAssertionError, CloudTasksWarning
from .._simulation.settings.settings import Settings
from .._simulation.simulation import Simulation
from .._text import safe_str
from .._time.external import advice_on
from .hypothesis_examples import fresh_examples


class Fakes:
    """The only `FakeCloudTasks` of a session, the simulations behind it, and their sections of reports."""

    def __init__(self, begin: Callable[[], None]) -> None:
        """Set up the fake. ``begin`` is called when the fake is used in a test without a simulation."""
        self.fake = FakeCloudTasks()
        begin_when_used(self.fake, begin)

    def simulation(self, settings: Settings, test: str) -> Simulation:
        """Return a simulation for ``test``, its queues checked."""
        simulation = Simulation(settings, test)
        simulation.check_queues()
        if "freezegun" in sys.modules:  # modules first imported while it freezes time would keep its datetime
            api_versions.v2()
        return simulation

    def run_in(self, simulation: Simulation) -> ExitStack:
        """Let the fake use ``simulation`` until the stack is closed."""
        return run_in(self.fake, simulation)

    def fresh_examples(
        self, test: Any, simulation: Simulation, show: Callable[[Simulation], None]
    ) -> AbstractContextManager[None]:
        """Run each example of a Hypothesis test in a copy of ``simulation``."""
        return fresh_examples(test, self.fake, simulation, show)

    def counting_callbacks(self, item: Any) -> AbstractContextManager[None]:
        """Count Django's waiting callbacks when a TestCase fails, for the hints."""
        return counted_at_failure(item)

    def passed_over_in(self, simulation: Simulation) -> str:
        """Return the message of ``strict`` about a passing test; "" if there is none."""
        return passed_over(
            simulation.settings.strict, simulation.history, simulation.service, simulation.clock, simulation.targets
        )

    def warn_of_unused(self, item: pytest.Item, simulation: Simulation) -> None:
        """Warn of planned faults that never happened, because the test may not test what it should."""
        for warning in unused(simulation):
            try:
                item.warn(CloudTasksWarning(warning))
            except CloudTasksWarning:  # the suite turns warnings into errors
                pytest.fail(warning, pytrace=False)

    def sections_of(
        self, simulations: Sequence[Simulation], error: BaseException
    ) -> Iterator[tuple[str, Callable[[], str]]]:
        """Return the titles and texts of the simulations in a failed test's report."""
        yield "Cloud Tasks: clocks", lambda: advice_on(error) or ""
        for number, simulation in enumerate(simulations, 1):
            which = f", fake {number} of {len(simulations)}" if len(simulations) > 1 else ""
            for title, describe in self._sections_of(simulation, error):
                yield f"Cloud Tasks {title}{which}", describe

    def _sections_of(self, simulation: Simulation, error: BaseException) -> Iterator[tuple[str, Callable[[], str]]]:
        history, service, clock = simulation.history, simulation.service, simulation.clock
        yield "rejections", lambda: rejections_text(history, service, clock, simulation.settings)
        has_timeline = not isinstance(error, CloudTasksAssertionError) and not simulation.history.is_empty

        def story() -> str:
            parts = [timeline_excerpt(history, service, clock)] if has_timeline else []
            return "\n\n".join([*parts, *filter(None, [simulation.randomness.choices.replay])])

        yield "timeline" if has_timeline else "choices", story
        yield "lints", lambda: "\n\n".join(self._lints_of(simulation, error))
        yield "hints", lambda: "\n\n".join(self.hints_for(simulation, error))

    def hints_for(self, simulation: Simulation, error: BaseException) -> list[str]:
        """Return the most likely causes of ``error``, which has failed a test, that its text doesn't have."""
        if isinstance(error, CloudTasksAssertionError):  # it has hints of its own
            return []
        text = safe_str(error)
        parts = simulation.history, simulation.service, simulation.clock, simulation.targets
        shown = [text, *(simulation.lints.texts if simulation.lints is not None else ())]
        all_hints = hints(Situation(*parts, error=error, failures=simulation.failures.messages))
        return [hint for hint in all_hints if not any(hint in text for text in shown)]

    def _lints_of(self, simulation: Simulation, error: BaseException) -> list[str]:
        """Return the lints, without those that a hint in the text of ``error`` has named."""
        paragraphs = safe_str(error).split("\n\n") if isinstance(error, CloudTasksAssertionError) else []
        texts = simulation.lints.texts if simulation.lints is not None else []
        return [text for text in texts if not any(paragraph in text for paragraph in paragraphs if paragraph)]

    def outside_text(self, call: str, in_test: bool) -> str:
        """Return the error of ``call`` outside a fake, with ``outside="refuse"``."""
        advice = (
            "Ask for the cloud_tasks fixture in the test or fixture that makes the call, mark the test with"
            " @pytest.mark.cloud_tasks, or allow it with"
            ' @pytest.mark.cloud_tasks(outside="real").'
            if in_test
            else "No test is running now: move the call into a function that a test calls, or make it inside `with"
            " FakeCloudTasks():`."
        )
        return (
            f'{call} was blocked: no fake is active, and outside="refuse" blocks calls to the real service. {advice}\n'
            f"The call was made at {place_text(application_frame())}."
        )
