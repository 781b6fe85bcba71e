"""Django projects as they are tested: by pytest-django's fixtures and by Django's own TestCase.

Django is configured once for a process, so each project here runs in a pytest of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

RunProject = Callable[..., pytest.RunResult]

PROJECT = """
    import os
    import sys

    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.db import connection, models, transaction
    from django.http import Http404, HttpResponse
    from django.urls import path
    from google.cloud import tasks_v2

    if not settings.configured:
        settings.configure(
            SECRET_KEY="secret",
            ROOT_URLCONF="shop",
            ALLOWED_HOSTS=["*"],
            USE_TZ=True,
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.staticfiles"],
            STATIC_URL="static/",
        )
        django.setup()

    from django.contrib.auth.models import User

    PARENT = "projects/test-project/locations/us-central1/queues/mails"


    def enqueue(path, **fields):
        task = {"http_request": {"url": f"https://shop.test{path}"}, **fields}
        return tasks_v2.CloudTasksClient().create_task(parent=PARENT, task=task)


    def sign_up(name):
        with transaction.atomic():
            User.objects.create(username=name)
            transaction.on_commit(lambda: enqueue(f"/welcome/{name}"))


    def welcome(request, name):
        user = User.objects.get(username=name)
        user.first_name = "retry " + request.headers["X-CloudTasks-TaskRetryCount"]
        user.save()
        return HttpResponse("welcome")


    def broken(request):
        raise KeyError("order")


    async def welcome_async(request):
        return HttpResponse("welcome", status=202)


    async def broken_async(request):
        raise KeyError("order")


    def order(request, name):
        User.objects.create(username=name)
        task = {"http_request": {"url": request.build_absolute_uri(f"/welcome/{name}")}}
        tasks_v2.CloudTasksClient().create_task(parent=PARENT, task=task)
        return HttpResponse("thanks")


    def gone(request, number):
        raise Http404


    def busy(request):
        return HttpResponse("busy", status=503)


    urlpatterns = [
        path("welcome/<name>", welcome),
        path("order/<name>", order),
        path("broken", broken),
        path("broken-async", broken_async),
        path("welcome-async", welcome_async),
        path("busy", busy),
        path("gone/<number>", gone),
    ]
    wsgi = get_wsgi_application()
    asgi = get_asgi_application()
"""
HEAD = """
    import pytest
    import shop
    from datetime import timedelta
    from django.db import transaction
    from pytest_cloudtasks import CloudTasksWarning, current

    pytestmark = pytest.mark.cloud_tasks(queues=["mails"])
"""


@pytest.fixture
def run_project(pytester: pytest.Pytester) -> RunProject:
    """Run tests next to the project, in their own process."""
    pytester.makeini(
        """
        [pytest]
        addopts = -p no:randomly -p no:asyncio -p no:cacheprovider
        filterwarnings = error::pytest_cloudtasks.CloudTasksWarning
        django_find_project = false
        """
    )
    pytester.makepyfile(shop=PROJECT)
    pytester.makeconftest("import shop\n")

    def run(tests: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(HEAD + tests)
        return pytester.runpytest_subprocess(*arguments)

    return run


def test_a_view_that_finds_nothing_has_a_route(run_project: RunProject) -> None:
    """Only a path without a view is explained as such, under WSGI and ASGI."""
    run_project(
        """
    @pytest.mark.parametrize("name", ["wsgi", "asgi"])
    def test_it(cloud_tasks, name):
        cloud_tasks.mount("https://shop.test", getattr(shop, name))
        for path in ("/gone/42", "/nowhere/42"):
            task = shop.enqueue(path)
            cloud_tasks.dispatch_due()
            with pytest.raises(AssertionError) as caught:
                cloud_tasks.assert_attempts(task, [200])
            assert ("seems to have no route" in str(caught.value)) == ("nowhere" in path)
    """
    ).assert_outcomes(passed=2)


def test_a_wsgi_project_with_pytest_django(run_project: RunProject) -> None:
    """A view sees the test's transaction, time and headers, and is retried; rolled-back changes are lost."""
    run_project(
        """
    def test_it(cloud_tasks, db):
        cloud_tasks.mount("https://shop.test", shop.wsgi)
        shop.User.objects.create(username="ada")
        shop.enqueue("/welcome/ada")
        cloud_tasks.drain()
        assert shop.User.objects.get(username="ada").first_name == "retry 0"

    def test_the_next_one(cloud_tasks, db):
        assert not shop.User.objects.exists()
        cloud_tasks.create_queue("once", retry_config={"max_attempts": 2})
        cloud_tasks.mount("https://shop.test", shop.wsgi)
        shop.tasks_v2.CloudTasksClient().create_task(
            parent=cloud_tasks.queue_path("once"), task={"http_request": {"url": "https://shop.test/busy"}}
        )
        cloud_tasks.drain()
        cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [503, 503])
    """
    ).assert_outcomes(passed=2)


def test_exceptions_in_views_fail_the_test(run_project: RunProject) -> None:
    """Django turns them into a 500 and announces them: by WSGI and ASGI, sync and async views, recorded first."""
    run_project(
        """
    @pytest.mark.parametrize("app", ["wsgi", "asgi"])
    @pytest.mark.parametrize("path", ["/broken", "/broken-async"])
    def test_raises(cloud_tasks, app, path):
        cloud_tasks.mount("https://shop.test", getattr(shop, app))
        shop.enqueue(path)
        with pytest.raises(KeyError, match="order"):
            cloud_tasks.drain()
        task = cloud_tasks.assert_enqueued()
        cloud_tasks.assert_attempts(task, [500])
        assert isinstance(task.attempts[0].exception, KeyError)

    @pytest.mark.parametrize("app", ["wsgi", "asgi"])
    @pytest.mark.parametrize("path", ["/broken", "/broken-async"])
    def test_is_retried(cloud_tasks, app, path):
        cloud_tasks.mount("https://shop.test", getattr(shop, app), on_exception="500")
        shop.enqueue(path)
        cloud_tasks.step()
        task = cloud_tasks.assert_enqueued()
        cloud_tasks.assert_attempts(task, [500])
        assert isinstance(task.attempts[0].exception, KeyError)

    @pytest.mark.parametrize("app", ["wsgi", "asgi"])
    def test_a_missing_page_is_an_answer(cloud_tasks, app):
        cloud_tasks.mount("https://shop.test", getattr(shop, app))
        shop.enqueue("/nowhere")
        assert cloud_tasks.step().result == 404
    """
    ).assert_outcomes(passed=10)


def test_an_asgi_project(run_project: RunProject) -> None:
    """An async view answers, by the sync driving methods and by the awaitable ones."""
    run_project(
        """
    import asyncio

    def test_sync_verbs(cloud_tasks):
        cloud_tasks.mount("https://shop.test", shop.asgi)
        shop.enqueue("/welcome-async")
        assert cloud_tasks.step().result == 202

    def test_awaitable_verbs(cloud_tasks):
        cloud_tasks.mount("https://shop.test", shop.asgi)
        shop.enqueue("/welcome-async")
        assert asyncio.run(cloud_tasks.aio.step()).result == 202
    """
    ).assert_outcomes(passed=2)


def test_on_commit_with_captured_callbacks(run_project: RunProject) -> None:
    """Callbacks that pytest-django executes enqueue, and the view then finds what was committed."""
    run_project(
        """
    def test_it(cloud_tasks, db, django_capture_on_commit_callbacks):
        cloud_tasks.mount("https://shop.test", shop.wsgi)
        with django_capture_on_commit_callbacks(execute=True):
            shop.sign_up("ada")
            cloud_tasks.assert_not_enqueued()
        cloud_tasks.assert_enqueued(url="https://shop.test/welcome/ada")
        cloud_tasks.drain()
        assert shop.User.objects.get().first_name == "retry 0"
    """
    ).assert_outcomes(passed=1)


def test_on_commit_in_a_transaction_that_commits(run_project: RunProject) -> None:
    """With transactional_db the callback runs at once, and nobody hints at anything."""
    run_project(
        """
    def test_it(cloud_tasks, transactional_db):
        cloud_tasks.assert_nothing_enqueued()
        shop.sign_up("ada")
        cloud_tasks.assert_enqueued()
    """
    ).assert_outcomes(passed=1)


def test_a_failing_assert_enqueued_hints_at_callbacks(run_project: RunProject) -> None:
    """Without a commit nothing was enqueued, and the failure says why and what to do."""
    result = run_project(
        """
    def test_one(cloud_tasks, db):
        shop.sign_up("ada")
        cloud_tasks.assert_enqueued(queue="mails")

    def test_two(cloud_tasks, db):
        shop.sign_up("ada")
        shop.sign_up("grace")
        cloud_tasks.assert_enqueued(queue="mails")

    def test_another_failure(cloud_tasks, db):
        cloud_tasks.assert_enqueued(queue="mails")
    """
    )
    result.assert_outcomes(failed=3)
    output = result.stdout.str()
    remedy = (
        "in a test that rolls back there is no commit. Wrap the code in `with"
        " django_capture_on_commit_callbacks(execute=True):` (pytest-django), or in"
        " `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
    )
    assert output.count(f"1 on_commit callback of Django has not run: {remedy}") == 1
    assert output.count(f"2 on_commit callbacks of Django have not run: {remedy}") == 1


def test_a_passing_assert_nothing_enqueued_warns_of_callbacks(run_project: RunProject) -> None:
    """Something is about to be enqueued, and in production would be: the test hears of it, at its own line."""
    run_project(
        """
    def test_it(cloud_tasks, db):
        shop.sign_up("ada")
        with pytest.warns(CloudTasksWarning) as told:
            cloud_tasks.assert_nothing_enqueued()
        assert [str(one.message) for one in told] == [
            "Nothing was enqueued, but 1 on_commit callback of Django has not run: in a test that rolls back there is"
            " no commit. Wrap the code in `with django_capture_on_commit_callbacks(execute=True):` (pytest-django), or"
            " in `self.captureOnCommitCallbacks(execute=True)` (django.test.TestCase)."
        ]
        assert told[0].filename == __file__

    def test_no_callback_no_warning(cloud_tasks, db):
        cloud_tasks.assert_nothing_enqueued()
    """
    ).assert_outcomes(passed=2)


def test_a_block_that_captures_callbacks_is_open(run_project: RunProject) -> None:
    """Django's and pytest-django's block is found, if Django's function is still a generator: there is no warning."""
    run_project(
        """
    from pytest_cloudtasks._diagnostics.django_database import is_capturing

    def test_it(cloud_tasks, db, django_capture_on_commit_callbacks, recwarn):
        cloud_tasks.mount("https://shop.test", shop.wsgi)
        assert not is_capturing()
        with django_capture_on_commit_callbacks(execute=True):
            assert is_capturing()
            shop.sign_up("ada")
            cloud_tasks.assert_nothing_enqueued()
        assert not is_capturing()
        assert [one for one in recwarn if one.category is CloudTasksWarning] == []
        cloud_tasks.assert_enqueued()
    """
    ).assert_outcomes(passed=1)


def test_djangos_own_test_case(run_project: RunProject) -> None:
    """Without fixtures the fake is found by `current()`, and callbacks are captured by Django's own means."""
    run_project(
        """
    from django.test import TestCase

    @pytest.mark.cloud_tasks(autouse=True)
    class SignUp(TestCase):
        def test_it(self):
            current().mount("https://shop.test", shop.wsgi)
            with self.captureOnCommitCallbacks(execute=True):
                shop.sign_up("ada")
            current().assert_enqueued(url="https://shop.test/welcome/ada")
            assert current().drain().succeeded == 1
            assert shop.User.objects.get().first_name == "retry 0"

        def test_that_was_rolled_back(self):
            current().assert_nothing_enqueued()
            assert not shop.User.objects.exists()
    """
    ).assert_outcomes(passed=2)


def test_a_failing_test_case_hints_at_callbacks(run_project: RunProject) -> None:
    """Django rolls back before pytest reports the failure. The callbacks are counted before."""
    result = run_project(
        """
    from django.test import TestCase

    @pytest.mark.cloud_tasks(autouse=True)
    class SignUp(TestCase):
        def test_it(self):
            current().mount("https://shop.test", shop.wsgi)
            shop.sign_up("ada")
            current().drain()
            self.assertEqual(shop.User.objects.get().first_name, "retry 0")
    """
    )
    result.assert_outcomes(failed=1)
    output = result.stdout.str()
    assert "1 on_commit callback of Django has not run: in a test that rolls back there is no commit." in output
    assert "No client has called this fake." not in output


def test_callbacks_enqueue_eagerly(run_project: RunProject) -> None:
    """For a suite that comes from an eager mode, the view has run when the block that commits has ended."""
    run_project(
        """
    @pytest.mark.cloud_tasks(eager=True)
    def test_it(cloud_tasks, db, django_capture_on_commit_callbacks):
        cloud_tasks.mount("https://shop.test", shop.wsgi)
        with django_capture_on_commit_callbacks(execute=True):
            shop.sign_up("ada")
        assert shop.User.objects.get().first_name == "retry 0"
    """
    ).assert_outcomes(passed=1)


def test_this_process_has_no_django_of_its_own() -> None:
    """The projects above leave the main run as it was: without settings."""
    conf = sys.modules.get("django.conf")
    assert conf is None or not conf.settings.configured


IN_A_TRANSACTION = """
import django
from django.conf import settings

DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(DATABASES={"default": DATABASE, "other": DATABASE, "untouched": DATABASE})
django.setup()
from django.db import connections, transaction

from pytest_cloudtasks._diagnostics.django_database import waiting_callbacks

assert waiting_callbacks() == 0
with transaction.atomic(), transaction.atomic(using="other"):
    transaction.on_commit(lambda: None)
    for _ in range(2):
        transaction.on_commit(lambda: None, using="other")
    assert hasattr(connections["default"], "run_on_commit"), "MOVED"
    assert len(connections["default"].run_on_commit) == 1, "MOVED"
    assert waiting_callbacks() == 3, "MOVED"
    assert [one.alias for one in connections.all(initialized_only=True)] == ["default", "other"]
assert waiting_callbacks() == 0, "MOVED"
"""


def test_the_private_part_is_where_it_was() -> None:
    """Django still keeps the callbacks of a transaction where this package counts them, in every open connection."""
    moved = (
        "Django has moved what pytest_cloudtasks._diagnostics.django_database reads, the run_on_commit of each"
        " connection: find the new place, and say in that module which versions have it"
    )
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TRANSACTION.replace("MOVED", moved)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("outside", ["real", "refuse"])
def test_set_up_test_data_that_enqueues_leaves_no_rows(run_project: RunProject, outside: str) -> None:
    """The error is one after which Django rolls its transactions back, so that the next class has an empty database."""
    mark = '@pytest.mark.cloud_tasks(outside="refuse", autouse=False)\n    ' if outside == "refuse" else ""
    result = run_project(
        f"""
    from django.contrib.auth.models import User
    from django.test import TestCase

    {mark}class TestData(TestCase):
        @classmethod
        def setUpTestData(cls):
            User.objects.create(username="ada")
            shop.enqueue("/welcome/ada")

        def test_it(self):
            pass

    class TestNext(TestCase):
        def test_there_is_no_row(self):
            assert not User.objects.exists()
    """
    )
    result.assert_outcomes(passed=1, errors=1)
    expected = {
        "real": "setUpClass or setUpTestData of TestData calls create_task() in the fake of the fixture cloud_tasks.*",
        "refuse": 'CloudTasksClient.create_task() was blocked: no fake is active, and outside="refuse" blocks calls*',
    }
    result.stdout.fnmatch_lines([expected[outside]])


@pytest.mark.parametrize(
    ("base", "commit"),
    [("TestCase", "self.captureOnCommitCallbacks(execute=True)"), ("TransactionTestCase", "nullcontext()")],
)
def test_examples_of_hypothesis_with_a_database_of_their_own(run_project: RunProject, base: str, commit: str) -> None:
    """Hypothesis's classes for Django empty the database after each example, and each has a fresh fake."""
    result = run_project(
        f"""
    from contextlib import nullcontext
    from django.contrib.auth.models import User
    from hypothesis import given, settings, strategies as st
    from hypothesis.extra.django import {base}

    class TestWelcomes({base}):
        @given(names=st.sets(st.sampled_from("abc"), min_size=1))
        @settings(deadline=None, max_examples=10)
        def test_every_user_is_welcomed(self, names):
            assert not User.objects.exists()
            current().assert_nothing_enqueued()
            current().mount("https://shop.test", shop.wsgi)
            with {commit}:
                for name in names:
                    shop.sign_up(name)
            current().drain()
            assert User.objects.filter(first_name="retry 0").count() == len(names)
    """
    )
    result.assert_outcomes(passed=1)


def test_examples_of_hypothesis_share_the_database_of_pytest_django(run_project: RunProject) -> None:
    """The fake is fresh for each example, and the rows are those of the test."""
    result = run_project(
        """
    from django.contrib.auth.models import User
    from hypothesis import given, settings, strategies as st

    seen = []

    @pytest.mark.django_db
    @given(number=st.integers())
    @settings(deadline=None, max_examples=10)
    def test_it(cloud_tasks, number):
        seen.append(User.objects.count())
        cloud_tasks.assert_nothing_enqueued()
        shop.enqueue("/welcome/x")
        User.objects.create(username=str(len(seen)))

    def test_rows():
        assert seen == list(range(len(seen)))
    """
    )
    result.assert_outcomes(passed=2)


def test_a_live_server_gets_its_tasks(run_project: RunProject) -> None:
    """forward_loopback() sends them to the thread that serves the project at a port of its own."""
    result = run_project(
        """
    from django.contrib.auth.models import User
    from google.cloud import tasks_v2

    def test_it(cloud_tasks, live_server):
        cloud_tasks.forward_loopback()
        User.objects.create(username="ada")
        task = {"http_request": {"url": f"{live_server.url}/welcome/ada"}}
        tasks_v2.CloudTasksClient().create_task(parent=shop.PARENT, task=task)

        cloud_tasks.drain()

        (attempt,) = cloud_tasks.assert_dispatched().attempts
        assert (attempt.status, attempt.response.text) == (200, "welcome")
        assert User.objects.get().first_name == "retry 0"
    """
    )
    result.assert_outcomes(passed=1)


def test_a_live_server_in_a_block_of_background(run_project: RunProject) -> None:
    """A page of the live server enqueues, and the task's request comes back to that server, without a driving method.

    Django's own live server test case does the same.
    """
    run_project(
        """
    import threading
    import urllib.request
    from django.contrib.staticfiles.testing import StaticLiveServerTestCase
    from pytest_cloudtasks import FakeCloudTasks

    def place_order(url):
        with urllib.request.urlopen(url + "/order/ada", timeout=60) as page:
            assert page.read() == b"thanks"

    def welcomed():
        return shop.User.objects.get(username="ada").first_name

    def test_pytest_django(cloud_tasks, live_server):
        cloud_tasks.forward_loopback()
        with cloud_tasks.background():
            place_order(live_server.url)
            cloud_tasks.assert_dispatched(url=f"{live_server.url}/welcome/ada", timeout=60)
        assert welcomed() == "retry 0"

    class TestDjango(StaticLiveServerTestCase):
        def test_it(self):
            with FakeCloudTasks(queues=["mails"]) as cloud_tasks:
                cloud_tasks.forward_loopback()
                with cloud_tasks.background():
                    place_order(self.live_server_url)
                    cloud_tasks.assert_dispatched(url=f"{self.live_server_url}/welcome/ada", timeout=60)
                assert welcomed() == "retry 0"
    """
    ).assert_outcomes(passed=2)


def test_hints_for_django(run_project: RunProject) -> None:
    """Callbacks that wait explain a missing call; under ASGI the test's transaction is another connection's."""
    result = run_project(
        """
    from django.contrib.auth.models import User

    @pytest.mark.django_db
    def test_callbacks(cloud_tasks):
        shop.sign_up("ada")
        cloud_tasks.assert_enqueued()

    @pytest.mark.django_db
    def test_asgi(cloud_tasks):
        cloud_tasks.mount("https://shop.test", shop.asgi)
        User.objects.create(username="ada")
        shop.enqueue("/welcome/ada")
        cloud_tasks.drain()
    """
    )
    result.assert_outcomes(failed=2)
    output = result.stdout.str()
    assert "No client has called this fake." not in output
    assert "1 on_commit callback of Django has not run" in output
    assert (
        "Under ASGI, a view of Django has a connection of its own to the database, which does not see the test's"
        " transaction. Mount get_wsgi_application(), drive by async_to_sync(cloud_tasks.aio.drain)(), or commit with"
        " django_db(transaction=True)."
    ) in output
