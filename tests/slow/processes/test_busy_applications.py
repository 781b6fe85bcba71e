"""Applications that say how long a request takes, each by the way in which its framework shows the request."""

from __future__ import annotations

import pytest

DJANGO = """
    import django
    from datetime import timedelta
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(SECRET_KEY="secret", ROOT_URLCONF="slow_django", ALLOWED_HOSTS=["*"])
    django.setup()


    def report(request):
        request.environ["pytest_cloudtasks.request"].takes(timedelta(minutes=2))
        return HttpResponse("done")


    async def report_async(request):
        request.scope["extensions"]["pytest_cloudtasks.request"]["request"].takes(timedelta(minutes=2))
        return HttpResponse("done")


    urlpatterns = [path("report", report), path("report-async", report_async)]
    wsgi, asgi = get_wsgi_application(), get_asgi_application()
"""
FLASK = """
    from datetime import timedelta
    from flask import Flask, request

    app = Flask(__name__)


    @app.post("/report")
    def report():
        request.environ["pytest_cloudtasks.request"].takes(timedelta(minutes=2))
        return "done"
"""
FASTAPI = """
    from datetime import timedelta
    from fastapi import FastAPI, Request
    from pytest_cloudtasks import current

    app = FastAPI()


    def task_of(request):
        return request.scope["extensions"]["pytest_cloudtasks.request"]["request"]


    @app.post("/report")
    def report(request: Request):
        task_of(request).takes(timedelta(minutes=2))


    @app.post("/report-async")
    async def report_async(request: Request):
        task_of(request).takes(timedelta(minutes=2))


    @app.post("/report-asleep")
    async def report_asleep(request: Request):
        await current().aio.sleep(timedelta(minutes=2))
"""
TESTS = """
    import asyncio
    from datetime import timedelta

    import pytest
    import slow_django
    import slow_fastapi
    import slow_flask
    from google.cloud import tasks_v2

    APPLICATIONS = {
        "flask": (slow_flask.app, "/report"),
        "django": (slow_django.wsgi, "/report"),
        "django, async": (slow_django.asgi, "/report-async"),
        "fastapi": (slow_fastapi.app, "/report"),
        "fastapi, async": (slow_fastapi.app, "/report-async"),
        "fastapi, asleep": (slow_fastapi.app, "/report-asleep"),
    }


    @pytest.mark.cloud_tasks(queues={"reports": {"rate_limits": {"max_concurrent_dispatches": 1}}})
    @pytest.mark.parametrize("is_async", [False, True])
    @pytest.mark.parametrize("name", APPLICATIONS)
    def test_one_after_another(cloud_tasks, name, is_async):
        app, path = APPLICATIONS[name]
        cloud_tasks.mount("https://app.test", app)
        for _ in range(3):
            tasks_v2.CloudTasksClient().create_task(
                parent=cloud_tasks.queue_path("reports"), task={"http_request": {"url": f"https://app.test{path}"}}
            )
        summary = asyncio.run(cloud_tasks.aio.drain()) if is_async else cloud_tasks.drain()
        assert (summary.attempts, summary.succeeded) == (3, 3)
        assert cloud_tasks.clock.elapsed == timedelta(minutes=6)
        assert cloud_tasks.queue("reports").peak_concurrency == 1
"""


def test_every_framework_reaches_its_request(pytester: pytest.Pytester) -> None:
    """request.takes() is at hand in Flask, in Django under WSGI and ASGI, and in FastAPI, as the documentation says."""
    pytester.makeini(
        "[pytest]\naddopts = -p no:randomly -p no:cacheprovider -p no:django -p no:asyncio\nfilterwarnings = error"
        "\n    ignore:You are using a:FutureWarning\n"
    )
    pytester.makepyfile(slow_django=DJANGO, slow_flask=FLASK, slow_fastapi=FASTAPI, test_slow=TESTS)
    pytester.runpytest_subprocess().assert_outcomes(passed=12)
