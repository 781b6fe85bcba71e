"""The router: which fake, if any, an intercepted client's call goes to, decided call by call.

Clients live as long as the process: at module level, in caches, in fixtures of a wider scope. So a client is not bound
to a fake when it is built; the router has the stack of active fakes, and what applies where there is none.

Everything else belongs to a simulation or to a session of pytest, but for these objects of the process:

- `_clients.router.router`: the active fakes
- `_clients.interception.interception`: how often interception was switched on
- `_clients.grpc_channels.under_way`: the transport of Google's that a thread is in the midst of building
- `_clients.import_watch.import_watch`: who is called back when a client library is imported
- `_clients.retry_waits.skipped_waits`: whether the waits of Google's retries are skipped
- `_clients.unawaited.unawaited_calls`: whether coroutines that were never awaited are looked at
- `_simulation.settings.run_defaults`: what the ini file of the pytest run says of project, location and queues
- `_simulation.fork_safety.forks`: the locks that a fork waits for
- `_server.grpc_clock.wire_clock`: whether grpc's deadlines count from a clock that stands
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .._messages.rest_http import RestRequest, RestResponse
    from .._messages.rpc_call import IncomingCall
    from .http.destinations import IdentityService
    from .identity.account import Identity


class Receiver(Protocol):
    """What answers calls."""

    def receive(self, call: IncomingCall) -> Any:
        """Answer a call with a response message, or raise what a gRPC channel would raise."""
        ...


class Backend(Receiver, Protocol):
    """A fake, as the transports see it."""

    def receive_async(self, call: IncomingCall) -> tuple[Any, Awaitable[None] | None]:
        """Answer a call of an asyncio client: the response, and what is to be awaited before it is given."""
        ...

    def answer_identity(self, service: IdentityService, request: RestRequest) -> RestResponse | None:
        """Answer a request to one of Google's identity services; None if it is for something else at its host."""
        ...

    @property
    def application_default(self) -> Identity | None:
        """Whose credentials `google.auth` finds, whatever the machine has; None to let it search."""
        ...

    @property
    def has_one_loop_for_a_client(self) -> bool:
        """Whether a call of an asyncio client in another event loop than the client's fails, as in production."""
        ...

    @property
    def redirect_endpoints(self) -> Sequence[str]:
        """The addresses that clients were given, and whose calls are to be answered here."""
        ...

    def let_time_go(self) -> None:
        """Let the application's time be real from now on, for good."""
        ...

    def keep_failure(self, message: str) -> None:
        """Fail the test at its end, with ``message``."""
        ...


class Router:
    """The active fakes, innermost last, and what happens where there is none."""

    def __init__(self) -> None:
        self._backends: list[Backend] = []
        self.refuse_outside: Callable[[str], None] | None = None
        """Called with the name of a call outside a fake, ``CloudTasksClient.get_task()``; raises to block it."""
        self.defers_credentials: Callable[[], bool] = lambda: False
        """Whether a client built outside a fake may wait with its credentials until its first call."""
        self.application_default: Callable[[], Identity | None] = lambda: None
        """Whose credentials `google.auth` finds where no active fake says so; None to let it search."""
        self.redirected_always: Sequence[str] = ()
        """The addresses whose calls are redirected whichever fake is active."""
        self.on_enter: Callable[[Backend], None] = lambda backend: None
        """Called with each fake that becomes active."""

    def enter(self, backend: Backend) -> None:
        """From now on calls go to ``backend``."""
        self._backends.append(backend)
        self.on_enter(backend)

    def put_innermost(self, backend: Backend) -> None:
        """Of those that have entered, ``backend`` is the innermost from now on, if it is one of them."""
        if backend in self._backends:
            self._backends.remove(backend)
            self._backends.append(backend)

    def leave(self, backend: Backend) -> None:
        """``backend`` takes no more calls; the one before it does again."""
        self._backends.remove(backend)

    @property
    def backends(self) -> Sequence[Backend]:
        """The active fakes, innermost last."""
        return tuple(self._backends)

    @property
    def backend(self) -> Backend | None:
        """The innermost fake."""
        return self._backends[-1] if self._backends else None

    @property
    def is_watching(self) -> bool:
        """Whether any call may be answered, or blocked, instead of being made."""
        return bool(self._backends) or self.refuse_outside is not None

    def backend_for(self, call: str) -> Backend | None:
        """Return the innermost fake, or None outside. Raise what blocks ``call`` outside, where calls are blocked."""
        if not self._backends and self.refuse_outside is not None:
            self.refuse_outside(call)
        return self.backend

    @property
    def needs_no_credentials(self) -> bool:
        """Whether a client built now gets by without credentials: no real call follows, or not yet."""
        return bool(self._backends) or self.refuse_outside is not None or self.defers_credentials()

    def redirects(self, address: str) -> bool:
        """Whether what is meant for ``address``, given by the user, may be answered by a fake."""
        listed = [*self.redirected_always, *(one for backend in self._backends for one in backend.redirect_endpoints)]
        if not listed:
            return False
        from .http.destinations import is_listed  # few suites list one

        return is_listed(address, listed)


router = Router()
