"""`CloudTasksMachine` as users extend it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound, ResourceExhausted
from google.cloud import tasks_v2, tasks_v2beta2
from hypothesis import Phase, settings
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from pytest_cloudtasks import FakeCloudTasks, current
from pytest_cloudtasks._stateful.machine import INVARIANTS, OWN_WORK, RULES
from pytest_cloudtasks.stateful import CloudTasksMachine

ORDERS = "projects/test-project/locations/us-central1/queues/orders"
CHARGE = "https://shop.test/charge"


class Shop:
    """An application that charges for each order, once for each request."""

    def __init__(self) -> None:
        self.charged: list[bytes] = []

    def place(self, order: int) -> None:
        """Enqueue the charge, with a client of its own."""
        task = {"http_request": {"url": CHARGE, "body": str(order).encode()}}
        tasks_v2.CloudTasksClient().create_task(parent=ORDERS, task=task)

    def charge(self, request: Any) -> None:
        """The worker."""
        self.charged.append(request.body)


class ShopMachine(CloudTasksMachine):
    """Orders, each of another number."""

    queues = ("orders",)
    own_work = False

    def targets(self, cloud_tasks: FakeCloudTasks) -> None:
        self.shop = Shop()
        self.placed = 0
        cloud_tasks.route(CHARGE, handler=self.shop.charge)

    @rule()
    def place(self) -> None:
        self.placed += 1
        self.shop.place(self.placed)


class Careless(ShopMachine):
    @invariant()
    def never_charged_twice(self) -> None:
        assert len(set(self.shop.charged)) == len(self.shop.charged), "charged twice"


SETTINGS = settings(
    max_examples=200,
    stateful_step_count=20,
    phases=[Phase.generate],
)


def story_of(machine: type[CloudTasksMachine], *phases: Phase) -> tuple[BaseException, list[str]]:
    """The failure of a machine, and what Hypothesis prints of the example."""
    with pytest.raises(Exception) as failure:
        run_state_machine_as_test(machine, settings=settings(SETTINGS, phases=[Phase.generate, *phases]))
    return failure.value, [line for note in failure.value.__notes__ for line in note.splitlines()]


def run(machine: type[CloudTasksMachine], examples: int = 8) -> None:
    """A run that finds nothing."""
    run_state_machine_as_test(machine, settings=settings(SETTINGS, max_examples=examples))


def rules_of(machine: type[CloudTasksMachine]) -> set[str]:
    """The names of the rules that Hypothesis sees."""
    made = machine()
    made.teardown()
    return {one.function.__name__ for one in [*made.rules, *made.setup_state().initializers]}


def assert_no_fake_is_left() -> None:
    with pytest.raises(RuntimeError, match="No FakeCloudTasks is active"):
        current()


# --- what it finds -----------------------------------------------------------------------------------------------


def test_without_faults_the_same_application_is_sound() -> None:
    """What may not happen twice, or be lost, does not."""

    class Spared(Careless):
        duplicates = lost_answers = False

    run(Spared)


def test_a_task_without_a_target_fails_the_run() -> None:
    """It is the failure that any test gets."""

    class Untargeted(ShopMachine):
        def targets(self, cloud_tasks: FakeCloudTasks) -> None:
            self.shop, self.placed = Shop(), 0

    error, _ = story_of(Untargeted)
    assert type(error).__name__ == "NoTarget"
    assert_no_fake_is_left()


def test_what_application_code_swallows_fails_the_run() -> None:
    """A failure that was raised where nobody let it through comes up when the example ends."""

    class Swallowing(ShopMachine):
        @rule()
        def drive_in_a_handler(self) -> None:
            self.cloud_tasks._running.failures.fail("swallowed")  # type: ignore[union-attr]

    error, story = story_of(Swallowing)
    assert str(error) == "swallowed"
    assert "Timeline:" in story
    assert_no_fake_is_left()


# --- what is left out --------------------------------------------------------------------------------------------


def test_every_rule_has_a_name_that_can_be_left_out() -> None:
    """`without` accepts the names of all rules."""
    assert rules_of(CloudTasksMachine) == set(RULES)
    made = CloudTasksMachine()
    made.teardown()
    assert {one.function.__name__ for one in made.invariants} == set(INVARIANTS)


def test_rules_are_left_out_by_name() -> None:
    """Those of a base class stay left out."""

    class Fewer(CloudTasksMachine):
        without = ("delete_queue", "drain", "never_above_the_rate")

    class FewerStill(Fewer):
        without = ("purge_queue",)

    assert rules_of(FewerStill) == set(RULES) - {"delete_queue", "drain", "purge_queue"}
    assert FewerStill.never_above_the_rate is None


def test_a_rule_of_ones_own_takes_the_place_of_one_left_out() -> None:
    """Its name is left out of the machine's, not of the subclass's."""

    class Own(CloudTasksMachine):
        without = ("drain",)

        @rule()
        def drain(self) -> None:
            self.cloud_tasks.drain(until=timedelta(hours=1))

    assert "drain" in rules_of(Own)


def test_the_machine_may_have_no_work_of_its_own() -> None:
    """Then it pauses, resumes, lists and drives."""
    assert rules_of(ShopMachine) == {*RULES, "place"} - set(OWN_WORK)


def test_nothing_is_left_to_chance_where_nothing_may_happen() -> None:
    """The example draws no choices."""

    class Plain(CloudTasksMachine):
        order = duplicates = lost_answers = False
        delays = timedelta(0)

    assert rules_of(Plain) == set(RULES) - {"leave_to_chance"}


def test_a_misspelt_name_is_rejected() -> None:
    """It is neither a rule nor an invariant; the message has the nearest and all."""
    with pytest.raises(ValueError, match="Misspelt") as refusal:
        type("Misspelt", (CloudTasksMachine,), {"without": ["purge_queues"]})
    rules, invariants = ", ".join(RULES[:-1]), ", ".join(INVARIANTS[:-1])
    assert str(refusal.value) == (
        "Misspelt.without names 'purge_queues', which is neither a rule nor an invariant of a CloudTasksMachine. Did"
        f" you mean 'purge_queue'? Its rules are {rules} and {RULES[-1]}; its invariants are {invariants} and"
        f" {INVARIANTS[-1]}."
    )


def test_what_to_leave_out_is_a_list() -> None:
    """A text alone is rejected."""
    with pytest.raises(TypeError) as refusal:
        type("Alone", (CloudTasksMachine,), {"without": "drain"})
    assert str(refusal.value) == "Alone.without takes a list of names, such as ['drain'], but got 'drain'."


def test_a_misspelt_option_is_rejected() -> None:
    """When the class is made, with the nearest and all."""
    with pytest.raises(ValueError, match="Misspelt") as refusal:
        type("Misspelt", (CloudTasksMachine,), {"options": {"servce": {}}})
    assert str(refusal.value) == (
        "Misspelt.options has no option 'servce'. Did you mean 'service'? Its options are queues, project, location,"
        " start, time, seed, order, strict, auto_create_queues, on_exception, redirect_endpoints, firebase_functions,"
        " google_auth, async_client_loops, eager, show_secrets and service."
    )


def test_options_are_a_mapping() -> None:
    """A list of names says nothing of their values."""
    with pytest.raises(TypeError) as refusal:
        type("Listed", (CloudTasksMachine,), {"options": ["eager"]})
    assert str(refusal.value) == "Listed.options takes a mapping of options to values, but got ['eager']."


# --- the application's own ---------------------------------------------------------------------------------------


def test_the_applications_queues_lose_nothing_by_the_machines_doing() -> None:
    """They are there for every order, while the machine deletes and purges queues of its own."""

    class Busy(ShopMachine):
        own_work = True

        @invariant()
        def every_order_is_there_or_charged(self) -> None:
            there = {task.body for task in self.cloud_tasks.tasks(queue="orders")}
            assert len(there | set(self.shop.charged)) == self.placed

    run(Busy, 40)


def test_rules_take_names_from_the_machines_bundles() -> None:
    """Their arguments are full names, and their results are arguments of other rules."""

    class Told(Exception):
        pass

    class Looking(CloudTasksMachine):
        @rule(target=CloudTasksMachine.task_names, queue=CloudTasksMachine.queue_names)
        def enqueue(self, queue: str) -> str:
            task = {"name": f"{queue}/tasks/mine", "http_request": {"url": "https://example.com/"}}
            with suppress(NotFound, AlreadyExists):
                self.client.create_task(parent=queue, task=task)
            return f"{queue}/tasks/mine"

        @rule(task=CloudTasksMachine.task_names)
        def look(self, task: str) -> None:
            assert task.startswith("projects/test-project/locations/us-central1/queues/")
            if task.endswith("/tasks/mine"):
                raise Told

    with pytest.raises(Told):
        run(Looking, 1000)


@pytest.mark.filterwarnings("error")
def test_lints_say_nothing_of_the_machines_own_calls() -> None:
    """It creates whatever the service accepts, under names that it has had; a suite may turn warnings into errors."""
    made = ShopMachine()
    try:
        task = {"name": f"{ORDERS}/tasks/one", "http_request": {"url": CHARGE, "body": b"{}"}}
        assert made._call("create_task", parent=ORDERS, task=task).name == f"{ORDERS}/tasks/one"
        made.cloud_tasks.advance(hours=2)
        assert made.shop.charged == [b"{}"]
        assert made._call("create_task", parent=ORDERS, task=task) is None
    finally:
        made.teardown()


def test_options_are_those_of_a_fake() -> None:
    """Queues of both attributes are there, and another start wins over the machine's."""

    class Set(CloudTasksMachine):
        queues = ("orders",)
        options: ClassVar[Any] = {
            "queues": ["mail"],
            "project": "shop",
            "start": datetime(2031, 5, 1, tzinfo=timezone.utc),
        }

    made = Set()
    try:
        path = made.cloud_tasks.queue_path("orders")
        assert path == "projects/shop/locations/us-central1/queues/orders"
        assert [made.cloud_tasks.queue(one).id for one in ("orders", "mail")] == ["orders", "mail"]
        assert made.cloud_tasks.clock.now() == datetime(2031, 5, 1, tzinfo=timezone.utc)
    finally:
        made.teardown()


def test_steps_can_be_made_by_hand() -> None:
    """The steps that Hypothesis prints are calls; what they were drawn is theirs to give."""
    state = Careless()
    state.place()
    state.dispatch_due()
    state.never_charged_twice()
    assert state.shop.charged == [b"1"]
    state.teardown()
    assert_no_fake_is_left()


# --- its life ----------------------------------------------------------------------------------------------------


def test_a_fake_that_could_not_be_set_up_is_ended() -> None:
    """An error in `targets` comes out, and time goes on."""

    class Broken(CloudTasksMachine):
        def targets(self, cloud_tasks: FakeCloudTasks) -> None:
            raise OSError("no application")

    with pytest.raises(OSError, match="no application"):
        Broken()
    assert_no_fake_is_left()


@pytest.mark.parametrize("fails", [False, True])
def test_a_teardown_of_ones_own_need_not_call_the_machines(fails: bool) -> None:
    """It still has the fake, which ends after it, whether or not it fails."""
    seen: list[str] = []

    class Careful(CloudTasksMachine):
        @initialize()
        def begin(self) -> None:
            self.cloud_tasks.create_queue("mine")

        def teardown(self) -> None:
            seen.append(self.cloud_tasks.queue("mine").id)
            if fails:
                raise OSError("not closed")

    state = Careful()
    state.begin()
    if fails:
        with pytest.raises(OSError, match="not closed"):
            state.teardown()
    else:
        state.teardown()
    assert seen == ["mine"]
    assert_no_fake_is_left()


SERVICE_OPTIONS: list[dict[str, Any]] = [
    {"purge_delay": "30s", "queue_init_delay": "5s"},
    {"treat_304_as_success": True, "honour_retry_after": True, "system_throttle": "simple"},
    {"ghost_recreate": True, "legacy_errors": True, "task_tombstone_ttl": "0s", "queue_tombstone_ttl": "0s"},
    {"burst_size": 1, "iam_emulation": True},
]


@pytest.mark.parametrize("options", SERVICE_OPTIONS, ids=lambda options: ", ".join(options))
def test_invariants_hold_whatever_the_service_options(options: dict[str, Any]) -> None:
    """None of them is about what the sources leave open."""
    run(type("Turned", (CloudTasksMachine,), {"options": {"service": options}}), 15)


def test_pull_queues_are_part_of_the_story() -> None:
    """Their tasks are leased and acknowledged, and every invariant holds."""

    class Pulling(CloudTasksMachine):
        queues: ClassVar[Any] = {"pull": {"type_": "PULL"}}

        @rule()
        def work(self) -> None:
            client = tasks_v2beta2.CloudTasksClient()
            parent = self.cloud_tasks.queue_path("pull")
            client.create_task(parent=parent, task={"pull_message": {"payload": b"x"}})
            with suppress(FailedPrecondition, ResourceExhausted):  # paused, or asked too often
                leased = client.lease_tasks(request={"parent": parent, "lease_duration": "30s", "max_tasks": 1}).tasks
                for task in leased[:1]:
                    client.acknowledge_task(name=task.name, schedule_time=task.schedule_time)

    run(Pulling)


# --- pytest ------------------------------------------------------------------------------------------------------


def test_it_is_a_test_case_for_pytest(pytester: pytest.Pytester) -> None:
    """It runs with fixtures of other tests, and with an autouse fake; a failure shows the timeline."""
    pytester.makeini("[pytest]\ncloud_tasks_autouse = true\ncloud_tasks_outside = refuse")
    pytester.makepyfile(
        """
        from hypothesis import Phase, settings
        from hypothesis.stateful import invariant
        from pytest_cloudtasks.stateful import CloudTasksMachine

        class Broken(CloudTasksMachine):
            @invariant()
            def nothing_is_ever_enqueued(self):
                assert not self.cloud_tasks.tasks()

        TestSound = CloudTasksMachine.TestCase
        TestSound.settings = settings(max_examples=5, stateful_step_count=10)
        TestBroken = Broken.TestCase
        TestBroken.settings = settings(phases=[Phase.generate])

        def test_another(cloud_tasks):
            assert cloud_tasks.tasks() == []
        """
    )
    result = pytester.runpytest("-p", "no:asyncio")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * state = Broken()",
            "*state.create_task*(*queue=queue_0*",
            "E * Timeline:",
            "E * +0:00:00  queue 0 created",
        ]
    )
