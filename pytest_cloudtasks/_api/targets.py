"""The methods of `FakeCloudTasks` that define targets."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from .._arguments import checked_call
from .._simulation.lookup import name_of_task
from .._simulation.settings.settings import checked
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
    """Methods that say where tasks go."""

    def _synced(self) -> Simulation:
        raise NotImplementedError

    def _add(self, target: Target) -> None:
        __tracebackhide__ = True
        simulation = self._synced()
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
        """Answer requests for a URL, with a handler or a script.

        An exact URL matches every URL that makes the same request. The case of scheme and host, the default port and
        needless percent-encoding don't count; the query string does. The most specific target answers: routes before
        mounts, exact URLs before globs before patterns.

        Without a handler, script the route: ``.returns(503, 200)``, ``.raises(TimeoutError)``,
        ``.takes(timedelta(seconds=5))``, ``.then_pass_through()``. Otherwise it answers 200.

        Args:
            url: An exact URL, a glob with ``*``, or a compiled pattern, which is searched for. A URL that begins with a
                slash is the relative URI of App Engine tasks.
            method: Answer only this HTTP method.
            queue: Answer only tasks of this queue, given by its ID or full name.
            name: Answer only this task, before all other routes: a record, a message, an ID or a full name.
            handler: A function or ``async def`` function of a `TargetRequest`. It returns None (200), an HTTP status, a
                pair of status and headers, or a response object with a ``status_code``.
            on_exception: ``"raise"`` or ``"500"``, in place of the option.

        Raises:
            ValueError: No task could have that URL, method, queue or name.
            TypeError: A value has the wrong type.
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
        """Let an application answer for every URL under ``base_url``, at the full path.

        Args:
            base_url: An absolute URL. It matches by whole path segments.
            app: A WSGI application, an ASGI application, or a function of one argument, as Cloud Run functions and
                Firebase have it. A function gets a Flask request at the path below ``base_url``.
            lifespan: Run the lifespan of an ASGI application, from its first request. False if the test has started it.
            on_exception: ``"raise"`` or ``"500"``, in place of the option.

        Raises:
            ValueError: The base isn't an absolute URL, or has a query string.
            TypeError: ``app`` can't be called, or is an application factory.
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
        """Let an application answer for App Engine tasks.

        The queue's ``app_engine_routing_override`` counts, or else the task's ``app_engine_routing``. A task without a
        service goes to ``default``. The mount with the most arguments is asked first. A `mount` of the task's host goes
        before. The application sees plain HTTP from 0.1.0.2. Ledger: `request/routing-override`.

        Args:
            app: A WSGI or ASGI application.
            service: Answer only tasks of this service.
            version: Answer only tasks of this version.
            instance: Answer only tasks of this instance.
            lifespan: Run the lifespan of an ASGI application.
            on_exception: ``"raise"`` or ``"500"``, in place of the option.

        Raises:
            TypeError: ``app`` can't be called, or a value is no text.
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
        """Send tasks under ``base_url`` to a server on this machine, over real HTTP.

        The server gets the path of ``to``, followed by the task's full path. It gets the task's headers, ``Host``
        included, and ``X-Forwarded-Proto``, as behind a reverse proxy.

        Args:
            base_url: An absolute URL, or the relative URI of App Engine tasks. ``"/"`` means all App Engine tasks that
                have no more specific target.
            to: The server's URL, by default http://127.0.0.1:8000.
            allow_remote: Allow a server that is not on loopback.
            timeout: How long to wait for the server, in real time; 10 seconds by default. A silent server counts as one
                that misses the dispatch deadline, and a broken connection as no response. Neither fails the test.

        Raises:
            ValueError: The server is not on loopback, or a URL is malformed.
            TypeError: A value has the wrong type.
        """
        target = ForwardTarget(base_url, to, allow_remote=allow_remote, timeout=timeout)
        self._add(target)
        return Forward(target)

    @checked_call
    def forward_loopback(self, *, timeout: Duration = TIMEOUT) -> LoopbackForward:
        """Send every task whose URL is on loopback to the server that listens there, over real HTTP.

        Use it for servers whose port is chosen in the test, such as pytest-django's ``live_server``. All other targets
        are asked first.

        Args:
            timeout: How long to wait for the server, in real time; 10 seconds by default.

        Raises:
            ValueError: The duration isn't above zero.
            TypeError: It is a bare number or another type.
        """
        target = LoopbackForwardTarget(timeout)
        self._add(target)
        return LoopbackForward(target)


def _policy(on_exception: OnException | None) -> OnException | None:
    if on_exception is not None:
        checked({"on_exception": on_exception}, where="on_exception")
    return on_exception
