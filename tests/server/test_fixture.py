from __future__ import annotations

import os

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from tests.patience import PATIENCE

from .clients import QUEUE, TASK, over_grpc

NAMES = (
    "CLOUD_TASKS_EMULATOR_HOST",
    "TASKS_EMULATOR_HOST",
    "TASKS_EMULATOR",
    "GC_TASK_URL",
    "GC_TASK_PORT",
    "CLOUDTASKS_EMULATOR_HOST",
)


@pytest.fixture(autouse=True)
def _quiet_inner_runs(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider")


@pytest.mark.cloud_tasks(queues=["default"])
def test_the_environment_has_its_addresses(cloud_tasks_server: CloudTasksServer) -> None:
    """While the test runs, the variables that public code reads have the server's addresses."""
    assert {name: os.environ[name] for name in NAMES} == cloud_tasks_server.environment
    url = f"http://{os.environ['CLOUDTASKS_EMULATOR_HOST']}/v2/{QUEUE}"
    assert requests.get(url, timeout=PATIENCE).json()["name"] == QUEUE


@pytest.mark.cloud_tasks(queues=["default"])
@given(st.integers(0, 3))
def test_every_example_has_fresh_state(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, count: int
) -> None:
    """Under @given the server answers for the example that runs."""
    with over_grpc(cloud_tasks_server) as client:
        for _ in range(count):
            client.create_task(parent=QUEUE, task=TASK)
        assert len(list(client.list_tasks(parent=QUEUE))) == count
    assert len(cloud_tasks.tasks()) == count


def test_the_environment_is_as_before_after_the_test(pytester: pytest.Pytester) -> None:
    """Only tests that ask for the server have the variables; a user's own values are restored."""
    pytester.makepyfile(
        """
        import os

        os.environ["TASKS_EMULATOR"] = "localhost:1"

        def test_before():
            assert "CLOUD_TASKS_EMULATOR_HOST" not in os.environ

        def test_with(cloud_tasks_server):
            assert os.environ["CLOUD_TASKS_EMULATOR_HOST"] == os.environ["CLOUDTASKS_EMULATOR_HOST"]
            assert os.environ["CLOUD_TASKS_EMULATOR_HOST"] == cloud_tasks_server.rest_url.removeprefix("http://")
            assert os.environ["TASKS_EMULATOR"] == cloud_tasks_server.grpc_target

        def test_failing(cloud_tasks_server):
            assert "CLOUD_TASKS_EMULATOR_HOST" not in os.environ

        def test_after():
            assert "CLOUD_TASKS_EMULATOR_HOST" not in os.environ
            assert os.environ["TASKS_EMULATOR"] == "localhost:1"

        def test_on_demand(request):
            server = request.getfixturevalue("cloud_tasks_server")
            assert server.rest_url == f'http://{os.environ["CLOUD_TASKS_EMULATOR_HOST"]}'

        def test_after_that():
            assert "CLOUD_TASKS_EMULATOR_HOST" not in os.environ
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=5, failed=1)


def test_one_server_serves_the_session(pytester: pytest.Pytester) -> None:
    """Its ports stay, so that one worker may serve many tests; each test has its own queues."""
    pytester.makepyfile(
        """
        import pytest, requests

        SEEN = []

        @pytest.fixture(scope="session")
        def worker(cloud_tasks_server):
            SEEN.append(cloud_tasks_server.rest_url)
            return cloud_tasks_server.rest_url

        PATH = "/v2/projects/test-project/locations/us-central1/queues/"

        @pytest.mark.cloud_tasks(queues=["one"])
        def test_one(worker):
            assert requests.get(worker + PATH + "one").status_code == 200

        def test_between():
            answer = requests.get(SEEN[0] + PATH + "one")
            assert answer.json()["error"]["status"] == "FAILED_PRECONDITION"

        @pytest.mark.cloud_tasks(queues=["two"])
        def test_two(worker, cloud_tasks_server):
            assert SEEN == [worker] == [cloud_tasks_server.rest_url]
            assert requests.get(worker + PATH + "one").status_code == 404
            assert requests.get(worker + PATH + "two").status_code == 200

        def test_its_end(request):
            pass
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=4)


def test_the_server_is_closed_with_the_session(pytester: pytest.Pytester) -> None:
    """Nothing listens afterwards, even if another fixture failed before the server's own was set up."""
    pytester.makepyfile(
        """
        import os, pathlib, pytest

        @pytest.fixture(scope="session")
        def broken():
            pathlib.Path("address").write_text(os.environ["CLOUDTASKS_EMULATOR_HOST"])
            raise ValueError("no")

        def test_it(broken, cloud_tasks_server):
            pass
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(errors=1)
    address = (pytester.path / "address").read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://{address}/", timeout=PATIENCE)


def test_without_aiohttp_the_test_says_what_to_install(pytester: pytest.Pytester) -> None:
    """Asking for the fixture fails in one sentence."""
    pytester.makeconftest(
        """
        import importlib.util

        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name == "aiohttp" else found(name, *rest)

        def pytest_unconfigure():
            importlib.util.find_spec = found
        """
    )
    pytester.makepyfile("def test_it(cloud_tasks_server): pass")
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "A server for other processes needs aiohttp, which is not installed. Install it with `pip install"
            " 'pytest-cloudtasks[[]server]'`."
        ]
    )
