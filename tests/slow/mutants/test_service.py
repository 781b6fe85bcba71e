"""The property of `test_against_reference` put to the test itself: it must find the model wrong where it was altered.

A mutant is the model with one passage of its source replaced, loaded under another name; nothing is written to disk.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import pytest_cloudtasks._service
from tests.service.reference_parts import Laws
from tests.service.side_by_side import Difference, Model, agree_on
from tests.service.workloads import Workload, any_laws, workloads_under

from .service_mutants import MUTANTS, Mutant

SOURCES = Path(pytest_cloudtasks._service.__file__).parent
COPY = "altered_model"


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
        source = source.replace("from .._units", "from pytest_cloudtasks._units")
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


def put_to_the_property(model: Model, laws: st.SearchStrategy[Laws]) -> None:
    """The property, up to the first difference; how small the example could be is of no interest here."""

    @settings(max_examples=200, phases=[Phase.explicit, Phase.generate])
    @given(workloads_under(laws))
    def goes_the_way_of_the_reference(workload: Workload) -> None:
        agree_on(model, workload)

    goes_the_way_of_the_reference()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_in_the_model_is_found(mutant: Mutant) -> None:
    """The property fails for a model with this mistake in it."""
    with copy_of_the_model(mutant) as model, pytest.raises(Difference):
        put_to_the_property(model, st.just(mutant.laws))


def test_an_unaltered_copy_passes() -> None:
    """Loading the model as the mutants are loaded is no mistake in itself."""
    with copy_of_the_model(None) as model:
        assert model.service.__name__ == f"{COPY}.service"
        put_to_the_property(model, any_laws)
