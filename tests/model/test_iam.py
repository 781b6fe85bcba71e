"""Permissions by the policy of a queue."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service import iam
from pytest_cloudtasks._service.errors import Code, ServiceError
from pytest_cloudtasks._service.iam import Binding, Policy
from pytest_cloudtasks._service.options import Knobs
from pytest_cloudtasks._service.rpcs import RPCS
from pytest_cloudtasks._service.service import Service

from .driving import QUEUE, START, assert_refused, service_with

ME = "user:me@example.com"


def policy(*roles: str, member: str = ME, is_conditional: bool = False) -> Policy:
    return Policy(b"", b"", tuple(Binding(role, frozenset({member}), is_conditional) for role in roles))


def guarded() -> Service:
    return service_with(knobs=Knobs(iam_emulation=ME))


@pytest.mark.parametrize("role", iam.ROLES)
def test_a_role_grants_known_permissions(role: str) -> None:
    """Every permission of a predefined role is one that an RPC needs, or one for accounts and views."""
    asked = {*(rpc.permission for rpc in RPCS.values()), iam.ACT_AS, iam.FULL_VIEW}
    assert iam.ROLES[role] <= asked
    assert policy(role).grants(ME, {}) == iam.ROLES[role]


@pytest.mark.parametrize("member", ["allUsers", "allAuthenticatedUsers"])
def test_everyone_is_someone(member: str) -> None:
    """What is granted to everyone is granted to the caller."""
    assert policy("roles/cloudtasks.taskDeleter", member=member).grants(ME, {}) == {"cloudtasks.tasks.delete"}


def test_what_grants_nothing() -> None:
    """Another member's roles, unknown roles and bindings with a condition don't count."""
    assert policy("roles/owner", member="user:somebody@example.com").grants(ME, {}) == frozenset()
    assert policy("projects/p/roles/custom").grants(ME, {}) == frozenset()
    assert policy("roles/owner", is_conditional=True).grants(ME, {}) == frozenset()


def test_a_custom_role_grants_what_it_is_said_to() -> None:
    """The project's own roles come from the caller, and stand beside the predefined ones."""
    custom = {"projects/p/roles/custom": ["cloudtasks.tasks.run"]}
    both = policy("projects/p/roles/custom", "roles/cloudtasks.taskDeleter")
    assert both.grants(ME, custom) == {"cloudtasks.tasks.run", "cloudtasks.tasks.delete"}


def test_without_a_policy_all_is_allowed() -> None:
    """A queue whose policy was never set, and one that is not there, refuse nothing."""
    service = guarded()
    service.authorize("cloudtasks.queues.delete", QUEUE)
    service.authorize("cloudtasks.queues.delete", f"{QUEUE}-missing")
    assert service.test_iam_permissions(START, QUEUE, ["a", "b"]) == ["a", "b"]


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


def test_an_etag_must_be_the_current_one() -> None:
    """Each policy that is set has a new etag; one that is given and is another is refused, none at all is not."""
    service = guarded()
    first = service.set_iam_policy(START, QUEUE, Policy(b"1", iam.NO_POLICY))
    second = service.set_iam_policy(START, QUEUE, Policy(b"2", first.etag))
    third = service.set_iam_policy(START, QUEUE, Policy(b"3"))
    assert len({iam.NO_POLICY, first.etag, second.etag, third.etag}) == 4
    message = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
    late = Policy(b"4", second.etag)
    assert_refused(service, Code.ABORTED, message, lambda: service.set_iam_policy(START, QUEUE, late))
    assert service.get_iam_policy(START, QUEUE) == third


def test_without_the_knob_nothing_is_checked() -> None:
    """A policy that grants nobody anything keeps nobody from anything."""
    service = service_with()
    assert service.set_iam_policy(START, QUEUE, Policy(b"x")).message == b"x"
    assert service.test_iam_permissions(START, QUEUE, ["cloudtasks.tasks.run"]) == ["cloudtasks.tasks.run"]


def test_an_etag_of_no_policy_is_wrong_once_there_is_one() -> None:
    """Whoever read the empty policy before another set one is told so."""
    service = guarded()
    service.set_iam_policy(START, QUEUE, policy("roles/owner"))
    with pytest.raises(ServiceError) as caught:
        service.set_iam_policy(START, QUEUE, Policy(b"", iam.NO_POLICY))
    assert caught.value.code is Code.ABORTED
