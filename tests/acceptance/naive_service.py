"""The service's RPCs over the naive reference: what a client should be told, whatever it asks.

It takes the requests that the real client is given, as dicts, and answers in the form of `plain_values`. Names that the
service makes up (task IDs, operations, etags, page tokens) it takes from what was observed, if they can be right.
It imports nothing of the package and nothing of Google's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from unittest.mock import ANY

from ..service import reference_parts as reference
from ..service.reference_parts import SECOND, Attempt, Queue, Refused, Task
from ..service.reference_requests import Request
from . import naive_fields as fields
from .naive_fields import invalid, shown_queue, shown_task
from .naive_tasks import NaiveTasks


class NaiveService(NaiveTasks):
    """Answers `rpc` and the driving methods, and returns its `state`."""

    def every(self, name: str, request: Mapping[str, Any]) -> Any:
        """The names in all pages of a listing."""
        try:
            self._check(name, request)
            if name == "list_queues":
                return [queue.name for queue in self._matching(request)]
            return [task.name for task in self.reference.queue(request["parent"]).live_tasks]
        except Refused as refused:
            return self._error(refused)

    # --- keys and locations --------------------------------------------------------------------------------------

    def get_cmek_config(self, request: Mapping[str, Any]) -> Any:
        key = self.keys.get(request["name"], "")
        return {"name": request["name"], "kms_key": key} if key else {"name": request["name"]}

    def update_cmek_config(self, request: Mapping[str, Any]) -> Any:
        config, paths = request["cmek_config"], request.get("update_mask", {}).get("paths", [])
        self.get_cmek_config(config)
        for path in paths:
            if path not in ("name", "kms_key"):
                raise invalid(f"Invalid mask: {path}")
        if not paths or "kms_key" in paths:
            key = config.get("kms_key", "")
            if key:
                self._check_key(config["name"].rpartition("/")[0], key)
            self.keys[config["name"]] = key
        return self.get_cmek_config(config)

    def _check_key(self, location: str, key: str) -> None:
        for queue in self.reference.live_queues:
            if self._is_in(queue, location) and queue.other.get("http_target", {}).get("header_overrides"):
                raise Refused(
                    "FAILED_PRECONDITION",
                    "CMEK cannot be enabled on any project that has one or more queues with HTTP Target Override"
                    " headers or tasks ttl of more than 60 days.",
                )
        parts = key.split("/")
        words = ["projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"]
        if len(parts) < 6 or parts[::2] != words[: len(parts) // 2]:
            raise invalid(f"Resource name [{key}] does not match any known resource name pattern.")
        if len(parts) != 8:
            raise invalid("Request contains an invalid argument.")
        if parts[3] != location.rpartition("/")[2]:
            raise Refused("NOT_FOUND", reference.ENTITY_MISSING)

    def _locations(self, project: str) -> list[dict[str, Any]]:
        names = {f"{project}/locations/{self.location}"}
        names |= {queue.name.partition("/queues/")[0] for queue in self.reference.live_queues}
        inside = sorted(name for name in names if name.startswith(project + "/"))
        return [{"name": name, "location_id": name.rpartition("/")[2]} for name in inside]

    def get_location(self, request: Mapping[str, Any]) -> Any:
        for location in self._locations(request["name"].partition("/locations/")[0]):
            if location["name"] == request["name"]:
                return location
        raise Refused("NOT_FOUND", reference.ENTITY_MISSING)

    def list_locations(self, request: Mapping[str, Any]) -> Any:
        if request.get("filter"):
            raise Refused("UNIMPLEMENTED", ANY)
        return {"locations": self._locations(request["name"])}

    # --- driving -------------------------------------------------------------------------------------------------

    def drive(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """Return the result of a driving method."""
        before = dict(self.reference.tally)
        only = arguments.get("queue")
        if verb == "step":
            attempt = self.reference.step()
            return None if attempt is None else self._shown_step(attempt)
        if verb == "advance":
            self.reference.advance(int(arguments["seconds"] * SECOND))
        elif verb == "dispatch_due":
            while self.reference.step(self.reference.now, only) is not None:
                pass
        else:
            until = arguments.get("until")
            self.reference.drain(None if until is None else until * SECOND)
        counts = {name: count - before[name] for name, count in self.reference.tally.items()}
        return {**counts, "blocked": sorted(self._blocked(only))}

    def _shown_step(self, attempt: Attempt) -> Any:
        task = next(task for task in self.reference.all_tasks if attempt in task.attempts)
        result: Any = attempt.answer_status
        if attempt.response_time is not None and result is None:
            result = fields.status_of(attempt)[0]
        return [task.name, attempt.number, None if attempt.response_time is None else result]

    def _blocked(self, only: str | None) -> list[list[str]]:
        found = []
        for queue in self.reference.live_queues:
            plan = queue.next_dispatch(self.reference.now)
            tasks = queue.in_line
            reason = "PAUSED"
            goes_on = queue.state == "RUNNING" and len(queue.under_way) < queue.rates.concurrency
            if goes_on and plan is None and only in (None, queue.name):
                later = [task for task in tasks if task.schedule_time > self.reference.now]
                found += [[task.name, "REMOVED_FIRST"] for task in later]
            if queue.state == "RUNNING":
                tasks = [task for task in tasks if task.schedule_time <= self.reference.now]
                if len(queue.under_way) >= queue.rates.concurrency:
                    reason = "CONCURRENCY"
                elif only not in (None, queue.name):
                    reason = "NOT_ASKED"
                elif plan is None or plan[0] > self.reference.now:
                    reason = "RATE"
                else:
                    continue
            found += [[task.name, reason] for task in tasks]
        return found

    # --- what can be seen ----------------------------------------------------------------------------------------

    def state(self, parents: Sequence[str]) -> dict[str, Any]:
        """As `plain_values.state_of` has it."""
        now = datetime.fromtimestamp(self.reference.now // SECOND, timezone.utc)
        now = now.replace(microsecond=self.reference.now % SECOND // 1000)
        live = self.reference.live_queues
        queues = [
            [shown_queue(queue) for queue in sorted(live, key=lambda queue: queue.name) if self._is_in(queue, parent)]
            for parent in parents
        ]
        return {
            "now": now.isoformat(),
            "queues": queues,
            "tasks": [shown_task(task, full=True) for queue in live for task in queue.live_tasks],
            "calls": [[route.calls, *route.latest] for route in self.routes],
        }

    def _is_in(self, queue: Queue, parent: str) -> bool:
        return queue.name.startswith(parent + "/queues/")

    def _shown_delivery(self, task: Task, attempt: Attempt, sent: Request) -> list[Any]:
        previous = {"": None, "NO_RESPONSE": "0", "DEADLINE_EXCEEDED": "0" if sent.is_app_engine else "504"}
        queue_name, _, task_id = task.name.partition("/tasks/")
        return [
            sent.method,
            self._url(sent),
            sent.body,
            {name.lower(): value for name, value in sent.headers}.get("x-queue"),
            queue_name.rpartition("/")[2],
            task_id,
            str(attempt.retry_count),
            str(attempt.execution_count),
            f"{attempt.schedule_time // SECOND}.{attempt.schedule_time % SECOND // 1000:06d}".rstrip("0").rstrip("."),
            previous.get(attempt.previous, attempt.previous),
        ]
