"""Mistakes that the comparison with `reference` must find: the model with one passage of its source replaced."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.service.reference_parts import DAY, HOUR, SECOND, Laws


@dataclass(frozen=True)
class Mutant:
    """A mistake: in a module of the model, ``new`` stands where ``old`` should."""

    name: str
    module: str
    old: str
    new: str
    laws: Laws = field(default_factory=Laws)
    """Under which it shows."""


WEEK, TOMORROW = f"now + {7 * DAY}", f"at + {DAY}"
LATE_PURGE, LATE_QUEUE = Laws(purge_delay=3 * SECOND), Laws(queue_init_delay=2 * SECOND)
THROTTLED = Laws(throttles=True)

MUTANTS = [
    Mutant("the delay never grows linearly", "retry", "* (failures - doublings), config", ", config"),
    Mutant("the delay doubles once too often", "retry", "min(failures - 1, config.max", "min(failures, config.max"),
    Mutant("max_backoff is no cap", "retry", "- doublings), config.max_backoff)", "- doublings), 100 * HOUR)"),
    Mutant("one attempt too many", "retry", "attempts < config.max_attempts", "attempts <= config.max_attempts"),
    Mutant(
        "an age equal to the limit goes on",
        "retry",
        "ended - first_dispatch < config.max_retry_duration",
        "ended - first_dispatch <= config.max_retry_duration",
    ),
    Mutant("one limit is enough to stop", "retry", "if attempts_left or age_left:", "if attempts_left:"),
    Mutant(
        "the delay runs from the schedule time",
        "scheduler",
        "ended=now,",
        "ended=attempt.schedule_time,",
    ),
    Mutant(
        "the delay after RunTask runs from the call",
        "scheduler",
        "ended=now,",
        "ended=attempt.dispatch_time if attempt.forced else now,",
    ),
    Mutant(
        "the age runs from the creation",
        "scheduler",
        "first_dispatch=task.attempts[0].dispatch_time",
        "first_dispatch=task.create_time",
    ),
    Mutant(
        "a task's own retry_config is ignored",
        "scheduler",
        "task.retry_config or queue.config.retry_config",
        "queue.config.retry_config",
    ),
    Mutant("one dispatch too many at once", "queue", "self.in_flight < self.config", "self.in_flight <= self.config"),
    Mutant("a dropped answer keeps its slot", "scheduler", "queue.in_flight -= 1", "queue.in_flight -= task.is_live"),
    Mutant("tokens come twice as fast", "queue", "now)) + self._interval", "now)) + self._interval // 2"),
    Mutant("there is no burst", "queue", " - (self._burst - 1) * self._interval", ""),
    Mutant(
        "a new rate fills the bucket",
        "queue",
        "kept = min(self._there(now), Fraction(burst))",
        "kept = Fraction(burst)",
    ),
    Mutant(
        "a paused queue dispatches",
        "queue",
        "self.state is not QueueState.RUNNING or not self.has_slot",
        "not self.has_slot",
    ),
    Mutant(
        "new settings wait for the next event",
        "service",
        "        self.scheduler.reconfigured(queue, now)\n",
        "",
    ),
    Mutant(
        "of one instant the youngest task goes first",
        "queue",
        "(task.schedule_time + delay, rank, task.sequence, task.disp",
        "(task.schedule_time + delay, rank, -task.sequence, task.disp",
    ),
    Mutant(
        "a task's name is free at once",
        "service",
        "if self._task_tombstones[parent].holds(name, now):",
        "if False:",
    ),
    Mutant(
        "a queue's name is free at once", "service", "is_reserved = self.is_reserved(now, name)", "is_reserved = False"
    ),
    Mutant("a reservation ends an instant late", "service", "if now < until:", "if now <= until:"),
    Mutant(
        "5xx counts as an execution",
        "scheduler",
        "not (outcome.is_5xx and isinstance(task.target, HttpTarget))",
        "True",
    ),
    Mutant("an answer at the deadline is late", "scheduler", "if at > deadline:", "if at >= deadline:"),
    Mutant("a late answer is awaited", "scheduler", "if at > deadline:", "if False:"),
    Mutant("tasks never expire", "scheduler", "if first is None or first[0] > now:", "if True:"),
    Mutant("the first of two attempts decides", "scheduler", "        if task.in_flight:\n", "        if False:\n"),
    Mutant(
        "a purge leaves the tasks",
        "service",
        "            self._remove(list(queue.tasks.values()), now)\n            self.scheduler.changed(queue)",
        "            self.scheduler.changed(queue)",
    ),
    Mutant("720 hours are too far", "validation", "instant - now > MAX", "instant - now >= MAX"),
    Mutant(
        "a queue's name is reserved for 7 days",
        "service",
        "now + self.options.queue_tombstone_ttl",
        WEEK,
        laws=Laws(queue_tombstone_ttl=HOUR),
    ),
    Mutant(
        "a task's name is reserved for a day",
        "service",
        "at + queue.config.tombstone_ttl",
        TOMORROW,
        laws=Laws(task_tombstone_ttl=HOUR),
    ),
    Mutant(
        "a late purge comes at once",
        "service",
        "len(self.accepted), now + self.options.purge_delay)",
        "10**9, now)",
        laws=LATE_PURGE,
    ),
    Mutant("a late purge takes what came since", "scheduler", "if task.sequence < purge.before]", "]", laws=LATE_PURGE),
    Mutant(
        "a purge keeps what is too old",
        "scheduler",
        "            self._expire_up_to(purge[0])\n",
        "",
        laws=LATE_PURGE,
    ),
    Mutant("a new queue is there at once", "service", " or now < queue.initialized_at:", ":", laws=LATE_QUEUE),
    Mutant(
        "a new queue comes an instant late",
        "service",
        "now < queue.initialized_at",
        "now <= queue.initialized_at",
        laws=LATE_QUEUE,
    ),
    Mutant("whoever lines up comes last", "queue", "if not run or run[-1] < entry:", "if True:"),
    Mutant("the run goes before the heap", "queue", "heap[0] < run[0]", "False"),
    Mutant("a ghost is refused", "service", "return Queue(name, config)  # it", "pass  # it", laws=Laws(ghosts=True)),
    Mutant("0 doublings are 0", "retry", '("max_doublings") or default.max_doublings', '("max_doublings", 16)'),
    Mutant("a throttled queue loses too much", "scheduler", "queue.throttle / 2", "queue.throttle / 4", laws=THROTTLED),
    Mutant(
        "a throttled queue gets nothing back",
        "scheduler",
        "queue.throttle + _RECOVERY",
        "queue.throttle",
        laws=THROTTLED,
    ),
    Mutant(
        "429 throttles App Engine",
        "scheduler",
        "HttpTarget) else (503,)",
        "HttpTarget) else (429, 503)",
        laws=THROTTLED,
    ),
    Mutant(
        "a throttled queue keeps its burst",
        "queue",
        "int(limits.max_burst_size * self.throttle)",
        "limits.max_burst_size",
        laws=THROTTLED,
    ),
    Mutant(
        "Retry-After comes sooner",
        "scheduler",
        "max(verdict.at, outcome.retry_at)",
        "outcome.retry_at",
        laws=Laws(honours_retry_after=True),
    ),
    Mutant("304 fails", "scheduler", "outcome.http_status == 304", "False", laws=Laws(takes_304=True)),
    Mutant(
        "App Engine counts like HTTP",
        "scheduler",
        "outcome.is_5xx and isinstance(task.target, HttpTarget)",
        "outcome.is_5xx",
    ),
    Mutant(
        "a deleted queue never was",
        "service",
        "name not in self.queues and self._queue_tombstones.holds(name, now)",
        "False",
        laws=Laws(old_errors=True),
    ),
    Mutant(
        "GetTask has no old error",
        "service",
        "legacy = self.options.legacy_errors",
        "legacy = False",
        laws=Laws(old_errors=True),
    ),
    Mutant("a request ID counts for nothing", "batches", "request_id or str(", "str("),
    Mutant(
        "a refusal ends a batch",
        "batches",
        "operation.failed[index] = _without_details(error)\n        return operation\n\n    def delete",
        "operation.failed[index] = _without_details(error)\n                break\n"
        "        return operation\n\n    def delete",
    ),
    Mutant("IF_NOT_EXISTS replaces", "overrides", "(fills_in and (own or exists))", "False"),
    Mutant("port 0 is none", "overrides", '"port" not in given', 'not given.get("port")'),
    Mutant("IF_NOT_EXISTS adds a query", "overrides", "exists=bool(path)", "exists=False"),
    Mutant("an override by GET sends a body", "request", "not self.body or self.method in", "True or self.method in"),
    Mutant("a queue's header comes besides", "overrides", "if pair[0].lower() not in overrides", "if True"),
    Mutant("a queue's token is ignored", "overrides", 'if "oidc_token" in given:', "if False:"),
    Mutant("a token goes with any URL", "overrides", 'if not url.startswith("https://"):', "if False:"),
]
