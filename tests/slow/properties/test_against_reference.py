"""The model against a naive one."""

from __future__ import annotations

from hypothesis import given, settings

from tests.service.side_by_side import Model, agree_on
from tests.service.workloads import Workload, workloads

MODEL = Model.of("pytest_cloudtasks._service")


@settings(max_examples=200)
@given(workloads)
def test_the_model_behaves_as_the_reference(workload: Workload) -> None:
    """Commands, dispatches, answers, retries, limits and ends equal the naive model's, to the nanosecond."""
    agree_on(MODEL, workload)
