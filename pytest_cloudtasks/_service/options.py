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
    """How long a deleted queue's name stays reserved. Documented as 3 and as 7 days; the longer is ours."""
    task_tombstone_ttl: int = 24 * HOUR
    """How long a finished task's name stays reserved. Documented as 1 h, 4 h and 24 h; the longest is ours."""
    max_task_size: int = MAX_TASK_SIZE
    """The largest task, in bytes of the stored message. Recorded; 102400 is what the documentation says."""
    app_engine_host_suffix: str = "uc.r.appspot.com"
    """What follows the project in an App Engine host. Recorded for us-central; appspot.com is the older form."""
    enforce_rpc_deadline: bool = True
    """Reject a CreateTask, a batch or a GetQueue whose time-out is over 30 s. Reported from several clients."""
    enforce_lease_rate: bool = True
    """Refuse a pull queue's eleventh LeaseTasks within a second. Documented."""
    burst_size: int | Callable[[float], int] = burst_for
    """The server's ``max_burst_size``, or how it follows from the rate (dispatches per second)."""
    purge_delay: int = 0
    """How long purged tasks stay, and may be dispatched. Documented as up to a minute; none is our choice."""
    queue_init_delay: int = 0
    """How long a new queue is not found by CreateTask. Documented as up to a minute; none is our choice."""
    ghost_recreate: bool = False
    """CreateQueue seems to recreate a recently deleted queue, which is not there then. Documented as possible."""
    legacy_errors: bool = False
    """The codes and texts of 2019 to 2023 for queues and tasks that are missing. Reported."""
    iam_emulation: str = ""
    """Check permissions by the policies that were set, for this member; "" for no checks. See `iam`."""
    iam_roles: Mapping[str, Collection[str]] = {}
    """Custom roles by name, such as projects/p/roles/creator, and the permissions they grant. Documented."""
    treat_304_as_success: bool = False
    """An answer of 304 ends the task. Reported once, of an App Engine target; documented is that it fails."""
    honour_retry_after: bool = False
    """A failed answer's Retry-After puts the retry off. Documented as "considered", no more."""
    follow_redirects: bool = True
    """HTTP targets' redirects that have a Location are followed within the attempt. Recorded."""
    system_throttle: SystemThrottle = SystemThrottle.NONE
    """simple: 429 and 503 halve the queue's rate, successes bring it back. Fictional: no numbers are published."""
