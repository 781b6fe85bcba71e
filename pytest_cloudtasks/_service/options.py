"""Service options: behaviour that the sources disagree about or leave open, so that a test may want it otherwise."""

# Annotations are not strings here: a NamedTuple compiles string annotations, which would slow every start of pytest.
import math
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import NamedTuple

from .._units import DAY, HOUR

MAX_TASK_SIZE = 1_048_569
"""Bytes of the stored message, 7 less than 1 MiB. Ledger: `create-task/stored-task-larger-than-1-048-569`."""


class SystemThrottle(Enum):
    """How a queue's rate reacts to answers that ask for less."""

    NONE = "none"
    SIMPLE = "simple"


def burst_for(rate: float) -> int:
    """Return the burst size that the service chooses for a rate: max(10, floor(rate / 5)), at most 100."""
    return min(100, max(10, math.floor(rate / 5)))


class ServiceOptions(NamedTuple):
    """Settings of the modelled service. Durations are nanoseconds."""

    queue_tombstone_ttl: int = 7 * DAY
    """How long a deleted queue's name stays reserved. Google's documentation says both 3 and 7 days."""
    task_tombstone_ttl: int = 24 * HOUR
    """How long a finished or deleted task's name stays reserved. Google's documentation says 1, 4 and 24 hours."""
    max_task_size: int = MAX_TASK_SIZE
    """The largest stored task, in bytes. Google's documentation says 100 KB (102400)."""
    app_engine_host_suffix: str = "uc.r.appspot.com"
    """The end of an App Engine host, after the project. The default is that of us-central."""
    enforce_rpc_deadline: bool = True
    """Reject a CreateTask, BatchCreateTasks, BatchDeleteTasks or GetQueue with a time-out over 30 s."""
    enforce_lease_rate: bool = True
    """Reject a pull queue's eleventh LeaseTasks within a second."""
    burst_size: int | Callable[[float], int] = burst_for
    """``max_burst_size``, or a callable that computes it from the rate; by default a fifth, from 10 to 100."""
    purge_delay: int = 0
    """How long purged tasks stay and may still be dispatched: up to a minute."""
    queue_init_delay: int = 0
    """How long CreateTask does not find a new queue: up to a minute."""
    ghost_recreate: bool = False
    """CreateQueue for a recently deleted name seems to succeed, and the queue does not exist."""
    legacy_errors: bool = False
    """The codes and texts of 2019 to 2023 for missing queues and tasks."""
    iam_emulation: str = ""
    """Check permissions by the queue's policy, for this member. ``True``: ``user:test@example.com``; off by default.
    A queue without a policy allows everything.
    """
    iam_roles: Mapping[str, Collection[str]] = {}
    """Custom roles for ``iam_emulation``, by name, and the permissions they grant."""
    treat_304_as_success: bool = False
    """An answer of 304 completes the task. Google's documentation says that it fails."""
    honour_retry_after: bool = False
    """The Retry-After of a failed answer delays the retry. Google's documentation says "considered"."""
    follow_redirects: bool = True
    """The Location of a redirect is followed within the attempt, at most 20 times; not for App Engine tasks."""
    system_throttle: SystemThrottle = SystemThrottle.NONE
    """``simple``: 429 and 503 halve the queue's rate (App Engine: 503), and a success adds a tenth. The numbers are
    invented: Google publishes none.
    """
