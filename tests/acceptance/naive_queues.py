"""The naive service's RPCs on queues, and its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import reference_parts as reference
from ..model.reference_parts import HOUR, SECOND, Queue
from . import naive_fields as fields
from .naive_fields import invalid, shown_queue
from .naive_permissions import NaivePermissions


class NaiveQueues(NaivePermissions):
    """Queues, and listings page by page."""

    def create_queue(self, request: Mapping[str, Any]) -> Any:
        given = request.get("queue", {})
        name = given.get("name", "")
        self.reference.is_ghost(name)
        fields.check_others(given)
        rates = fields.rates_in(given.get("rate_limits", {}), self.burst)
        retries = self._retries(given.get("retry_config", {}))
        return shown_queue(self._create(name, rates, retries, fields.others_in(given, name)))

    def _create(self, name: str, rates: Any, retries: Any, others: dict[str, Any]) -> Queue:
        created = self.reference.create_queue(name, rates, retries, others)
        created.retries = retries
        return created

    def _retries(self, given: Mapping[str, Any], *, zero_is_zero: bool = False) -> reference.Retries:
        zero_is_zero = zero_is_zero or self.laws.zero_doublings_are_zero
        return fields.retries_in(given, zero_is_zero=zero_is_zero, keeps_fractions=self.laws.keeps_fractions)

    def get_queue(self, request: Mapping[str, Any]) -> Any:
        return shown_queue(self.reference.queue(request["name"]))

    def update_queue(self, request: Mapping[str, Any]) -> Any:
        given = request["queue"]
        name = given.get("name", "")
        paths = request.get("update_mask", {}).get("paths", [])
        for path in paths:
            if not self._is_a_field(path):
                raise invalid(f"The update mask names {path}, which is no field of a queue.")
        live = [queue for queue in self.reference.live_queues if queue.name == name]
        if not live:
            return self.create_queue({"parent": name.partition("/queues/")[0], "queue": given})
        queue = live[0]
        merged = self._merged(queue, given, paths) if paths else dict(given)
        fields.check_others(merged)
        rates = fields.rates_in(merged.get("rate_limits", {}), self.burst)
        zero_is_zero = bool(paths) and self._asks_for_zero(queue, given, paths)
        retries = self._retries(merged.get("retry_config", {}), zero_is_zero=zero_is_zero)
        queue.other = fields.others_in(merged, name)
        self.reference.update_rates(name, rates)
        queue.retries = retries
        return shown_queue(queue)

    def _is_a_field(self, path: str) -> bool:
        known = {
            "rate_limits": {*fields.RATES, "max_burst_size"},
            "retry_config": set(fields.RETRIES),
            "stackdriver_logging_config": {"sampling_ratio"},
            "app_engine_routing_override": {"service", "version", "instance", "host"},
            "http_target": {"uri_override", "http_method", "uri_override.host", "uri_override.port", "oidc_token"},
        }
        head, dot, rest = path.partition(".")
        if head in ("name", "state", "purge_time", "stats"):
            return True
        return head in known and (not dot or rest in known[head])

    def _merged(self, queue: Queue, given: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """The queue's settings with those that the mask names taken from the request, or unset."""
        stored = queue.retries
        merged: dict[str, Any] = {
            "rate_limits": {
                "max_dispatches_per_second": queue.rates.rate,
                "max_concurrent_dispatches": queue.rates.concurrency,
            },
            "retry_config": {
                "max_attempts": stored.max_attempts,
                "max_retry_duration": f"{stored.max_retry_duration / SECOND}s",
                "max_backoff": f"{stored.max_backoff / SECOND}s",
                "max_doublings": stored.max_doublings,
            },
            **queue.other,
        }
        if stored.min_backoff != fields.DEFAULT_RETRIES.min_backoff:
            merged["retry_config"]["min_backoff"] = f"{stored.min_backoff / SECOND}s"
        for path in paths:
            if path.partition(".")[0] in ("name", "state", "purge_time", "stats"):
                continue
            self._take(merged, given, path.split("."))
        return merged

    def _take(self, merged: dict[str, Any], given: Mapping[str, Any], path: Sequence[str]) -> None:
        name, *rest = path
        if rest:
            inner = dict(merged.get(name, {}))
            self._take(inner, given.get(name, {}), rest)
            if inner or name in given:
                merged[name] = inner
            else:
                merged.pop(name, None)
        elif name in given:
            merged[name] = given[name]
        else:
            merged.pop(name, None)

    def _asks_for_zero(self, queue: Queue, given: Mapping[str, Any], paths: Sequence[str]) -> bool:
        is_zero = queue.retries.max_doublings == 0
        for path in paths:
            if path == "retry_config":
                is_zero = False
            if path == "retry_config.max_doublings":
                is_zero = "retry_config" in given
        return is_zero

    def delete_queue(self, request: Mapping[str, Any]) -> None:
        self.reference.delete_queue(request["name"])

    def purge_queue(self, request: Mapping[str, Any]) -> Any:
        return shown_queue(self.reference.purge_queue(request["name"]))

    def pause_queue(self, request: Mapping[str, Any]) -> Any:
        return shown_queue(self.reference.pause_queue(request["name"]))

    def resume_queue(self, request: Mapping[str, Any]) -> Any:
        return shown_queue(self.reference.resume_queue(request["name"]))

    def _matching(self, request: Mapping[str, Any]) -> list[Queue]:
        condition = fields.FILTERS[request.get("filter", "")]
        if condition is None:
            raise invalid()
        found = [
            queue
            for queue in self.reference.live_queues
            if queue.name.startswith(request["parent"] + "/queues/") and condition(queue)
        ]
        return sorted(found, key=lambda queue: queue.name)

    def list_queues(self, request: Mapping[str, Any]) -> Any:
        found = self._matching(request)
        listing = f"queues {request['parent']} {request.get('filter', '')}"
        page = self._page(request, listing, [(queue.name, shown_queue(queue)) for queue in found])
        return self._with_token("queues", page, listing)

    def _page(
        self, request: Mapping[str, Any], listing: str, items: Sequence[tuple[Any, Any]]
    ) -> tuple[list[tuple[Any, Any]], bool]:
        """The items of a page, with their keys, and whether there are more."""
        size, token = request.get("page_size", 0), request.get("page_token", "")
        if size < 0:
            raise invalid("The page size cannot be negative.")
        if token:
            if token not in self.tokens:
                raise invalid("The page token is invalid.")
            of, behind, given_at = self.tokens[token]
            if of != listing:
                raise invalid(
                    "The page token is of another listing: parent and filter must stay as they were when it was given."
                )
            if self.reference.now > given_at + 2 * HOUR:
                raise invalid("The page token has expired: it is valid for 2 hours.")
            items = [item for item in items if item[0] > behind]
        size = size or len(items)
        return list(items[:size]), len(items) > size

    def _with_token(self, field: str, page: tuple[list[tuple[Any, Any]], bool], listing: str) -> dict[str, Any]:
        items, has_more = page
        shown: dict[str, Any] = {field: [item for _, item in items]} if items else {}
        if has_more:
            token = self.observed.get("next_page_token") or "<a token>"
            self.tokens[token] = (listing, items[-1][0], self.reference.now)
            shown["next_page_token"] = token
        return shown
