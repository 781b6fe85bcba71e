"""Warnings are errors, markers and options are known, modules are imported without sys.path."""

import pytest


@pytest.mark.unit
def test_a_marker_that_nobody_knows():
    pass
