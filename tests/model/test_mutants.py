"""The property of `test_against_reference` put to the test itself: it must find the model wrong where it was altered.

A mutant is the model with one passage of its source replaced, loaded under another name; nothing is written to disk.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import Phase, given, settings

import pytest_cloudtasks._model

from .side_by_side import Command, Difference, Model, agree_on, workloads

SOURCES = Path(pytest_cloudtasks._model.__file__).parent
COPY = "altered_model"


@dataclass(frozen=True)
class Mutant:
    """A mistake: in a module of the model, ``new`` stands where ``old`` should."""

    name: str
    module: str
    old: str
    new: str


MUTANTS = [
    Mutant("the delay never grows linearly", "backoff", "* (failures - doublings), config", ", config"),
    Mutant("the delay doubles once too often", "backoff", "min(failures - 1, config.max", "min(failures, config.max"),
    Mutant("max_backoff is no cap", "backoff", "- doublings), config.max_backoff)", "- doublings), 100 * HOUR)"),
    Mutant("one attempt too many", "backoff", "attempts < config.max_attempts", "attempts <= config.max_attempts"),
    Mutant(
        "an age equal to the limit goes on",
        "backoff",
        "ended - first_dispatch < config.max_retry_duration",
        "ended - first_dispatch <= config.max_retry_duration",
    ),
    Mutant("one limit is enough to stop", "backoff", "if attempts_left or age_left:", "if attempts_left:"),
    Mutant(
        "the delay runs from the schedule time",
        "dispatching",
        "if attempt.forced else now,\n        )\n",
        "if attempt.forced else attempt.schedule_time,\n        )\n",
    ),
    Mutant(
        "the delay after RunTask runs from the answer",
        "dispatching",
        "counted_from=attempt.dispatch_time if attempt.forced else now",
        "counted_from=now",
    ),
    Mutant(
        "the age runs from the creation",
        "dispatching",
        "first_dispatch=task.attempts[0].dispatch_time",
        "first_dispatch=task.create_time",
    ),
    Mutant(
        "a task's own retry_config is ignored",
        "dispatching",
        "task.retry_config or queue.config.retry_config",
        "queue.config.retry_config",
    ),
    Mutant("one dispatch too many at once", "queue", "self.in_flight < self.config", "self.in_flight <= self.config"),
    Mutant("a dropped answer keeps its slot", "dispatching", "queue.in_flight -= 1", "queue.in_flight -= task.is_live"),
    Mutant("tokens come twice as fast", "dispatch_rate", "now)) + self._interval", "now)) + self._interval // 2"),
    Mutant("there is no burst", "dispatch_rate", " - (self._burst - 1) * self._interval", ""),
    Mutant(
        "a new rate fills the bucket",
        "dispatch_rate",
        "kept = min(self._there(now), Fraction(burst))",
        "kept = Fraction(burst)",
    ),
    Mutant(
        "a paused queue dispatches",
        "queue",
        "if self.state is not QueueState.RUNNING or not self.has_slot:",
        "if not self.has_slot:",
    ),
    Mutant(
        "new settings wait for the next event",
        "service",
        "queue.reconfigure(config, now)\n        self.dispatcher.changed(queue)\n",
        "queue.reconfigure(config, now)\n",
    ),
    Mutant(
        "tasks go in the order of creation",
        "queue",
        "(task.schedule_time, task.sequence, task.disp",
        "(0, task.sequence, task.disp",
    ),
    Mutant(
        "a task's name is free at once",
        "service",
        "if spec.name and self._task_tombstones[parent].holds(spec.name, now):",
        "if False:",
    ),
    Mutant("a queue's name is free at once", "service", "if self._queue_tombstones.holds(name, now):", "if False:"),
    Mutant("a reservation ends an instant late", "tombstones", "if now < until:", "if now <= until:"),
    Mutant("5xx counts as an execution", "dispatching", "+= not 500 <= outcome.http_status <= 599", "+= 1"),
    Mutant(
        "an answer at the deadline is late", "dispatching", "if at > attempt.deadline:", "if at >= attempt.deadline:"
    ),
    Mutant("a late answer is awaited", "dispatching", "if at > attempt.deadline:", "if False:"),
    Mutant("tasks never expire", "dispatching", "if first is None or first[0] > now:", "if True:"),
    Mutant("the first of two attempts decides", "dispatching", "        if task.in_flight:\n", "        if False:\n"),
    Mutant(
        "a purge leaves the tasks",
        "service",
        "            self._remove(list(queue.tasks.values()), now)\n            self.dispatcher.changed(queue)",
        "            self.dispatcher.changed(queue)",
    ),
    Mutant("720 hours are too far", "creation", "spec.schedule_time - now > MAX", "spec.schedule_time - now >= MAX"),
]


class _Copier(MetaPathFinder, InspectLoader):
    """Imports the model's modules under the name `COPY`, one of them altered."""

    def __init__(self, mutant: Mutant | None) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != COPY:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=fullname == COPY)

    def get_source(self, fullname: str) -> str:
        module = fullname.partition(".")[2]
        source = (SOURCES / f"{module or '__init__'}.py").read_text(encoding="utf-8")
        if self.mutant is None or self.mutant.module != module:
            return source
        assert source.count(self.mutant.old) == 1, f"{self.mutant.name}: its passage is not there exactly once"
        return source.replace(self.mutant.old, self.mutant.new)


@contextmanager
def copy_of_the_model(mutant: Mutant | None) -> Iterator[Model]:
    """A fresh copy of the model, altered by ``mutant``."""
    copier = _Copier(mutant)
    sys.meta_path.insert(0, copier)
    try:
        yield Model.of(COPY)
    finally:
        sys.meta_path.remove(copier)
        for name in [name for name in sys.modules if name.partition(".")[0] == COPY]:
            del sys.modules[name]


def put_to_the_property(model: Model) -> None:
    """The property, up to the first difference; how small the example could be is of no interest here."""

    @settings(max_examples=300, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate])
    @given(workloads)
    def goes_the_way_of_the_reference(workload: list[Command]) -> None:
        agree_on(model, workload)

    goes_the_way_of_the_reference()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_in_the_model_is_found(mutant: Mutant) -> None:
    """The property fails for a model with this mistake in it."""
    with copy_of_the_model(mutant) as model, pytest.raises(Difference):
        put_to_the_property(model)


def test_an_unaltered_copy_passes() -> None:
    """Loading the model as the mutants are loaded is no mistake in itself."""
    with copy_of_the_model(None) as model:
        assert model.service.__name__ == f"{COPY}.service"
        put_to_the_property(model)
