"""`choose_from`: the choices of a fake come from an example."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded, ServiceUnavailable
from google.cloud import tasks_v2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from pytest_cloudtasks import FakeCloudTasks
from tests.each import each

Enqueue = Callable[..., str]
Story = Callable[[FakeCloudTasks], Any]

NONE = timedelta(0)
MAILER = "https://mailer.test/send"
SETTINGS = settings(phases=[Phase.generate], max_examples=60)
ONE = settings(SETTINGS, max_examples=1)


class EnoughError(Exception):
    """No more examples are needed."""


def told(story: Story, until: Callable[[list[Any]], bool] = lambda _: False, **choice: Any) -> list[Any]:
    """Return the results of ``story`` in a number of examples, each with its own fake that chooses from it.

    ``until`` gets the results so far and returns whether they are enough.
    """
    found: list[Any] = []

    @given(data=st.data())
    @SETTINGS
    def run(data: DataObject) -> None:
        with FakeCloudTasks(queues=["receipts", "reports"]) as cloud_tasks:
            cloud_tasks.choose_from(data, **choice)
            cloud_tasks.route(MAILER)
            found.append(story(cloud_tasks))
        if until(found):
            raise EnoughError

    with suppress(EnoughError):
        run()
    return found


def ten(found: list[Any]) -> bool:
    """Whether there are ten, which is enough where every example has to be the same."""
    return len(found) >= 10


def one_example(test: Callable[[DataObject], None]) -> None:
    """Run ``test`` with the data of the simplest example."""

    @given(data=st.data())
    @ONE
    def run(data: DataObject) -> None:
        test(data)

    run()


def attempts(cloud_tasks: FakeCloudTasks) -> list[str]:
    """The dispatches, as the ID of the task and the result."""
    return [f"{attempt.task.id} {attempt.result}" for attempt in cloud_tasks.attempts()]


def test_all_of_it_may_happen(enqueue: Enqueue) -> None:
    """In some examples tasks swap places, come twice, lose answers and are late; in others nothing happens."""

    def story(cloud_tasks: FakeCloudTasks) -> tuple[str, ...]:
        for letter in "ab":
            enqueue(letter)
        cloud_tasks.drain()
        first = [attempt for attempt in cloud_tasks.attempts() if attempt.number == 1]
        found = []
        if len(first) == 2 and first[0].dispatch_time == first[1].dispatch_time and first[0].task.id == "b":
            found.append("order")
        if "delivered a second time" in cloud_tasks.timeline():
            found.append("duplicates")
        if "by lose_handler_response()" in cloud_tasks.timeline():
            found.append("lost answers")
        if "held back by" in cloud_tasks.timeline():
            found.append("delays")
        return tuple(found)

    everything = {"order", "duplicates", "lost answers", "delays"}
    found = told(story, lambda found: () in found and everything == {one for some in found for one in some})
    assert {one for some in found for one in some} == everything
    assert () in found


def test_what_is_left_out_never_happens(enqueue: Enqueue) -> None:
    """Each kind can be left out; without any of them all stories are the plain one."""

    def story(cloud_tasks: FakeCloudTasks) -> str:
        for letter in "abc":
            enqueue(letter)
        cloud_tasks.drain()
        return cloud_tasks.timeline()

    (only,) = set(
        told(story, lambda found: len(found) == 10, order=False, duplicates=False, lost_answers=False, delays=NONE)
    )
    with FakeCloudTasks(queues=["receipts", "reports"]) as cloud_tasks:
        cloud_tasks.route(MAILER)
        assert only == story(cloud_tasks)


def test_only_the_order_is_drawn_where_the_rest_is_left_out(enqueue: Enqueue) -> None:
    """Any order of the tasks that are due, of all queues; never one before its time."""

    def story(cloud_tasks: FakeCloudTasks) -> str:
        for letter in "ab":
            enqueue(letter)
        enqueue("c", queue="reports")
        enqueue("d", schedule_time=cloud_tasks.clock.now() + timedelta(seconds=1))
        cloud_tasks.drain()
        return "".join(attempt.task.id for attempt in cloud_tasks.attempts())

    found = set(told(story, duplicates=False, lost_answers=False, delays=NONE))
    assert {"abcd", "bacd", "cabd"} <= found <= {"abcd", "acbd", "bacd", "bcad", "cabd", "cbad"}


def test_listings_have_an_order_that_is_drawn(enqueue: Enqueue) -> None:
    """The same for the whole and for its pages."""

    def story(cloud_tasks: FakeCloudTasks) -> str:
        for letter in "abc":
            enqueue(letter)
        parent = cloud_tasks.queue_path("receipts")
        client = tasks_v2.CloudTasksClient()
        whole = "".join(task.name[-1] for task in client.list_tasks(parent=parent))
        paged = client.list_tasks(request={"parent": parent, "page_size": 1})
        assert whole == "".join(task.name[-1] for task in paged)
        return whole

    found = set(told(story, lambda found: "abc" in found and len(set(found)) > 2))
    assert "abc" in found
    assert len(found) > 2
    assert set(told(story, ten, order=False)) == {"abc"}


def test_delays_are_whole_seconds_up_to_the_longest(enqueue: Enqueue) -> None:
    """Each dispatch goes on time, or up to so much later."""

    def story(cloud_tasks: FakeCloudTasks) -> timedelta:
        enqueue("a")
        cloud_tasks.drain()
        return cloud_tasks.clock.elapsed

    found = set(told(story, lost_answers=False, delays=timedelta(seconds=3, milliseconds=500)))
    assert found == {timedelta(seconds=seconds) for seconds in range(4)}


def test_tasks_that_wait_already_are_subject_to_it(enqueue: Enqueue) -> None:
    """Their order and their delays are drawn, too."""
    found = []

    @given(data=st.data())
    @SETTINGS
    def run(data: DataObject) -> None:
        with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
            cloud_tasks.route(MAILER)
            for letter in "ab":
                enqueue(letter)
            cloud_tasks.choose_from(data)
            found.append("held back" in cloud_tasks.timeline())
            cloud_tasks.drain()
            first = cloud_tasks.attempts()[0]
            found.append(f"{first.task.id} at {first.dispatch_time - first.task.create_time}")

    run()
    assert {True, False, "a at 0:00:00", "b at 0:00:00"} <= set(found)


def test_rates_only_say_that_something_may_happen(enqueue: Enqueue) -> None:
    """Of faults at a rate between 0 and 1, some happen and some don't, whatever the rate; others always or never."""

    def story(rate: float) -> set[bool]:
        def failed(cloud_tasks: FakeCloudTasks) -> bool:
            cloud_tasks.fail_rpc("create_task", ServiceUnavailable, rate=rate)
            try:
                enqueue("a")
            except ServiceUnavailable:
                return True
            return False

        return set(told(failed, lambda found: len(set(found)) == 2 or (rate in (0, 1) and ten(found))))

    assert [story(rate) for rate in (0, 0.0001, 0.9999, 1)] == [{False}, {True, False}, {True, False}, {True}]


def test_plans_of_the_test_are_asked_first_where_they_were_made_first(enqueue: Enqueue) -> None:
    """A plan without a rate happens all the same."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
            cloud_tasks.route(MAILER)
            plan = cloud_tasks.lose_handler_response()
            cloud_tasks.choose_from(data)
            enqueue("a")
            cloud_tasks.drain()
            assert plan.hits == 1
            assert attempts(cloud_tasks)[0] == "a UNKNOWN"

    one_example(test)


def test_the_simplest_example_is_the_plain_story(enqueue: Enqueue) -> None:
    """In order, on time, once, with each answer."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
            cloud_tasks.choose_from(data)
            cloud_tasks.route(MAILER)
            for letter in "abc":
                enqueue(letter)
            cloud_tasks.drain()
            assert attempts(cloud_tasks) == ["a 200", "b 200", "c 200"]
            assert cloud_tasks.clock.elapsed == NONE

    one_example(test)


def test_shuffled_order_stays_where_order_is_left_out(enqueue: Enqueue) -> None:
    """The option asked for it, and the example chooses."""
    found = set()

    @given(data=st.data())
    @SETTINGS
    def run(data: DataObject) -> None:
        with FakeCloudTasks(queues=["receipts"], order="shuffle") as cloud_tasks:
            cloud_tasks.choose_from(data, order=False, duplicates=False, lost_answers=False, delays=NONE)
            cloud_tasks.route(MAILER)
            for letter in "ab":
                enqueue(letter)
            cloud_tasks.drain()
            found.add("".join(attempt.task.id for attempt in cloud_tasks.attempts()))

    run()
    assert found == {"ab", "ba"}


def test_handlers_in_threads_draw_too(enqueue: Enqueue) -> None:
    """A call from a thread is answered by the same example."""

    def story(cloud_tasks: FakeCloudTasks) -> bool:
        cloud_tasks.lose_rpc_response("create_task", rate=0.5)
        with ThreadPoolExecutor(1) as pool:
            return isinstance(pool.submit(enqueue, "a").exception(), DeadlineExceeded)

    assert set(told(story, lambda found: len(set(found)) == 2)) == {True, False}


@pytest.mark.parametrize("data", [5, None, st.data(), SETTINGS], ids=["5", "None", "data()", "settings"])
def test_wrong_data_is_rejected(data: Any) -> None:
    """The choices stay those of the seed."""
    message = (
        f"choose_from() takes the argument that Hypothesis's st.data() gives a test, but got {data!r}. Write"
        " @given(data=st.data()) and pass data."
    )
    with FakeCloudTasks() as cloud_tasks:
        before = cloud_tasks._active.randomness.choices
        with pytest.raises(TypeError) as refusal:
            cloud_tasks.choose_from(data)
        assert str(refusal.value) == message
        assert cloud_tasks._active.randomness.choices is before
        assert list(cloud_tasks._active.faults) == []


@each("name", ["order", "duplicates", "lost_answers"])
@each("flag", ["x", 1, None])
def test_what_is_left_to_chance_takes_true_or_false(name: str, flag: Any) -> None:
    """What only looks true is rejected, and nothing has changed."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks() as cloud_tasks:
            with pytest.raises(TypeError) as refusal:
                cloud_tasks.choose_from(data, **{name: flag})
            assert str(refusal.value) == f"choose_from({name}=…) takes True or False, but got {flag!r}."
            assert list(cloud_tasks._active.faults) == []
            cloud_tasks.choose_from(data)

    one_example(test)


OFF = {"order": False, "duplicates": False, "lost_answers": False, "delays": NONE}


@pytest.mark.parametrize(
    ("options", "choice", "printed"),
    [
        ({}, {}, "order, duplicates, lost answers, delays"),
        ({}, {"duplicates": False, "lost_answers": False}, "order, delays"),
        ({}, {**OFF, "lost_answers": True}, "lost answers"),
        ({"order": "shuffle"}, OFF, "order"),
        ({}, OFF, "faults at a rate"),
    ],
)
def test_what_is_left_to_chance_is_printed(options: dict[str, Any], choice: dict[str, Any], printed: str) -> None:
    """Hypothesis shows the draw as what may happen, and nothing else."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks(**options) as cloud_tasks:
            cloud_tasks.choose_from(data, **choice)
            assert repr(cloud_tasks._active.randomness.choices) == printed

    one_example(test)


@pytest.mark.parametrize("delays", [timedelta(milliseconds=1), timedelta(milliseconds=999)], ids=str)
def test_delays_that_cannot_be_are_rejected(delays: timedelta) -> None:
    """A delay is a second at the least, and nothing has changed."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks() as cloud_tasks:
            with pytest.raises(ValueError) as refusal:
                cloud_tasks.choose_from(data, delays=delays)
            assert str(refusal.value) == (
                "choose_from(delays=…) takes the longest delay, of a second or more, or timedelta(0) for none, but got"
                f" {delays!r}."
            )
            cloud_tasks.choose_from(data)

    one_example(test)


def test_delays_beyond_the_calendar_are_rejected() -> None:
    """Datetimes end with the year 9999."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks() as cloud_tasks:
            with pytest.raises(ValueError) as refusal:
                cloud_tasks.choose_from(data, delays=timedelta.max)
            assert str(refusal.value) == (
                "choose_from(delays=…) leads beyond the year 9999, where Python's datetime ends. Pass a shorter"
                " duration."
            )
            cloud_tasks.choose_from(data)

    one_example(test)


def test_delays_of_another_type_are_rejected() -> None:
    """Seconds are no duration."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks() as cloud_tasks, pytest.raises(TypeError) as refusal:
            cloud_tasks.choose_from(data, delays=30)  # type: ignore[arg-type]
        assert str(refusal.value) == (
            "choose_from(delays=…) takes a duration such as timedelta(seconds=30) or '30s', but got 30."
        )

    one_example(test)


def test_a_second_call_is_rejected() -> None:
    """One fake draws from one example."""

    def test(data: DataObject) -> None:
        with FakeCloudTasks() as cloud_tasks:
            cloud_tasks.choose_from(data)
            choices, plans = cloud_tasks._active.randomness.choices, list(cloud_tasks._active.faults)
            with pytest.raises(RuntimeError) as refusal:
                cloud_tasks.choose_from(data)
            assert str(refusal.value) == (
                "choose_from() was already called for this fake. Call it once in each example: on the cloud_tasks"
                " fixture, in a test that is decorated with @given itself, or on a FakeCloudTasks that the example"
                " creates."
            )
            assert (cloud_tasks._active.randomness.choices, list(cloud_tasks._active.faults)) == (choices, plans)

    one_example(test)


def test_data_of_an_example_that_has_ended_is_rejected() -> None:
    """The fake goes on with its seed."""
    kept: list[DataObject] = []
    one_example(kept.append)

    with FakeCloudTasks() as cloud_tasks:
        with pytest.raises(RuntimeError) as refusal:
            cloud_tasks.choose_from(kept[0])
        assert str(refusal.value) == (
            "The Hypothesis example of this fake has ended. End the fake with its example: call choose_from() on the"
            " cloud_tasks fixture, in a test that is decorated with @given itself, or on a FakeCloudTasks that the"
            " example creates."
        )
        assert list(cloud_tasks._active.faults) == []
        cloud_tasks.drain()


def test_a_fake_that_outlives_its_example_says_so(enqueue: Enqueue) -> None:
    """What would have to be drawn is rejected, and not made up."""
    with FakeCloudTasks(queues=["receipts"]) as cloud_tasks:
        one_example(cloud_tasks.choose_from)
        with pytest.raises(RuntimeError, match=r"^The Hypothesis example of this fake has ended\."):
            enqueue("a")
