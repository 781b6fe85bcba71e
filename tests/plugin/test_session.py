from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cloudtasks._clients.router import router
from pytest_cloudtasks.plugin import _ini_values
from tests.credentials import have_no_credentials

APP = """
    from google.cloud import tasks_v2

    QUEUE = "projects/test-project/locations/us-central1/queues/work"
    built_at_import = tasks_v2.CloudTasksClient()


    def enqueue(client=None):
        client = client or tasks_v2.CloudTasksClient()
        return client.create_task(parent=QUEUE, task={"http_request": {"url": "https://worker.test/"}})
"""


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine has no Google credentials, and looking for a metadata server would take time."""
    have_no_credentials(monkeypatch, tmp_path)


def test_a_client_built_at_import_reaches_each_tests_own_fake(pytester: pytest.Pytester) -> None:
    """A module-level client needs no credentials, and finds the fake of whichever test is running."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import pytest
        from app import built_at_import, enqueue

        pytestmark = pytest.mark.cloud_tasks(queues=["work"])

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(cloud_tasks, time):
            enqueue(built_at_import)
            cloud_tasks.assert_enqueued(queue="work")
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_client_cached_in_one_test_serves_the_next(pytester: pytest.Pytester) -> None:
    """A client kept from an earlier test goes to the later test's fake."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import functools
        import pytest
        from google.cloud import tasks_v2
        from app import enqueue

        client = functools.lru_cache(tasks_v2.CloudTasksClient)
        pytestmark = pytest.mark.cloud_tasks(queues=["work"])

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(cloud_tasks, time):
            enqueue(client())
            cloud_tasks.assert_enqueued(queue="work")
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


@pytest.mark.needs("rest")
def test_outside_a_fake_the_library_does_what_it_does(pytester: pytest.Pytester) -> None:
    """Inside a running test without a fake, the constructor fails for want of credentials as it always did."""
    pytester.makepyfile(
        """
        import pytest
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import tasks_v2

        def test_construction():
            with pytest.raises(DefaultCredentialsError):
                tasks_v2.CloudTasksClient()

        def test_construction_by_rest():
            with pytest.raises(DefaultCredentialsError):
                tasks_v2.CloudTasksClient(transport="rest")

        def test_a_missing_key_file():
            with pytest.raises(FileNotFoundError):
                tasks_v2.CloudTasksClient.from_service_account_file("missing.json")
        """
    )
    pytester.runpytest().assert_outcomes(passed=3)


@pytest.mark.needs("rest")
def test_a_client_built_too_early_fails_at_its_first_call_outside(pytester: pytest.Pytester) -> None:
    """Built during collection or in a session fixture without credentials, a client fails when it is first used."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import pytest
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import tasks_v2
        from app import built_at_import, enqueue

        by_key = tasks_v2.CloudTasksClient.from_service_account_file("missing.json")

        @pytest.fixture(scope="session")
        def shared():
            return tasks_v2.CloudTasksClient(transport="rest")

        def test_import():
            with pytest.raises(DefaultCredentialsError):
                enqueue(built_at_import)

        def test_session_fixture(shared):
            with pytest.raises(DefaultCredentialsError):
                enqueue(shared)

        def test_key_file():
            with pytest.raises(FileNotFoundError):
                enqueue(by_key)

        def test_function_fixtures_are_not_early(request):
            with pytest.raises(DefaultCredentialsError):
                tasks_v2.CloudTasksClient()
        """
    )
    pytester.runpytest().assert_outcomes(passed=4)


@pytest.mark.parametrize("where", ["conftest.py", "tests/conftest.py"])
def test_a_conftest_may_import_the_application(pytester: pytest.Pytester, where: str) -> None:
    """The first conftest files are loaded before the run is configured, and what they build needs no credentials."""
    pytester.makepyfile(app=APP)
    pytester.makeini("[pytest]\npythonpath = .\naddopts = -p no:asyncio")
    pytester.path.joinpath("tests").mkdir()
    pytester.path.joinpath(where).write_text("import app\n")
    pytester.path.joinpath("tests", "test_it.py").write_text(
        "from app import built_at_import, enqueue\n\n"
        "def test_it(cloud_tasks):\n"
        "    cloud_tasks.create_queue('work')\n"
        "    enqueue(built_at_import)\n"
    )
    pytester.runpytest("tests").assert_outcomes(passed=1)
    refused = pytester.runpytest("tests", "-o", "cloud_tasks_defer_credentials=false")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert "DefaultCredentialsError" in refused.stderr.str()
    broken = pytester.path.joinpath(where)
    broken.write_text("raise KeyError('broken')\n")
    assert pytester.runpytest("tests").ret == pytest.ExitCode.USAGE_ERROR
    assert not router.defers_credentials(), "a run that ended before it was configured has left nothing behind"


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_tests_fake_is_innermost_in_a_wider_fixtures(pytester: pytest.Pytester, scope: str) -> None:
    """Calls go to the test's own fake in every test, in the one that the wider fixture is set up for, too."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        f"""
        import pytest
        from app import built_at_import, enqueue
        from pytest_cloudtasks import FakeCloudTasks

        @pytest.fixture(scope="{scope}")
        def shared():
            with FakeCloudTasks(queues=["work"]) as shared:
                enqueue(built_at_import)
                yield shared

        @pytest.mark.cloud_tasks(queues=["work"])
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(number, shared, cloud_tasks):
            enqueue(built_at_import)
            assert (len(shared.tasks()), len(cloud_tasks.tasks())) == (1, 1)
        """
    )
    pytester.runpytest("-p", "no:randomly").assert_outcomes(passed=2)


def test_deferring_credentials_can_be_turned_off(pytester: pytest.Pytester) -> None:
    """With cloud_tasks_defer_credentials = false a client at import fails the collection, as without the plugin."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile("import app\n\ndef test_it(): pass")
    result = pytester.runpytest("-o", "cloud_tasks_defer_credentials=false")
    result.assert_outcomes(errors=1)
    assert "DefaultCredentialsError" in result.stdout.str()


REFUSAL = (
    'CloudTasksClient.create_task() was blocked: no fake is active, and outside="refuse" blocks calls to the real'
    " service. Ask for the cloud_tasks fixture in the test or fixture that makes the call, mark the test with"
    " @pytest.mark.cloud_tasks, or allow it with"
    ' @pytest.mark.cloud_tasks(outside="real").\nThe call was made at app.py:9, in enqueue.'
)


def test_calls_outside_a_fake_can_be_blocked(pytester: pytest.Pytester) -> None:
    """With outside = refuse a call without a fake fails the test in a sentence, before any credentials are needed."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        from app import built_at_import, enqueue

        def test_it():
            enqueue(built_at_import)
        """
    )
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    assert REFUSAL in result.stdout.str()


def test_a_forgotten_fixture_is_reported_before_missing_credentials(pytester: pytest.Pytester) -> None:
    """Where calls are rejected, a client built in the test looks for no credentials: the error is what one sees."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile("from app import enqueue\n\ndef test_it(): enqueue()")
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    assert REFUSAL in result.stdout.str()


@pytest.mark.needs("clients of 2.x")
def test_a_call_of_the_asyncio_client_is_rejected_by_its_name(pytester: pytest.Pytester) -> None:
    """The message names the client that was called."""
    pytester.makepyfile(
        """
        import asyncio

        from google.cloud import tasks_v2


        def test_it():
            async def look():
                await tasks_v2.CloudTasksAsyncClient().get_queue(name="projects/p/locations/l/queues/q")

            asyncio.run(look())
        """
    )
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    assert (
        'CloudTasksAsyncClient.get_queue() was blocked: no fake is active, and outside="refuse" blocks calls to the'
        " real service. Ask for the cloud_tasks fixture" in result.stdout.str()
    )


def test_a_rejection_that_came_many_times_is_shown_once(pytester: pytest.Pytester) -> None:
    """A poller that swallows each error leaves one text, with its count."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        from app import built_at_import, enqueue

        def test_poller():
            for _ in range(56):
                try:
                    enqueue(built_at_import)
                except BaseException:
                    pass
            assert False
        """
    )
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count(REFUSAL) == 1
    assert f"{REFUSAL}\n(the same 56 times)\n" in result.stdout.str()


def test_a_rejection_that_is_swallowed_comes_again_at_teardown(pytester: pytest.Pytester) -> None:
    """Application code can't hide the error: `except Exception` lets it through, and a bare except meets it again."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import pytest
        from app import built_at_import, enqueue

        def test_except_exception():
            try:
                enqueue(built_at_import)
            except Exception:
                pass

        def test_bare_except():
            try:
                enqueue(built_at_import)
            except:
                pass
        """
    )
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1, passed=1, errors=1)
    assert result.stdout.str().count(REFUSAL) == 2


def test_a_marker_allows_a_call_that_the_ini_file_rejects(pytester: pytest.Pytester) -> None:
    """The nearest marker wins: outside="real" lets one test's calls through, to the library's own behaviour."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import pytest
        from google.auth.exceptions import DefaultCredentialsError
        from app import built_at_import, enqueue

        @pytest.mark.cloud_tasks(outside="real")
        def test_it():
            with pytest.raises(DefaultCredentialsError):
                enqueue(built_at_import)
        """
    )
    pytester.runpytest("-o", "cloud_tasks_outside=refuse").assert_outcomes(passed=1)


def test_a_misspelt_option_names_the_test_and_the_nearest_option(pytester: pytest.Pytester) -> None:
    """A marker option that does not exist is the test's error, with file, line and the option that was meant."""
    pytester.makepyfile(
        test_shop="""
        import pytest


        @pytest.mark.cloud_tasks(queus=["receipts"])
        def test_order(cloud_tasks):
            pass


        def test_other(cloud_tasks):
            pass
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1, passed=1)
    assert (
        "test_shop.py:4: test_order: @pytest.mark.cloud_tasks has no option 'queus'. Did you mean 'queues'? Its options"
        " are queues, project, location, start, time, seed, order, strict, auto_create_queues, outside, autouse,"
        " on_exception, redirect_endpoints, firebase_functions, google_auth, async_client_loops, eager,"
        " show_secrets and service." in result.stdout.str().splitlines()
    )


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('time="hold"', "time takes 'held' or 'virtual', but got 'hold'. Did you mean 'held'?"),
        ('outside="refused"', "outside takes 'real' or 'refuse', but got 'refused'. Did you mean 'refuse'?"),
        ("autouse=1", "autouse takes True or False, but got 1."),
        ("seed='x'", "seed takes an integer, but got 'x'."),
        (
            "start=datetime.datetime(2030, 1, 1)",
            "start takes an aware datetime, but datetime.datetime(2030, 1, 1, 0, 0) is naive. Give it a tzinfo, such as"
            " datetime.datetime(2030, 1, 1, 0, 0).replace(tzinfo=timezone.utc).",
        ),
        (
            "service={'queue_tombstone': 1}",
            "service has no option 'queue_tombstone'. Did you mean 'queue_tombstone_ttl'? Its options are"
            " app_engine_host_suffix, burst_size, enforce_lease_rate, enforce_rpc_deadline,"
            " follow_redirects, ghost_recreate, honour_retry_after, iam_emulation, iam_roles, legacy_errors,"
            " max_task_size, purge_delay, queue_init_delay, queue_tombstone_ttl, system_throttle,"
            " task_tombstone_ttl and treat_304_as_success.",
        ),
        (
            "'receipts'",
            "@pytest.mark.cloud_tasks takes keyword arguments only, such as cloud_tasks(queues='receipts').",
        ),
        (
            "queues={'receipts': {'retry_config': {'min_backof': '10s'}}}",
            "The queue 'receipts' of the settings can't be created: retry_config.min_backof is no field of Google's"
            " RetryConfig. Did you mean 'min_backoff'? Its fields are max_attempts, max_retry_duration, min_backoff,"
            ' max_backoff and max_doublings, durations as a timedelta or a text such as "10s".',
        ),
        (
            "queues=['two words']",
            "The queue 'two words' of the settings can't be created: Queue ID \"two words\" can contain only letters"
            " ([A-Za-z]), numbers ([0-9]), or hyphens (-). Queue ID must be between 1 and 100 characters.",
        ),
    ],
)
def test_a_wrong_value_names_the_test(pytester: pytest.Pytester, marker: str, message: str) -> None:
    """A marker value that cannot be is the test's error, with file, line and what to write."""
    pytester.makepyfile(
        test_shop=f"""
        import datetime
        import pytest


        @pytest.mark.cloud_tasks({marker})
        def test_order(cloud_tasks):
            pass
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    assert f"test_shop.py:5: test_order: {message}" in result.stdout.str().splitlines()


@pytest.mark.needs("typed ini options")
def test_a_toml_file_has_flags_and_numbers_of_its_own(pytester: pytest.Pytester) -> None:
    """In pytest's native table ``[tool.pytest]`` true is true and 7 is 7, and texts do as well."""
    pytester.makepyprojecttoml(
        """
        [tool.pytest]
        cloud_tasks_autouse = true
        cloud_tasks_eager = "true"
        cloud_tasks_seed = 7
        cloud_tasks_strict = false
        cloud_tasks_defer_credentials = false
        """
    )
    pytester.makepyfile(
        """
        import pytest_cloudtasks

        def test_settings():
            settings = pytest_cloudtasks.current()._active.settings
            assert (settings.autouse, settings.eager, settings.seed) == (True, True, 7)
            assert settings.strict is False
        """
    )
    pytester.runpytest("-p", "no:asyncio", "-W", "error").assert_outcomes(passed=1)


def test_a_value_of_the_wrong_type_is_a_usage_error() -> None:
    """Errors of pytest 9.0 and 9.1 for it in ``[tool.pytest]`` are shown as 9.2 shows them, with no traceback."""

    def getini(name: str) -> None:
        raise TypeError(f"pyproject.toml: config option '{name}' expects a list for type 'linelist', got str: 'a'")

    config: Any = SimpleNamespace(getini=getini)
    with pytest.raises(pytest.UsageError) as caught:
        _ini_values(config)
    assert str(caught.value) == (
        "pyproject.toml: config option 'cloud_tasks_queues' expects a list for type 'linelist', got str: 'a'"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("cloud_tasks_time=hold", "cloud_tasks_time takes 'held' or 'virtual', but got 'hold'. Did you mean 'held'?"),
        (
            "cloud_tasks_outside=refuze",
            "cloud_tasks_outside takes 'real' or 'refuse', but got 'refuze'. Did you mean 'refuse'?",
        ),
        (
            "cloud_tasks_defer_credentials=flase",
            "cloud_tasks_defer_credentials takes true or false, but got 'flase'.",
        ),
        (
            "cloud_tasks_redirect_endpoints=http://localhost",
            "cloud_tasks_redirect_endpoints takes addresses as channels are given them, such as 'localhost:8123', but"
            " got 'http://localhost'.",
        ),
    ],
)
def test_a_wrong_ini_value_stops_the_run(pytester: pytest.Pytester, given: str, message: str) -> None:
    """An ini value that cannot be is one error of the whole run, naming the option, even if no test wants a fake."""
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest("-o", given)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: In the ini file, {message}" in (*result.outlines, *result.errlines)
    assert "test_it" not in result.stdout.str()


def test_the_nearest_marker_wins_key_by_key(pytester: pytest.Pytester) -> None:
    """Function over class over module over ini for each key, while queues of all levels add up."""
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.cloud_tasks(queues=["module"], project="module-project", location="europe-west1")

        @pytest.mark.cloud_tasks(queues=["class"], project="class-project")
        class TestIt:
            @pytest.mark.cloud_tasks(queues={"function": {}}, project="function-project")
            def test_it(self, cloud_tasks, cloud_tasks_client):
                parent = "projects/function-project/locations/europe-west1"
                names = [queue.name for queue in cloud_tasks_client.list_queues(parent=parent)]
                assert names == [f"{parent}/queues/{one}" for one in ("class", "function", "ini", "module")]
        """
    )
    pytester.runpytest("-o", "cloud_tasks_queues=ini").assert_outcomes(passed=1)


def test_autouse_gives_every_test_a_fake(pytester: pytest.Pytester) -> None:
    """With autouse a test that asked for nothing can't reach the network, in unittest classes too."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import unittest
        import pytest_cloudtasks
        from app import enqueue

        def test_function():
            enqueue()
            pytest_cloudtasks.current().assert_enqueued(queue="work")

        class TestMethods(unittest.TestCase):
            def test_method(self):
                enqueue()
                pytest_cloudtasks.current().assert_enqueued(queue="work")
        """
    )
    result = pytester.runpytest("-o", "cloud_tasks_autouse=true", "-o", "cloud_tasks_queues=work")
    result.assert_outcomes(passed=2)


def test_a_fixture_asked_for_in_mid_test_gives_a_fake_too(pytester: pytest.Pytester) -> None:
    """request.getfixturevalue("cloud_tasks") works in each test, as late as it may come."""
    pytester.makepyfile(app=APP)
    pytester.makepyfile(
        """
        import pytest
        from app import enqueue

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(request, time):
            cloud_tasks = request.getfixturevalue("cloud_tasks")
            cloud_tasks.create_queue("work")
            enqueue()
            cloud_tasks.assert_enqueued(queue="work")
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_fake_outside_a_test_says_what_to_do(pytester: pytest.Pytester) -> None:
    """A fake used between tests, as the finalizer of a wide fixture would, is rejected in a sentence."""
    pytester.makeconftest(
        """
        import pytest

        kept = []

        def pytest_sessionfinish():
            with pytest.raises(RuntimeError) as refusal:
                kept[0].drain()
            print(refusal.value)
        """
    )
    pytester.makepyfile(
        """
        from conftest import kept

        def test_one(cloud_tasks):
            kept.append(cloud_tasks)
        """
    )
    result = pytester.runpytest("-s")
    result.assert_outcomes(passed=1)
    assert (
        "This FakeCloudTasks is not active: no test that asked for it is running. Use it inside the test, or as"
        " `with FakeCloudTasks() as cloud_tasks:`." in result.stdout.str()
    )


def test_a_failed_test_shows_its_timeline(pytester: pytest.Pytester) -> None:
    """A report section shows what happened, in virtual time; a passed test has none."""
    pytester.makepyfile(
        """
        import pytest
        from google.cloud import tasks_v2

        @pytest.mark.cloud_tasks(queues={"work": {"retry_config": {"min_backoff": "10s"}}})
        @pytest.mark.parametrize("right", [True, False])
        def test_it(cloud_tasks, cloud_tasks_client, right):
            name = cloud_tasks.queue_path("work") + "/tasks/one"
            cloud_tasks_client.create_task(
                parent=cloud_tasks.queue_path("work"), task={"name": name, "http_request": {"url": "https://a.test/"}}
            )
            cloud_tasks.route("https://a.test/").returns(500, 200)
            cloud_tasks.drain()
            assert right
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    lines = result.stdout.str().splitlines()
    begin = next(i for i, line in enumerate(lines) if "Cloud Tasks timeline" in line)
    assert lines[begin].strip("- ") == "Cloud Tasks timeline"
    assert lines[begin + 1 : begin + 5] == [
        "+0:00:00  queue work created",
        "+0:00:00  work/one created: POST https://a.test/",
        "+0:00:00  work/one attempt 1 → 500, retry in 10 s",
        "+0:00:10  work/one attempt 2 → 200",
    ]
    assert sum("Cloud Tasks timeline" in line for line in lines) == 1


def test_a_failed_assertion_has_the_timeline_once(pytester: pytest.Pytester) -> None:
    """The message of an assertion about tasks carries the timeline; there is no second one beneath."""
    pytester.makepyfile(
        """
        def test_it(cloud_tasks):
            cloud_tasks.create_queue("work")
            cloud_tasks.assert_enqueued(queue="work")
        """
    )
    output = pytester.runpytest().stdout.str()
    assert output.count("queue work created") == 1
    assert "Cloud Tasks timeline" not in output


def test_a_driving_method_in_a_handler_fails_the_test_even_if_swallowed(pytester: pytest.Pytester) -> None:
    """The driving method's error passes `except Exception` in the handler, and is there again at teardown."""
    pytester.makepyfile(
        """
        from google.cloud import tasks_v2

        def enqueue(cloud_tasks):
            name = cloud_tasks.queue_path("work") + "/tasks/one"
            tasks_v2.CloudTasksClient().create_task(
                parent=cloud_tasks.queue_path("work"), task={"name": name, "http_request": {"url": "https://a.test/"}}
            )

        def test_it(cloud_tasks):
            def handler(request):
                try:
                    cloud_tasks.drain()
                except:
                    return 200

            cloud_tasks.create_queue("work")
            cloud_tasks.route("https://a.test/", handler=handler)
            enqueue(cloud_tasks)
            cloud_tasks.drain()
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    assert (
        "cloud_tasks.drain() was called while the handler of work/one was running. A handler may call the Cloud Tasks"
        " client, but only the test may drive the queue, after the handler has returned."
        in result.stdout.str().splitlines()
    )


def test_time_and_transports_are_released_whatever_happened(pytester: pytest.Pytester) -> None:
    """After a test that failed in set-up, call or teardown, the next one has real time and the real library."""
    pytester.makepyfile(
        """
        import pytest
        from pytest_cloudtasks._clients.router import router
        from pytest_cloudtasks._time.external import innermost_hold

        @pytest.fixture
        def breaks_in_set_up(cloud_tasks):
            cloud_tasks.create_queue("a")
            raise ValueError

        @pytest.fixture
        def breaks_in_teardown(cloud_tasks):
            cloud_tasks.create_queue("a")
            yield
            raise ValueError

        def check():
            assert innermost_hold() is None
            assert router.backend is None

        def test_1(breaks_in_set_up): pass
        def test_2(): check()
        def test_3(cloud_tasks):
            cloud_tasks.create_queue("a")
            raise KeyboardInterrupt if False else ValueError
        def test_4(): check()
        def test_5(breaks_in_teardown): pass
        def test_6(): check()
        """
    )
    pytester.runpytest().assert_outcomes(passed=4, failed=1, errors=2)


@pytest.mark.needs("clients of 2.x")
def test_a_suite_that_patches_the_client_itself_is_left_alone(pytester: pytest.Pytester) -> None:
    """A user's own MagicMock or autospec of the class wins, with and without a fake."""
    pytester.makepyfile(
        """
        from unittest import mock
        from google.cloud import tasks_v2

        def test_magic_mock():
            with mock.patch("google.cloud.tasks_v2.CloudTasksClient") as patched:
                tasks_v2.CloudTasksClient().create_task(parent="x")
            patched.return_value.create_task.assert_called_once_with(parent="x")

        def test_autospec(cloud_tasks):
            with mock.patch("google.cloud.tasks_v2.CloudTasksClient", autospec=True) as patched:
                tasks_v2.CloudTasksClient().create_task(parent="x")
            patched.return_value.create_task.assert_called_once_with(parent="x")
            cloud_tasks.assert_nothing_enqueued()
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_google_auth_gives_the_fakes_project(pytester: pytest.Pytester) -> None:
    """With google_auth, google.auth.default() succeeds in the test that asks for it, and in no other."""
    pytester.makepyfile(
        """
        import google.auth
        import pytest
        from google.auth.exceptions import DefaultCredentialsError

        @pytest.mark.cloud_tasks(google_auth=True, project="shop")
        def test_it(cloud_tasks):
            assert google.auth.default()[1] == "shop"

        def test_not(cloud_tasks):
            with pytest.raises(DefaultCredentialsError):
                google.auth.default()
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_rejected_call_is_explained_in_the_report(pytester: pytest.Pytester) -> None:
    """Google's text is the exception's; the nearest queue is in its own section."""
    pytester.makepyfile(
        """
        from google.cloud.tasks_v2 import CloudTasksClient

        def test_it(cloud_tasks):
            cloud_tasks.create_queue("receipts")
            parent = "projects/test-project/locations/us-central1/queues/reciepts"
            CloudTasksClient().create_task(parent=parent, task={"http_request": {"url": "https://a.test/"}})
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*NotFound: 404 Queue does not exist. If you just created the queue, wait at least a minute*",
            "*- Cloud Tasks rejections -*",
            "CreateTask was rejected with NOT_FOUND: Queue does not exist. *",
            "There is no queue 'reciepts'. Did you mean 'receipts'? *",
        ]
    )
