from __future__ import annotations

import inspect
import re

import pytest

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._service.options import ServiceOptions
from pytest_cloudtasks._simulation.settings.options import OPTIONS
from pytest_cloudtasks._simulation.settings.service_options import SERVICE_CHECKS
from pytest_cloudtasks._simulation.settings.settings import Settings

FIRST_TEST = """
    import json
    from datetime import timedelta

    import pytest
    from google.cloud import tasks_v2


    def body(number):
        return json.dumps({"order": number}).encode()


    class App:
        def place_order(self, number):
            client = tasks_v2.CloudTasksClient()
            client.create_task(
                parent=client.queue_path("test-project", "us-central1", "receipts"),
                task={"http_request": {"url": "https://mailer.test/send", "body": body(number)}},
            )


    @pytest.fixture
    def app():
        return App()


    def test_receipt_is_retried_until_the_mailer_is_back(cloud_tasks, app):
        cloud_tasks.create_queue("receipts", retry_config={"min_backoff": "10s", "max_doublings": 3})
        mailer = cloud_tasks.route("https://mailer.test/send").returns(503, 503, 200)

        app.place_order(42)

        task = cloud_tasks.assert_enqueued(queue="receipts", url="https://mailer.test/send", json={"order": 42})
        cloud_tasks.drain()

        cloud_tasks.assert_attempts(task, [503, 503, 200])
        assert mailer.calls[1].headers["X-CloudTasks-TaskRetryCount"] == "1"
        assert cloud_tasks.clock.elapsed == timedelta(seconds=30)
"""


def test_the_first_test_of_a_new_user_passes(pytester: pytest.Pytester) -> None:
    """The test that the README shows passes, with no credentials anywhere."""
    pytester.makepyfile(FIRST_TEST)
    pytester.runpytest().assert_outcomes(passed=1)


def test_the_marker_documents_its_signature(pytester: pytest.Pytester) -> None:
    """`pytest --markers` shows every option of the marker."""
    output = pytester.runpytest("--markers").stdout.str()
    assert output.partition("@pytest.mark.cloud_tasks")[2].splitlines()[0] == (
        '(*, queues=(), project="test-project", location="us-central1", start=None, time="held", seed=0, order="fifo",'
        ' strict=False, auto_create_queues=False, outside="real", autouse=False, on_exception="raise",'
        ' redirect_endpoints=(), firebase_functions="", google_auth=False, async_client_loops="any", eager=False,'
        " show_secrets=False, service={}): give this test a fake Cloud Tasks with these options; the nearest marker"
        " wins, key by key, and queues add up. Each is also an ini option,"
        " cloud_tasks_queues and so on: `pytest --help` describes them."
    )


def test_the_marker_has_every_option(pytester: pytest.Pytester) -> None:
    """The signature has the options that there are, in their order, with their defaults."""
    names = re.findall(r"(\w+)=", pytester.runpytest("--markers").stdout.str().partition("cloud_tasks(*")[2])
    assert names[: len(OPTIONS)] == list(OPTIONS) == list(Settings._fields)


def test_a_fake_takes_the_options_of_a_test() -> None:
    """`FakeCloudTasks` has the options in their order and with their defaults, but for those of pytest alone.

    None stands for the run's own value, which four of them can have.
    """
    signature = {name: one.default for name, one in inspect.signature(FakeCloudTasks).parameters.items()}
    options = {name: option.default for name, option in OPTIONS.items() if name not in ("outside", "autouse")}
    assert list(signature) == list(options)
    assert signature == {**options, **dict.fromkeys(["service", "queues", "project", "location", "show_secrets"])}


def test_every_service_option_is_checked() -> None:
    """The table of checks has every option of the service."""
    assert list(SERVICE_CHECKS) == list(ServiceOptions._fields)


FIXTURES = """\
cloud_tasks [session scope]
    A fake Cloud Tasks service, fresh for every test and every Hypothesis example.

    While the test runs, every CloudTasksClient calls it, and the test controls time. Create queues (create_queue), say
    what answers (route, mount), let the application enqueue, drive (step, dispatch_due, advance, drain, dispatch), and
    assert (assert_enqueued, assert_attempts and others).

cloud_tasks_client [session scope]
    The real google.cloud.tasks_v2.CloudTasksClient, bound to this test's fake.

cloud_tasks_async_client [session scope]
    The real google.cloud.tasks_v2.CloudTasksAsyncClient, bound to this test's fake, for any event loop.

    In an async test drive the queue with the methods of cloud_tasks.aio.

cloud_tasks_legacy_client [session scope]
    A client with the methods of google-cloud-tasks 1.x, bound to this test's fake.

    It works with any installed release. If 1.x is installed, it is that release's own client.

cloud_tasks_server [session scope]
    This test's fake on loopback, over gRPC (grpc_target) and REST (rest_url), for other processes and languages.

    While the test runs, the environment has its addresses: CLOUD_TASKS_EMULATOR_HOST for gRPC and REST,
    TASKS_EMULATOR_HOST, TASKS_EMULATOR, GC_TASK_URL and GC_TASK_PORT for gRPC, CLOUDTASKS_EMULATOR_HOST for REST.
    It needs the extra server: pip install 'pytest-cloudtasks[server]'.
"""


def test_the_fixtures_document_themselves(pytester: pytest.Pytester) -> None:
    """`pytest --fixtures` describes every fixture."""
    output = pytester.runpytest("--fixtures", "-v").stdout.str()
    ours = re.search(r"^cloud_tasks \[.*?(?=\n\n\n|\n\n-----)", output, re.MULTILINE | re.DOTALL)

    assert ours is not None
    told = re.sub(r"(?<=scope\]) -- .*", "", ours[0])
    assert [line.rstrip() for line in told.splitlines()] == [line.rstrip() for line in FIXTURES.splitlines()]


def test_the_ini_options_document_themselves(pytester: pytest.Pytester) -> None:
    """`pytest --help` lists every ini option of the plugin."""
    output = pytester.runpytest("--help").stdout.str()
    for name in ("queues", "project", "location", "start", "time", "seed", "order", "strict", "outside", "autouse"):
        assert f"cloud_tasks_{name}" in output
    for name in (
        "auto_create_queues",
        "eager",
        "on_exception",
        "redirect_endpoints",
        "firebase_functions",
        "google_auth",
        "async_client_loops",
        "service",
        "defer_credentials",
    ):
        assert f"cloud_tasks_{name}" in output


def test_the_client_fixture_is_a_real_client_bound_to_the_fake(pytester: pytest.Pytester) -> None:
    """cloud_tasks_client is Google's own class and talks to this test's fake, also inside a nested one."""
    pytester.makepyfile(
        """
        from google.cloud.tasks_v2 import CloudTasksClient
        from pytest_cloudtasks import FakeCloudTasks

        PARENT = "projects/test-project/locations/us-central1"

        def test_it(cloud_tasks, cloud_tasks_client):
            assert type(cloud_tasks_client) is CloudTasksClient
            cloud_tasks.create_queue("here")
            with FakeCloudTasks(queues=["there"]):
                assert [q.name[-4:] for q in cloud_tasks_client.list_queues(parent=PARENT)] == ["here"]
                assert [q.name[-5:] for q in CloudTasksClient().list_queues(parent=PARENT)] == ["there"]

        def test_it_is_fresh_in_the_next_test(cloud_tasks_client):
            assert list(cloud_tasks_client.list_queues(parent=PARENT)) == []
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


@pytest.mark.needs("clients to close")
def test_a_closed_client_fixture_serves_the_next_test(pytester: pytest.Pytester) -> None:
    """The shared client survives a test that uses it as a context manager, which closes its transport."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(cloud_tasks, cloud_tasks_client, time):
            with cloud_tasks_client as client:
                assert list(client.list_queues(parent="projects/p/locations/l")) == []
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


def test_a_marker_changes_single_fields_of_a_queue_of_the_ini_file(pytester: pytest.Pytester) -> None:
    """The nearest marker wins, field by field."""
    pytester.makefile(
        ".json",
        queues="""[{
        "name": "projects/test-project/locations/us-central1/queues/work",
        "retryConfig": {"maxAttempts": 9, "minBackoff": "2s"},
        "rateLimits": {"maxDispatchesPerSecond": 4}
    }]""",
    )
    pytester.makeini("[pytest]\ncloud_tasks_queues = queues.json\n")
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.cloud_tasks(queues={"work": {"retry_config": {"max_attempts": 3, "max_doublings": 1}}})

        @pytest.mark.cloud_tasks(queues={"work": {"retry_config": {"max_attempts": 2}}})
        def test_it(cloud_tasks):
            queue = cloud_tasks.queue("work").message
            assert queue.retry_config.max_attempts == 2
            assert queue.retry_config.max_doublings == 1
            assert queue.retry_config.min_backoff.seconds == 2
            assert queue.rate_limits.max_dispatches_per_second == 4
        """
    )
    pytester.runpytest("-p", "no:asyncio").assert_outcomes(passed=1)


def test_queue_files_are_found_next_to_the_file_that_names_them(pytester: pytest.Pytester) -> None:
    """A marker's file is in the folder of its test, an ini file's next to that file, wherever pytest started."""
    listing = '[{"name": "projects/p/locations/l/queues/%s"}]'
    project = pytester.mkdir("project")
    (project / "infra").mkdir()
    (project / "tests").mkdir()
    (project / "infra" / "queues.json").write_text(listing % "of-ini")
    (project / "tests" / "mine.json").write_text(listing % "of-marker")
    (project / "pytest.ini").write_text("[pytest]\ncloud_tasks_queues = infra/queues.json\n")
    (project / "tests" / "test_it.py").write_text(
        "import pytest\n"
        '@pytest.mark.cloud_tasks(queues=["mine.json", "infra/queues.json", "receipts"])\n'
        "def test_it(cloud_tasks, cloud_tasks_client):\n"
        '    names = [queue.name for queue in cloud_tasks_client.list_queues(parent="projects/p/locations/l")]\n'
        '    assert names == ["projects/p/locations/l/queues/of-ini", "projects/p/locations/l/queues/of-marker"]\n'
        '    cloud_tasks.queue("receipts")\n'
    )
    pytester.runpytest(project, "-p", "no:asyncio").assert_outcomes(passed=1)
