"""The values that the machine's rules draw: small ones, so that few steps reach the limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .._strategies.outcomes import Outcome, outcomes
from .._strategies.queues import rate_limits, retry_configs
from .._strategies.requests import SIMPLEST_URL, http_requests
from .._strategies.tasks import tasks

URL = SIMPLEST_URL
"""The target of the machine's own tasks."""
HOUR = 3600

queue_ids = st.sampled_from(["0", "1", "2", "3"])
task_ids = st.sampled_from([None, "0", "0", "1"])
_seconds = st.integers(1, 10).map(lambda seconds: timedelta(seconds=seconds))
_few_dispatches: SearchStrategy[Any] = st.sampled_from([None, 1.0, 0.1])
_few_at_once: SearchStrategy[Any] = st.sampled_from([None, 1, 2])
_ages: SearchStrategy[Any] = st.sampled_from([None, timedelta(seconds=30), timedelta(minutes=5)])
_longest_waits: SearchStrategy[Any] = st.sampled_from([None, timedelta(seconds=15), timedelta(minutes=1)])
_doublings: SearchStrategy[Any] = st.sampled_from([None, 1, 2, 3])
rates: SearchStrategy[Any] = rate_limits(
    max_dispatches_per_second=_few_dispatches, max_concurrent_dispatches=_few_at_once, as_dict=True
)
retries: SearchStrategy[Any] = retry_configs(
    max_attempts=st.integers(1, 4),
    max_retry_duration=_ages,
    min_backoff=_seconds,
    max_backoff=_longest_waits,
    max_doublings=_doublings,
    as_dict=True,
)
own_retries: SearchStrategy[Any] = st.none() | retries
requests: SearchStrategy[Any] = http_requests(url=URL, headers=None, oidc_token=None, oauth_token=None, as_dict=True)
own_tasks: SearchStrategy[Any] = tasks(http_request=requests, retry_config=own_retries, as_dict=True)
delays = st.sampled_from([None, 1, 10, 60, HOUR])
durations = st.sampled_from([1, 2, 5, 10, 20, 60, HOUR, 24 * HOUR])
counts = st.sampled_from([1, 2, 3, 12])
"""The last is more than any burst size that the service chooses for such a low rate."""
endings: SearchStrategy[Outcome] = outcomes() | outcomes(success=False)
answering_times = st.sampled_from([0, 1, 20, 700])
"""The last is past the default deadline of a task."""
