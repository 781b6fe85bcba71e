"""What is imported when: with the fake, while a clock is held, by a shell's command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_cloudtasks

LOCATION = "projects/test-project/locations/us-central1"
VERSIONS = ("v2beta3", "v2beta2")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_imported_in_the_fake_is_intercepted(version: str) -> None:
    """A version that is imported only while a fake is active is intercepted from its first import on."""
    program = f"""
from pytest_cloudtasks import FakeCloudTasks
import re
import subprocess
import sys
from pathlib import Path
with FakeCloudTasks(queues=["q"]):
    assert "google.cloud.tasks_{version}" not in sys.modules
    from google.cloud import tasks_{version} as library
    print([queue.name for queue in library.CloudTasksClient().list_queues(parent="{LOCATION}")])
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"['{LOCATION}/queues/q']\n", "")


def test_googles_client_is_not_imported_under_a_freezer(pytester: pytest.Pytester) -> None:
    """Where freezegun is at hand, the client is loaded before it can freeze: its classes keep the real datetime."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider\n")
    pytester.makepyfile(
        """
        import datetime
        import sys

        def test_first_use(freezer, cloud_tasks):
            cloud_tasks.create_queue("work")
            assert datetime.datetime.__name__ == "FakeDatetime"

        def test_afterwards():
            from proto.datetime_helpers import DatetimeWithNanoseconds

            assert DatetimeWithNanoseconds.__mro__[1] is datetime.datetime
            assert datetime.datetime.__name__ == "datetime"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_freezegun_may_be_imported_under_our_hold(pytester: pytest.Pytester) -> None:
    """time-machine sets functions of uuid aside; freezegun, imported meanwhile, learns of them when the hold ends."""
    pytester.makeini("[pytest]\naddopts = -p no:randomly -p no:asyncio -p no:cacheprovider -p no:freezer\n")
    pytester.makepyfile(
        """
        import sys
        import uuid

        REAL = uuid._generate_time_safe

        def test_first_use(cloud_tasks):
            cloud_tasks.clock.now()
            assert "freezegun" not in sys.modules
            from freezegun import freeze_time

            with freeze_time("2000-01-01"):
                assert cloud_tasks.clock.now().year == 2000

        def test_afterwards():
            from freezegun import freeze_time

            with freeze_time("2000-01-01"):
                assert uuid._generate_time_safe is None
            assert uuid._generate_time_safe is REAL
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_a_comparison_of_other_values_loads_nothing(pytester: pytest.Pytester) -> None:
    """Neither Google's client nor `FakeCloudTasks` are imported for it."""
    pytester.makepyfile(
        """
        import sys

        def test_it():
            try:
                assert {"a": 1} == {"a": 2}
            except AssertionError:
                pass
            assert not {"google.cloud.tasks_v2", "pytest_cloudtasks._diagnostics.diff"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


PROJECT = Path(__file__).parents[3] / "pyproject.toml"


INSTALLED_AT = Path(pytest_cloudtasks.__file__).parents[1]


def test_hypothesis_registers_them_and_imports_nothing_of_google(tmp_path: Path) -> None:
    """With the package installed, importing Hypothesis is enough, before Google's client is there or after."""
    declared = re.search(r"\[project\.entry-points\.hypothesis\]\n(.+?)\n", PROJECT.read_text("utf-8"))
    assert declared is not None
    information = tmp_path / "installed-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[hypothesis]\n{declared[1].replace(chr(34), '')}\n")
    script = """
import sys
before = set(sys.modules)  # an installed package's .pth file may have loaded a namespace
from hypothesis import find, strategies as st
assert not {name.split(".")[0] for name in set(sys.modules) - before} & {"google", "grpc", "proto"}, "imported"
assert not any(name.startswith("pytest_cloudtasks._service") for name in sys.modules)
from google.cloud import tasks_v2
print(find(st.from_type(tasks_v2.Task), lambda task: True).http_request.url)
"""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={"PYTHONPATH": f"{tmp_path}:{INSTALLED_AT}", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.stdout == "https://example.com/\n", result.stderr
