"""Permissions by the policy of a queue, for the knob ``iam_emulation``.

A queue without a policy is its project owner's, who is the caller: all is allowed. Where a policy was set, the caller
may do what it grants, as if nothing were granted on the project. Evidence: documented (permissions, roles); our choice
(that the queue's policy stands in for the project's and for the service accounts'; that roles neither listed here nor
in the knob ``iam_roles``, and bindings with a condition, grant nothing).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from . import errors
from .rpcs import RPCS

Roles = Mapping[str, Collection[str]]
"""Roles by name, and the permissions that they grant."""
EVERYONE = frozenset({"allUsers", "allAuthenticatedUsers"})
NO_POLICY = b"\x00\x20\x01"
"""The etag of a policy that was never set, ACAB in base64. Evidence: IAM convention."""
ACT_AS = "iam.serviceAccounts.actAs"
FULL_VIEW = "cloudtasks.tasks.fullView"

_NEEDED = {rpc.permission for rpc in RPCS.values()}
_QUEUE_ADMIN = frozenset(permission for permission in _NEEDED if permission.startswith("cloudtasks.queues."))
_TASK_ADMIN = frozenset(
    {FULL_VIEW, *(permission for permission in _NEEDED if permission.startswith("cloudtasks.tasks."))}
)
_VIEWER = frozenset(
    {"cloudtasks.queues.get", "cloudtasks.queues.list", "cloudtasks.tasks.get", "cloudtasks.tasks.list", FULL_VIEW}
)
ROLES: Roles = {
    "roles/owner": _QUEUE_ADMIN | _TASK_ADMIN | {ACT_AS},
    "roles/cloudtasks.admin": _QUEUE_ADMIN | _TASK_ADMIN,
    "roles/cloudtasks.queueAdmin": _QUEUE_ADMIN,
    "roles/cloudtasks.enqueuer": frozenset({"cloudtasks.tasks.create", FULL_VIEW}),
    "roles/cloudtasks.taskDeleter": frozenset({"cloudtasks.tasks.delete"}),
    "roles/cloudtasks.taskRunner": frozenset({"cloudtasks.tasks.run", FULL_VIEW}),
    "roles/cloudtasks.viewer": _VIEWER,
    "roles/iam.serviceAccountUser": frozenset({ACT_AS}),
}
"""What the predefined roles grant. Evidence: documented."""


class Binding(NamedTuple):
    """Members that a policy gives a role."""

    role: str
    members: frozenset[str]
    is_conditional: bool = False

    def grants(self, member: str, custom: Roles) -> frozenset[str]:
        """The permissions that ``member`` has by it; ``custom`` are the project's own roles."""
        if self.is_conditional or not self.members & {member, *EVERYONE}:
            return frozenset()
        return frozenset(ROLES.get(self.role, ())) | frozenset(custom.get(self.role, ()))


class Policy(NamedTuple):
    """A policy as it was set."""

    message: bytes
    """What the caller sent, as it is given back."""
    etag: bytes = b""
    bindings: tuple[Binding, ...] = ()

    def grants(self, member: str, custom: Roles) -> frozenset[str]:
        """The permissions that ``member`` has by it."""
        return frozenset().union(*(binding.grants(member, custom) for binding in self.bindings))


def check(policy: Policy | None, member: str, custom: Roles, permission: str, resource: str) -> None:
    """Refuse ``member`` what ``policy`` doesn't grant. Evidence: reported."""
    if policy is not None and permission not in policy.grants(member, custom):
        raise errors.PERMISSION_MISSING.error(permission=permission, resource=resource)


def etag_of(policy: Policy | None) -> bytes:
    """The etag that stands for ``policy``."""
    return NO_POLICY if policy is None else policy.etag


def next_etag(version: int) -> bytes:
    """The etag of a queue's ``version``-th policy; opaque, and none is the same. Evidence: our choice."""
    return b"\x07\x05" + version.to_bytes(7, "big")
