"""The frontends are made once, of the installed library's own messages."""

from __future__ import annotations

from google.cloud import tasks_v2

from pytest_cloudtasks._messages import api_versions as frontends
from pytest_cloudtasks._service.validation import RPCS


def test_the_v2_frontend_is_made_once() -> None:
    """All simulations of the process share one, for it holds nothing but types."""
    assert frontends.v2() is frontends.v2()
    assert frontends.v2().messages.types.Task is tasks_v2.Task


def test_the_table_of_rpcs_has_those_of_all_versions() -> None:
    """A planned fault may name any RPC that some version answers, and no other."""
    answered = {rpc for api in frontends.TYPES for rpc in frontends.speaking(api).rpcs}
    assert answered == set(RPCS)
