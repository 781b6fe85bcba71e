"""Permissions by the policy of a queue."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service import iam
from pytest_cloudtasks._service.errors import Code
from pytest_cloudtasks._service.iam import Binding, Policy
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._service.service import Service
from pytest_cloudtasks._service.validation import RPCS
from tests.each import each

from .driving import QUEUE, START, assert_refused, service_with

ME = "user:me@example.com"


def policy(*roles: str, member: str = ME, etag: bytes = b"") -> Policy:
    return Policy(tuple(Binding(role, (member,)) for role in roles), etag)


def guarded() -> Service:
    return service_with(options=ServiceOptions(iam_emulation=ME))


@each("role", iam.ROLES)
def test_a_role_grants_known_permissions(role: str) -> None:
    """Every permission of a predefined role is one that an RPC needs, or one for accounts and views."""
    asked = {*(rpc.permission for rpc in RPCS.values()), iam.ACT_AS, iam.FULL_VIEW}
    assert iam.ROLES[role] <= asked
    assert policy(role).grants(ME, {}) == iam.ROLES[role]


@pytest.mark.parametrize("member", ["allUsers", "allAuthenticatedUsers"])
def test_roles_for_everyone_apply_to_the_caller(member: str) -> None:
    """What is granted to everyone is granted to the caller."""
    assert policy("roles/cloudtasks.taskDeleter", member=member).grants(ME, {}) == {"cloudtasks.tasks.delete"}


def test_what_grants_nothing() -> None:
    """Another member's roles and unknown roles grant nothing."""
    assert policy("roles/owner", member="user:somebody@example.com").grants(ME, {}) == frozenset()
    assert policy("projects/p/roles/custom").grants(ME, {}) == frozenset()


def test_a_custom_role_grants_what_it_is_said_to() -> None:
    """The project's own roles come from the caller, in addition to the predefined ones."""
    custom = {"projects/p/roles/custom": ["cloudtasks.tasks.run"]}
    both = policy("projects/p/roles/custom", "roles/cloudtasks.taskDeleter")
    assert both.grants(ME, custom) == {"cloudtasks.tasks.run", "cloudtasks.tasks.delete"}


def test_without_a_policy_all_is_allowed() -> None:
    """A queue whose policy was never set, and a missing queue, allow everything."""
    service = guarded()
    service.authorize("cloudtasks.queues.delete", QUEUE)
    service.authorize("cloudtasks.queues.delete", f"{QUEUE}-missing")
    asked = ["cloudtasks.queues.get", "cloudtasks.tasks.run"]
    assert service.test_iam_permissions(START, QUEUE, asked) == asked


def test_a_policy_decides_once_it_is_set() -> None:
    """For the queue and its tasks; the text names permission and resource."""
    service = guarded()
    service.set_iam_policy(START, QUEUE, policy("roles/cloudtasks.enqueuer"))
    service.authorize("cloudtasks.tasks.create", QUEUE)
    asked = ["cloudtasks.tasks.delete", "cloudtasks.tasks.create"]
    assert service.test_iam_permissions(START, QUEUE, asked) == ["cloudtasks.tasks.create"]
    message = (
        'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.delete" for the resource'
        f' "{QUEUE}/tasks/t" (or the resource may not exist).'
    )
    refused = Code.PERMISSION_DENIED
    assert_refused(service, refused, message, lambda: service.authorize("cloudtasks.tasks.delete", f"{QUEUE}/tasks/t"))


CHANGED = (
    "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff. The"
    " request's ETag '{}' did not match the current policy's ETag '{}'."
)
FIRST, SECOND, THIRD = (rf"\007\005\000\000\000\000\000\000\00{number}" for number in (1, 2, 3))


def test_an_etag_must_be_the_current_one() -> None:
    """Each policy that is set has a new etag; a stale one is rejected, none at all overwrites."""
    service = guarded()
    first = service.set_iam_policy(START, QUEUE, Policy(etag=iam.NO_POLICY))
    second = service.set_iam_policy(START, QUEUE, Policy(etag=first.etag))
    third = service.set_iam_policy(START, QUEUE, Policy())
    assert len({iam.NO_POLICY, first.etag, second.etag, third.etag}) == 4
    for etag, text in ((second.etag, SECOND), (iam.NO_POLICY, r"\000 \001")):
        stale = Policy(etag=etag)
        message = CHANGED.format(text, THIRD)
        assert_refused(service, Code.ABORTED, message, lambda stale=stale: service.set_iam_policy(START, QUEUE, stale))
    assert service.get_iam_policy(START, QUEUE) == third


def test_an_etag_is_shown_in_octal() -> None:
    """Printable characters stay; quotes, backslashes, tabs and line ends are escaped as in C."""
    service = guarded()
    service.set_iam_policy(START, QUEUE, Policy())
    odd = Policy(etag=b"a'\"\\\t\n\r\xff")
    message = CHANGED.format(r"a\'\"\\\t\n\r\377", FIRST)
    assert_refused(service, Code.ABORTED, message, lambda: service.set_iam_policy(START, QUEUE, odd))


def test_a_policy_that_was_never_set_is_empty() -> None:
    """It still has an etag, with which a first one can be set."""
    assert service_with().get_iam_policy(START, QUEUE) == Policy((), b"\x00\x20\x01", 0)


def test_bindings_of_one_role_are_merged() -> None:
    """Members that are there twice and bindings without members are dropped; the policy's version is 1."""
    service = service_with()
    given = (
        Binding("roles/cloudtasks.viewer", (ME, "user:b@example.com", ME)),
        Binding("roles/cloudtasks.enqueuer", ()),
        Binding("roles/owner", (ME,)),
        Binding("roles/cloudtasks.viewer", ("allUsers", ME)),
    )
    stored = service.set_iam_policy(START, QUEUE, Policy(given, version=3))
    assert stored.version == 1
    assert stored.bindings == (
        Binding("roles/cloudtasks.viewer", (ME, "user:b@example.com", "allUsers")),
        Binding("roles/owner", (ME,)),
    )
    assert service.get_iam_policy(START, QUEUE) == stored


ROLE_FORM = (
    'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}", or'
    ' "projects/{project_id}/roles/{role}".'
)
UNKNOWN_MEMBER = "The member {} is of an unknown type. Please set a valid type prefix for the member."
UNKNOWN_VERSION = (
    "Specified policy version ({}) is not supported. For more information, please refer to"
    " https://cloud.google.com/iam/help/allow-policies/versions."
)


@each(
    ("given", "message"),
    [
        (policy("viewer"), ROLE_FORM),
        (policy("folders/f/roles/viewer"), ROLE_FORM),
        (policy("roles/viewer/more"), ROLE_FORM),
        (policy("roles/viewer", member="nobody"), UNKNOWN_MEMBER.format("nobody")),
        (policy("roles/viewer", member="robot:x@example.com"), UNKNOWN_MEMBER.format("robot:x@example.com")),
        (
            Policy((Binding("roles/viewer", (ME,), has_condition=True),), version=3),
            "Can't set conditional policy on this resource",
        ),
        (Policy(version=4), UNKNOWN_VERSION.format(4)),
        (Policy(version=2), UNKNOWN_VERSION.format(2)),
    ],
)
def test_a_policy_that_breaks_the_rules_is_rejected(given: Policy, message: str) -> None:
    """Each mistake has the text of IAM, and the policy stays as it was."""
    service = service_with()
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: service.set_iam_policy(START, QUEUE, given))


@each(
    "member",
    [
        "allUsers",
        "allAuthenticatedUsers",
        "user:a@example.com",
        "serviceAccount:a@p.iam.gserviceaccount.com",
        "group:a@example.com",
        "domain:example.com",
        "deleted:user:a@example.com?uid=1",
        "principal://iam.googleapis.com/x",
        "principalSet://iam.googleapis.com/x",
        "projectOwner:p",
    ],
)
@each("role", ["roles/viewer", "organizations/1/roles/a", "projects/p/roles/a"])
def test_a_policy_can_have_members_and_roles_of_many_kinds(role: str, member: str) -> None:
    """The prefix names the kind of a member, and the owner of a role."""
    stored = service_with().set_iam_policy(START, QUEUE, policy(role, member=member))
    assert stored.bindings == (Binding(role, (member,)),)


def test_permissions_are_given_back_sorted() -> None:
    """Repeated permissions are returned repeatedly."""
    asked = ["cloudtasks.tasks.run", "cloudtasks.queues.get", "cloudtasks.tasks.run"]
    assert service_with().test_iam_permissions(START, QUEUE, asked) == sorted(asked)


@each(
    ("asked", "message"),
    [
        ([], "At least one permission must be specified."),
        (["foo"], "The permission foo is invalid."),
        (["cloudtasks.queues."], "The permission cloudtasks.queues. is invalid."),
        (["cloudtasks.*"], "The permission cloudtasks.* is invalid."),
        (["cloudtasks.queues.*"], "The permission cloudtasks.queues.* is invalid."),
        (["storage.objects.get", "foo"], "Permission storage.objects.get is not valid for this resource."),
        (["cloudtasks.queues.create"], "Permission cloudtasks.queues.create is not valid for this resource."),
        (["cloudtasks.queues.list"], "Permission cloudtasks.queues.list is not valid for this resource."),
        (["cloudtasks.queues.get", "foo", "a.b.c"], "The permission foo is invalid."),
    ],
)
def test_only_permissions_for_queues_and_tasks_can_be_tested(asked: list[str], message: str) -> None:
    """The first one that can't be is named."""
    service = service_with()
    test = service.test_iam_permissions
    assert_refused(service, Code.INVALID_ARGUMENT, message, lambda: test(START, QUEUE, asked))


def test_without_the_option_nothing_is_checked() -> None:
    """Without the option, a policy that grants nothing blocks nobody."""
    service = service_with()
    service.set_iam_policy(START, QUEUE, Policy())
    assert service.test_iam_permissions(START, QUEUE, ["cloudtasks.tasks.run"]) == ["cloudtasks.tasks.run"]
