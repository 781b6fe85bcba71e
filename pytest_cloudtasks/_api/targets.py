"""The methods of `FakeCloudTasks` that say where tasks go."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from .._arguments import checked_call
from .._simulation.records import name_of_task
from .._simulation.settings import checked
from .._simulation.simulation import Simulation
from .._targets.base import Handler, OnException, Target
from .._targets.forwards import ForwardTarget, LoopbackForwardTarget
from .._targets.mounts import App, AppEngineMountTarget, MountTarget
from .._targets.routes import RouteTarget
from .._time.instants import Duration
from .routes import AppEngineMount, Forward, LoopbackForward, Mount, Route

if TYPE_CHECKING:
    from .assertions import AnyTask

SERVER = "http://127.0.0.1:8000"
TIMEOUT = timedelta(seconds=10)


class Targeting:
    """Say what answers for the URLs of tasks."""

    @property
    def _simulation(self) -> Simulation:
        raise NotImplementedError

    def _add(self, target: Target) -> None:
        __tracebackhide__ = True
        simulation = self._simulation
        simulation.check_change(f"adds the target {target.describe()}")
        simulation.targets.add(target)

    @checked_call
    def route(
        self,
        url: str | re.Pattern[str],
        *,
        method: str | None = None,
        queue: str | None = None,
        name: AnyTask | None = None,
        handler: Handler | None = None,
        on_exception: OnException | None = None,
    ) -> Route:
        """Answer for a URL: an exact one, a glob with ``*``, or a compiled pattern, which is searched for.

        An exact URL stands for all by which the same request is made: in any case of scheme and host, with or without
        the default port, percent-encoded or not where that makes no difference; its query string counts. One that
        begins with a slash is the relative URI of App Engine tasks, for any service.

        ``handler`` gets a `TargetRequest` and returns None (200), an HTTP status, a pair of status and headers, or
        any response object with a ``status_code``. Without one, script the route: ``.returns(503, 200)``,
        ``.raises(TimeoutError)``, ``.takes(timedelta(seconds=5))``, ``.then_pass_through()``; without that either it
        answers 200. The most specific route is asked first, any route before a mount. With ``name``, a task's ID,
        full name, record or message, it answers for that task alone, before all other routes. Evidence: our choice.
        """
        target = RouteTarget(
            url,
            method=method,
            queue=queue,
            name=name_of_task(name),
            handler=handler,
            on_exception=_policy(on_exception),
        )
        self._add(target)
        return Route(target)

    @checked_call
    def mount(
        self, base_url: str, app: App, *, lifespan: bool = True, on_exception: OnException | None = None
    ) -> Mount:
        """Let a WSGI or an ASGI application answer for every URL under ``base_url``, at the full path.

        A callable of one argument is a function, as Cloud Run functions and Firebase have it: it takes a request of
        Flask, and returns what a view of Flask returns. It sees the path below ``base_url``.

        An ASGI application's lifespan begins with its first request, and ends with the fake, or with its event loop.
        With ``lifespan=False`` it has none here: the test has started the application itself. Evidence: our choice.
        """
        target = MountTarget(base_url, app, _policy(on_exception), lifespan=lifespan)
        self._add(target)
        return Mount(target)

    @checked_call
    def mount_app_engine(
        self,
        app: App,
        *,
        service: str | None = None,
        version: str | None = None,
        instance: str | None = None,
        lifespan: bool = True,
        on_exception: OnException | None = None,
    ) -> AppEngineMount:
        """Let a WSGI or an ASGI application answer for App Engine tasks, of any service, version and instance.

        With ``service``, ``version`` or ``instance`` for those alone; the mount with the most of them is asked first.
        What counts is the queue's ``app_engine_routing_override``, and without one the task's ``app_engine_routing``;
        a task without a service goes to the service ``default``. Evidence: documented.

        The application sees plain HTTP from 0.1.0.2. Evidence: documented. A `mount` of the host that the service
        makes of the routing is asked before. Evidence: our choice. ``lifespan`` is that of `mount`.
        """
        target = AppEngineMountTarget(
            app,
            service=service,
            version=version,
            instance=instance,
            lifespan=lifespan,
            on_exception=_policy(on_exception),
        )
        self._add(target)
        return AppEngineMount(target)

    @checked_call
    def forward(
        self, base_url: str, to: str = SERVER, *, allow_remote: bool = False, timeout: Duration = TIMEOUT
    ) -> Forward:
        """Send tasks whose URL lies under ``base_url``, as real HTTP, to a server that listens on this machine.

        A base that begins with a slash is one of relative URIs: ``forward("/", server)`` sends every App Engine task
        that has no more specific target.

        The request's path is that of ``to``, if it has one, followed by the task's full path. Headers are the task's,
        ``Host`` among them, and ``X-Forwarded-Proto``, as behind a reverse proxy. Evidence: our choice.

        ``timeout`` is real time. A server that is silent for longer stands for one that misses the dispatch deadline;
        a refused or broken connection is no response (UNKNOWN, HTTP status code 0; reported). Neither fails the test.
        Raises ValueError for a server that is not 127.0.0.0/8, ::1 or localhost, unless ``allow_remote``.
        """
        target = ForwardTarget(base_url, to, allow_remote=allow_remote, timeout=timeout)
        self._add(target)
        return Forward(target)

    @checked_call
    def forward_loopback(self, *, timeout: Duration = TIMEOUT) -> LoopbackForward:
        """Send every task whose URL is on loopback, as real HTTP, to the server that listens there.

        It is for servers whose port is chosen in the test, such as that of pytest-django's ``live_server``. All other
        targets are asked first. The request goes out as the URL has it. ``timeout`` and broken connections are as in
        `forward`. Evidence: our choice.
        """
        target = LoopbackForwardTarget(timeout)
        self._add(target)
        return LoopbackForward(target)


def _policy(on_exception: OnException | None) -> OnException | None:
    if on_exception is not None:
        checked({"on_exception": on_exception}, where="on_exception")
    return on_exception
