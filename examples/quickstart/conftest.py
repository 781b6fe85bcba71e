from __future__ import annotations

from collections.abc import Generator

import pytest
from fake_mail_server import FakeMailServer
from mailer import create_mailer
from shop import Shop

from pytest_cloudtasks import FakeCloudTasks, Mount


@pytest.fixture
def app() -> Shop:
    return Shop()


@pytest.fixture
def mail_server() -> FakeMailServer:
    return FakeMailServer()


@pytest.fixture
def mailer(cloud_tasks: FakeCloudTasks, mail_server: FakeMailServer) -> Mount:
    """Mount the real worker."""
    return cloud_tasks.mount("https://mailer.test", create_mailer(mail_server))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Print the timeline of a passing test. The plugin prints that of a failing one."""
    report = yield
    cloud_tasks = getattr(item, "funcargs", {}).get("cloud_tasks")
    if report.when == "call" and report.passed and cloud_tasks is not None:
        report.sections.append(("What happened", cloud_tasks.timeline()))
    return report
