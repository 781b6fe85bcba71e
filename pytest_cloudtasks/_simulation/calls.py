"""Calls of clients as the timeline has them, where nothing came of them in the service: what read, and what failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .._service.validation import id_of, is_queue, queue_of

if TYPE_CHECKING:
    from .._messages.rpc_call import RpcCall


@dataclass(frozen=True)
class Call:
    """Calls of one RPC about one resource that ended alike; ``also`` are those of other RPCs in the same breath."""

    method: str
    name: str
    """The full name of the task or queue; "" where the calls were about several, or about something else."""
    code: str
    """The name of the code that a refused one got."""
    last: int
    """The offset of the last one."""
    count: int = 1
    also: tuple[Call, ...] = ()

    def joined(self, other: Call, at: int) -> Call | None:
        """Itself with ``other``, a single call that came next, in it; None if that is a matter of its own."""
        if self.code or other.code:
            alike = (self.method, self.name, self.code) == (other.method, other.name, other.code) and not self.also
            return replace(self, count=self.count + 1, last=at) if alike else None
        parts = [self, *self.also]
        for index, one in enumerate(parts):
            if one.method == other.method:
                name = one.name if one.name == other.name else ""
                parts[index] = replace(one, count=one.count + 1, name=name)
                break
        else:
            parts.append(other)
        return replace(parts[0], last=at, also=tuple(parts[1:]))

    @property
    def text(self) -> str:
        """``get_task receipts/one ×12, list_tasks receipts``, ``create_task receipts → NOT_FOUND``."""
        return ", ".join(one._text for one in (self, *self.also))

    @property
    def _text(self) -> str:
        subject = f" {short_resource(self.name)}" if self.name else ""
        ended = f" → {self.code}" if self.code else ""
        return f"{self.method}{subject}{ended}{f' ×{self.count}' if self.count > 1 else ''}"


def call_of(call: RpcCall) -> Call:
    """``call``, by itself."""
    return Call(call.method, name_in(call), code_of(call), call.offset)


def code_of(call: RpcCall) -> str:
    """The name of the code that a refused call got; "" for any other."""
    error: Any = call.error
    return error.code().name if hasattr(error, "code") else ""


def name_in(call: RpcCall) -> str:
    """The task or the queue that a call is about; "" if it is about neither."""
    for path in (("task", "name"), ("queue", "name"), ("name",), ("parent",), ("resource",)):
        found = call.request
        for part in path:
            found = getattr(found, part, "")
        if isinstance(found, str) and is_queue(queue_of(found) or found):
            return found
    return ""


def short_resource(name: str) -> str:
    """``queue/task`` or ``queue`` for a full name."""
    queue = queue_of(name)
    return f"{id_of(queue)}/{id_of(name)}" if queue else id_of(name)
