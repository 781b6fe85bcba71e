"""The naive service's RPCs on queues, and its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..service.reference_parts import HOUR, SECOND, Queue
from . import naive_fields as fields
from .naive_fields import invalid, shown_queue
from .naive_permissions import NaivePermissions


class NaiveQueues(NaivePermissions):
    """Queues, and listings page by page."""

    def create_queue(self, request: Mapping[str, Any]) -> Any:
        given = request.get("queue", {})
        name = given.get("name", "")
        self.reference.is_ghost(name)
        fields.check_target(given.get("http_target", {}))
        return self._set_up(name, given)

    def _set_up(self, name: str, given: Mapping[str, Any]) -> Any:
        fields.check_others(given)
        rates = fields.rates_in(given.get("rate_limits", {}), self.burst)
        retries = fields.retries_in(given.get("retry_config", {}))
        return shown_queue(self._create(name, rates, retries, fields.others_in(given, name)))

    def _create(self, name: str, rates: Any, retries: Any, others: dict[str, Any]) -> Queue:
        created = self.reference.create_queue(name, rates, retries, others)
        created.retries = retries
        return created

    def get_queue(self, request: Mapping[str, Any]) -> Any:
        return shown_queue(self.reference.queue(request["name"]))

    def update_queue(self, request: Mapping[str, Any]) -> Any:
        given = request["queue"]
        name = given.get("name", "")
        paths = request.get("update_mask", {}).get("paths", [])
        for path in paths:
            if not self._is_a_field(path):
                raise invalid(f"Invalid mask: {path}")
        live = [queue for queue in self.reference.live_queues if queue.name == name]
        if not live:
            self.reference.is_ghost(name)
        fields.check_target(given.get("http_target", {}))
        has_mask = "update_mask" in request
        if not live:
            return self._set_up(name, self._merged({}, given, paths) if has_mask else given)
        queue = live[0]
        merged = self._merged(self._stored(queue), given, paths) if has_mask else dict(given)
        fields.check_others(merged)
        rates = fields.rates_in(merged.get("rate_limits", {}), self.burst)
        retries = fields.retries_in(merged.get("retry_config", {}))
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

    def _stored(self, queue: Queue) -> dict[str, Any]:
        retries = queue.retries
        return {
            "rate_limits": {
                "max_dispatches_per_second": queue.rates.rate,
                "max_concurrent_dispatches": queue.rates.concurrency,
            },
            "retry_config": {
                "max_attempts": retries.max_attempts,
                "max_retry_duration": f"{retries.max_retry_duration / SECOND}s",
                "min_backoff": f"{retries.min_backoff / SECOND}s",
                "max_backoff": f"{retries.max_backoff / SECOND}s",
                "max_doublings": retries.max_doublings,
            },
            **queue.other,
        }

    def _merged(self, stored: Mapping[str, Any], given: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
        """Settings with those that the mask names taken from the request, or unset."""
        merged = dict(stored)
        for path in paths:
            if path.partition(".")[0] in ("name", "state", "purge_time", "stats"):
                continue
            self._take(merged, given, path.split("."))
        return merged

    def _take(self, merged: dict[str, Any], given: Mapping[str, Any], path: Sequence[str]) -> None:
        name, *rest = path
        if rest:
            if name in merged or name in given:
                merged[name] = dict(merged.get(name, {}))
                self._take(merged[name], given.get(name, {}), rest)
        elif name in given:
            merged[name] = given[name]
        else:
            merged.pop(name, None)

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
    ) -> list[tuple[Any, Any]]:
        """The items of a page, with their keys."""
        size, token = request.get("page_size", 0), request.get("page_token", "")
        if size < 0:
            raise invalid(f"List{listing.partition(' ')[0].capitalize()}Request.pageSize cannot be negative.")
        if token:
            if token not in self.tokens:
                raise invalid("Invalid page_token")
            of, behind, given_at = self.tokens[token]
            if of != listing:
                raise invalid(
                    "The page token is of another listing: parent and filter must stay as they were when it was given."
                )
            if self.reference.now > given_at + 2 * HOUR:
                raise invalid("The page token has expired: it is valid for 2 hours.")
            items = [item for item in items if item[0] > behind]
        size = size or len(items)
        return list(items[:size])

    def _with_token(self, field: str, items: list[tuple[Any, Any]], listing: str) -> dict[str, Any]:
        """A page; one that has something is followed by another one."""
        shown: dict[str, Any] = {field: [item for _, item in items]} if items else {}
        if items:
            token = self.observed.get("next_page_token") or "<a token>"
            self.tokens[token] = (listing, items[-1][0], self.reference.now)
            shown["next_page_token"] = token
        return shown
