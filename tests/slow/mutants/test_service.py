"""The property of `test_against_reference` put to the test itself: it must find a mistake in the model."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.service.side_by_side import Model, agree_on
from tests.service.workloads import Workload, workloads_under

from .service_mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_in_the_model_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property fails for a model with this mistake in it."""
    right = vars(mutant.where)[mutant.attribute]
    monkeypatch.setattr(mutant.where, mutant.attribute, mutant.wrong(right))
    model = Model.of("pytest_cloudtasks._service")

    # How small the example could be is of no interest here.
    @settings(max_examples=200, phases=[Phase.explicit, Phase.generate])
    @given(workloads_under(st.just(mutant.laws)))
    def goes_the_way_of_the_reference(workload: Workload) -> None:
        agree_on(model, workload)

    with pytest.raises(mutant.found_as):
        goes_the_way_of_the_reference()
