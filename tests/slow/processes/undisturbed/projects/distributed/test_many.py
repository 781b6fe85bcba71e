"""For several processes."""

import os

import pytest


@pytest.mark.parametrize("number", range(6))
def test_number(number):
    assert os.environ["PYTEST_XDIST_WORKER"].startswith("gw")
    assert number != 3
