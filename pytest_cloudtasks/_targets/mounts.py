"""Mounts: applications that answer for a base URL, or for a part of an App Engine application."""

from __future__ import annotations

from collections.abc import Coroutine
from types import FunctionType
from typing import Any, Union, cast

from .._arguments import checked_flag
from .._service.request import DEFAULT_SERVICE
from .._text import safe_repr
from .answers import Answer
from .app_routes import has_route, paths_of
from .asgi import AsgiApp, AsgiServer, is_asgi
from .base import Destination, OnException, Precedence, Target
from .factories import check_no_factory
from .request import TargetRequest
from .urls import Base, wire_url
from .wsgi import Function, WsgiApp, as_wsgi, call_wsgi

App = Union[WsgiApp, AsgiApp, Function]


class _Application(Target):
    """A target that is a WSGI or an ASGI application, or a function."""

    def __init__(
        self, what: str, app: App, on_exception: OnException | None, *, lifespan: bool = True, base_path: str = ""
    ) -> None:
        super().__init__(on_exception)
        checked_flag(f"{what.removesuffix(')')}lifespan=…)", lifespan)
        if not callable(app):
            raise TypeError(
                f"{what} takes a WSGI or an ASGI application, but got {safe_repr(app)}, which can't be called."
                " Pass the application itself, not a client, a module or its name."
            )
        check_no_factory(app, what)
        self._app = app
        self._asgi = AsgiServer(cast("AsgiApp", app), lifespan=lifespan) if is_asgi(app) else None
        self._wsgi = None if self._asgi else as_wsgi(app, what, base_path)

    @property
    def is_async(self) -> bool:
        """Whether it is an ASGI application."""
        return self._wsgi is None

    def answer(self, request: TargetRequest) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the application's answer to the request at its full path."""
        if self._wsgi is not None:
            return call_wsgi(self._wsgi, request)
        assert self._asgi is not None, "it is one of the two"
        return self._asgi.answer(request)

    def close(self) -> None:
        """End an ASGI application's lifespan and tasks in event loops."""
        if self._asgi is not None:
            self._asgi.close()

    def known_paths(self) -> list[str] | None:
        """Return the paths that the application lists; None for a function, which has no routes."""
        return None if isinstance(self._app, FunctionType) else paths_of(self._app)

    def has_route(self, host: str, path: str) -> bool | None:
        """Return whether the application has a route for a path; None if that is unknown."""
        return has_route(self._app, host, path)

    @property
    def _app_name(self) -> str:
        app = self._app
        return getattr(app, "name", None) or getattr(app, "__name__", None) or type(app).__name__

    def __repr__(self) -> str:
        return f"<mount {self.describe()}, {len(self.calls)} calls>"


class MountTarget(_Application):
    """An application, or a function, that answers for every URL under a base URL."""

    precedence = Precedence.MOUNT

    def __init__(self, base_url: str, app: App, on_exception: OnException | None, *, lifespan: bool = True) -> None:
        self._base = Base(base_url, "mount()")
        super().__init__("mount()", app, on_exception, lifespan=lifespan, base_path=wire_url(base_url).path)
        self.base_url = base_url

    def matches(self, destination: Destination) -> bool:
        """Return whether the base contains the URL, by whole path segments."""
        return self._base.covers(destination.url)

    def specificity(self) -> tuple[int, ...]:
        """After all routes. A longer base comes first."""
        return (self.precedence.value, -self._base.length, 0, 0)

    def describe(self) -> str:
        """Return the mount as messages name it."""
        return f"{self.base_url} (mounted {self._app_name})"


class AppEngineMountTarget(_Application):
    """An application that answers for App Engine tasks: all of them, or those of a service, version or instance."""

    precedence = Precedence.APP_ENGINE

    def __init__(
        self,
        app: App,
        *,
        service: str | None,
        version: str | None,
        instance: str | None,
        lifespan: bool = True,
        on_exception: OnException | None,
    ) -> None:
        super().__init__("mount_app_engine()", app, on_exception, lifespan=lifespan)
        self._wanted = {"service": service, "version": version, "instance": instance}
        for name, value in self._wanted.items():
            if value is not None and not isinstance(value, str):
                raise TypeError(
                    f"mount_app_engine({name}=…) takes a text, or None for any {name}, but got {safe_repr(value)}."
                )
        self.service, self.version, self.instance = service, version, instance

    def matches(self, destination: Destination) -> bool:
        """Return whether it is an App Engine task whose routing in force is that of the mount."""
        if destination.app_engine is None:
            return False
        actual = destination.app_engine.routing.named
        wanted = {**self._wanted, "service": DEFAULT_SERVICE if self.service == "" else self.service}
        return all(value is None or value == actual[name] for name, value in wanted.items())

    def specificity(self) -> tuple[int, ...]:
        """After all that has a URL; the more is given the earlier, an instance before a version before a service."""
        are_given = [value is not None for value in (self.instance, self.version, self.service)]
        narrowness = sum(4 >> index for index, is_given in enumerate(are_given) if is_given)
        return (self.precedence.value, -sum(are_given), -narrowness, 0)

    def describe(self) -> str:
        """Return the mount as messages name it."""
        limits = ", ".join(
            f"{name} {value or repr(value)}" for name, value in self._wanted.items() if value is not None
        )
        return f"App Engine {limits} (mounted {self._app_name})" if limits else f"App Engine (mounted {self._app_name})"
