"""The beta clients in a pytest session."""

from __future__ import annotations

import pytest


@pytest.mark.needs("clients of 2.x")
@pytest.mark.parametrize("version", ["v2beta3", "v2beta2"])
def test_calls_outside_a_fake_can_be_blocked(pytester: pytest.Pytester, version: str) -> None:
    """With outside = refuse a forgotten fixture fails the test in a sentence, whatever version the application uses."""
    pytester.makepyfile(f"""
        from google.cloud import tasks_{version} as library


        def test_forgotten():
            library.CloudTasksClient().get_queue(name="projects/p/locations/l/queues/q")
    """)
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CloudTasksClient.get_queue() was blocked: no fake is active, and outside=*"])
