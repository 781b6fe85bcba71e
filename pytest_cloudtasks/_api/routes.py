"""What `route`, `mount` and `forward` return: a test's view of a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._arguments import checked_call
from .._attributes import ASSERTS_CALLS, ASSERTS_NO_CALL, HAS_CALLS, SETS_RESULTS, IsNoMock
from .._targets.base import Target
from .._targets.request import TargetRequest
from .._targets.routes import RouteTarget
from .._time.instants import Duration

if TYPE_CHECKING:
    from typing_extensions import Self


class _TargetView(IsNoMock):
    """What all targets have in common for a test."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def _instead_of(self, name: str) -> str:
        if name in ASSERTS_CALLS | ASSERTS_NO_CALL | HAS_CALLS:
            return "It is not a mock: compare call_count, or the requests in calls."
        if name in SETS_RESULTS:
            return "It is not a mock: cloud_tasks.route(…) has returns(…) and raises(…)."
        return ""

    @property
    def calls(self) -> list[TargetRequest]:
        """The requests that arrived here, oldest first."""
        return self._target.calls

    @property
    def called(self) -> bool:
        """Whether a request arrived here."""
        return bool(self._target.calls)

    @property
    def call_count(self) -> int:
        """The number of requests that arrived here."""
        return len(self._target.calls)

    @checked_call
    def takes(self, duration: Duration) -> Self:
        """Answer each request ``duration`` after its dispatch, in the queue's time.

        No real time passes, and an application or server is not slowed down. Ledger: `dispatch/deadline`.

        Args:
            duration: A timedelta, or a text such as ``"90s"``.

        Returns:
            The target itself.

        Raises:
            ValueError: The duration is negative or malformed.
            TypeError: It is a bare number or another type.
        """
        self._target.takes(duration)
        return self

    def __repr__(self) -> str:
        return repr(self._target)


class Route(_TargetView):
    """A URL that the test answers itself: with a handler, with a script, or otherwise with 200.

    `FakeCloudTasks.route` makes one.
    """

    _target: RouteTarget

    def __init__(self, target: RouteTarget) -> None:
        super().__init__(target)

    @checked_call
    def returns(self, *answers: int | tuple[int, Mapping[str, str]]) -> Route:
        """Answer with these HTTP statuses, one for each request; the last one repeats.

        Further calls add to the script.

        Args:
            answers: HTTP statuses (int), or pairs of a status and headers, such as ``(302, {"Location": "/new"})``.

        Returns:
            The route itself.

        Raises:
            ValueError: There is no answer, a status isn't one of HTTP, or the route has a handler.
            TypeError: An answer has another type.
        """
        self._target.returns(*answers)
        return self

    @checked_call
    def raises(self, exception: BaseException | type[BaseException]) -> Route:
        """Answer as if a handler had raised ``exception``. The test does not fail. Ledger: `dispatch/no-response`.

        Args:
            exception: An exception or its class. `TimeoutError` means an answer after the dispatch deadline,
                `ConnectionError` no response at all, and any other exception an answer of 500.

        Returns:
            The route itself.

        Raises:
            ValueError: The route has a handler, or its script has ended with `then_pass_through`.
            TypeError: ``exception`` is not an exception.
        """
        self._target.raises(exception)
        return self

    @checked_call
    def then_pass_through(self) -> Route:
        """After the script so far, pass requests on to the next route or mount that matches.

        Returns:
            The route itself.

        Raises:
            ValueError: The route has a handler.
        """
        self._target.then_pass_through()
        return self


class Mount(_TargetView):
    """An application or a function that answers for every URL under a base URL. See `FakeCloudTasks.mount`."""


class AppEngineMount(_TargetView):
    """An application that answers for App Engine tasks. See `FakeCloudTasks.mount_app_engine`."""


class Forward(_TargetView):
    """A server that gets the tasks under a base URL, over real HTTP. See `FakeCloudTasks.forward`."""


class LoopbackForward(_TargetView):
    """The servers on loopback that tasks name in their URLs. See `FakeCloudTasks.forward_loopback`."""
