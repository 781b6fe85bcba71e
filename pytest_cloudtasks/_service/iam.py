"""Permissions by a queue's policy, for the service option ``iam_emulation``.

The caller owns the project: a queue without a policy allows everything. With a policy, the caller may do only what the
policy grants. Ledger: `test-iam-permissions/by-policy`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from . import errors
from .validation import QUEUE, RPCS, TASK

Roles = Mapping[str, Collection[str]]
"""Roles by name, and the permissions that they grant."""
EVERYONE = frozenset({"allUsers", "allAuthenticatedUsers"})
NO_POLICY = b"\x00\x20\x01"
"""The etag of a policy that was never set, ACAB in base64."""
VERSIONS = frozenset({0, 1, 3})
"""The versions that a caller may give a policy."""
SET_VERSION = 1
"""The version of every policy that was set."""
_ROLE = re.compile(r"((organizations|projects)/[^/]+/)?roles/[^/]+")
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(deleted:)?(user|serviceAccount|group|domain|principal|principalSet|projectOwner"
    r"|projectEditor|projectViewer):.*"
)
_PERMISSION = re.compile(r"[\w-]+(\.[\w-]+){2,}", re.ASCII)
ACT_AS = "iam.serviceAccounts.actAs"
FULL_VIEW = "cloudtasks.tasks.fullView"

_NEEDED = {rpc.permission for rpc in RPCS.values()}
_QUEUE_ADMIN = frozenset(permission for permission in _NEEDED if permission.startswith("cloudtasks.queues."))
_TASK_ADMIN = frozenset(
    {FULL_VIEW, *(permission for permission in _NEEDED if permission.startswith("cloudtasks.tasks."))}
)
_ON_A_QUEUE = frozenset({FULL_VIEW, *(rpc.permission for rpc in RPCS.values() if rpc.shape in (QUEUE, TASK))})
"""The permissions for a queue and its tasks, which are all that TestIamPermissions accepts."""
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
"""What the predefined roles grant. Ledger: `test-iam-permissions/by-policy`."""


class Binding(NamedTuple):
    """The members to whom a policy grants a role."""

    role: str
    members: tuple[str, ...]
    has_condition: bool = False
    """Whether a condition restricts the grant. No policy of a queue may have one."""

    def grants(self, member: str, custom: Roles) -> frozenset[str]:
        """Return the permissions of ``member`` by this binding. ``custom`` are the project's own roles."""
        if EVERYONE.isdisjoint(self.members) and member not in self.members:
            return frozenset()
        return frozenset(ROLES.get(self.role, ())) | frozenset(custom.get(self.role, ()))


class Policy(NamedTuple):
    """A policy, as a caller sends it or as it is stored."""

    bindings: tuple[Binding, ...] = ()
    etag: bytes = b""
    version: int = 0

    def grants(self, member: str, custom: Roles) -> frozenset[str]:
        """Return the permissions of ``member`` by this policy."""
        return frozenset().union(*(binding.grants(member, custom) for binding in self.bindings))

    def stored(self, current: Policy, etag: bytes) -> Policy:
        """Return the policy to store in place of ``current``, with a new etag.

        Bindings of the same role are merged. Repeated members and bindings without members are dropped. Raises
        ServiceError for a policy that can't be set.
        """
        if self.version not in VERSIONS:
            raise errors.POLICY_VERSION.error(version=self.version)
        members: dict[str, dict[str, None]] = {}
        for binding in self.bindings:
            _check_binding(binding)
            if binding.members:
                members.setdefault(binding.role, {}).update(dict.fromkeys(binding.members))
        if self.etag and self.etag != current.etag:
            raise errors.POLICY_CHANGED.error(given=_escaped(self.etag), current=_escaped(current.etag))
        return Policy(tuple(Binding(role, tuple(those)) for role, those in members.items()), etag, SET_VERSION)


NEVER_SET = Policy(etag=NO_POLICY)
"""The answer of GetIamPolicy for a queue without a policy."""


def _check_binding(binding: Binding) -> None:
    if not _ROLE.fullmatch(binding.role):
        raise errors.POLICY_ROLE.error()
    for member in binding.members:
        if not _MEMBER.fullmatch(member):
            raise errors.POLICY_MEMBER.error(member=member)
    if binding.has_condition:
        raise errors.POLICY_CONDITION.error()


def _escaped(etag: bytes) -> str:
    """Return an etag as error texts show it: unprintable characters as octal escapes, as in C."""
    plain = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
    return "".join(plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in etag)


def check_asked(permissions: Collection[str]) -> None:
    """Raise ServiceError for permissions that TestIamPermissions doesn't accept. The error names the first one."""
    if not permissions:
        raise errors.PERMISSIONS_MISSING.error()
    for permission in permissions:
        if not _PERMISSION.fullmatch(permission):
            raise errors.PERMISSION_FORMAT.error(permission=permission)
        if permission not in _ON_A_QUEUE:
            raise errors.PERMISSION_OF_ANOTHER.error(permission=permission)


def check(policy: Policy | None, member: str, custom: Roles, permission: str, resource: str) -> None:
    """Raise ServiceError if ``policy`` doesn't grant the permission to ``member``.

    Ledger: `delete-task/caller-lacks-cloudtasks-tasks-delete`.
    """
    if policy is not None and permission not in policy.grants(member, custom):
        raise errors.PERMISSION_MISSING.error(permission=permission, resource=resource)


def next_etag(version: int) -> bytes:
    """Return the etag of a queue's ``version``-th policy. Etags are opaque and all different.

    Ledger: `iam-policy/replaced`.
    """
    return b"\x07\x05" + version.to_bytes(7, "big")
