"""The router: decides for each intercepted call which fake it goes to, if any.

Clients live as long as the process: at module level, in caches, in fixtures of a wider scope. So a client is not bound
to a fake when it is built. The router has the stack of active fakes, and the behaviour outside of them.

These are the only objects of the process; all others belong to a simulation or to a session of pytest:

- `_clients.router.router`: the active fakes
- `_clients.interception.interception`: how often interception was switched on
- `_clients.grpc_channels.under_way`: the transport of Google's that a thread is currently building
- `_clients.import_watch.import_watch`: the callbacks for imports of client libraries
- `_clients.retry_waits.skipped_waits`: whether the waits of Google's retries are skipped
- `_clients.unawaited.unawaited_calls`: whether coroutines that were never awaited are inspected
- `_simulation.settings.settings.run_defaults`: options from the ini file and the command line of the pytest run
- `_simulation.fork_safety.forks`: the locks that a fork waits for
- `_server.grpc_clock.wire_clock`: whether grpc's deadlines use real time while a test holds time
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
    """An object that answers calls."""

    def receive(self, call: IncomingCall) -> Any:
        """Answer a call with a response message, or raise as a gRPC channel does."""
        ...


class Backend(Receiver, Protocol):
    """A fake, as the transports use it."""

    def receive_async(self, call: IncomingCall) -> tuple[Any, Awaitable[None] | None]:
        """Answer a call of an asyncio client. Return the response, and an awaitable to await before it is delivered."""
        ...

    def answer_identity(self, service: IdentityService, request: RestRequest) -> RestResponse | None:
        """Answer a request to one of Google's identity services; return None for other requests to its host."""
        ...

    @property
    def application_default(self) -> Identity | None:
        """The identity whose credentials `google.auth` finds, whatever the machine has; None to let it search."""
        ...

    @property
    def has_one_loop_for_a_client(self) -> bool:
        """Whether an asyncio client fails in another event loop than its own, as in production."""
        ...

    @property
    def redirect_endpoints(self) -> Sequence[str]:
        """Addresses of clients whose calls the fake answers."""
        ...

    def let_time_go(self) -> None:
        """Let the application's time be real from now on, for good."""
        ...

    def keep_failure(self, message: str) -> None:
        """Fail the test at its end, with ``message``."""
        ...


class Router:
    """The active fakes, innermost last, and the behaviour outside of them."""

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
        self.on_last_leave: list[Callable[[], object]] = []
        """Called when no fake is active any more, for modules that are imported only when they are needed."""

    def enter(self, backend: Backend) -> None:
        """Send calls to ``backend`` from now on."""
        self._backends.append(backend)
        self.on_enter(backend)

    def put_innermost(self, backend: Backend) -> None:
        """Move ``backend`` to the innermost position, if it has entered."""
        if backend in self._backends:
            self._backends.remove(backend)
            self._backends.append(backend)

    def leave(self, backend: Backend) -> None:
        """Stop sending calls to ``backend``. The fake before it gets them again."""
        self._backends.remove(backend)
        if not self._backends:
            for function in self.on_last_leave:
                function()

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
        """Whether any call may be answered or blocked."""
        return bool(self._backends) or self.refuse_outside is not None

    def backend_for(self, call: str) -> Backend | None:
        """Return the innermost fake, or None outside. Raise the error of a blocked ``call`` outside."""
        if not self._backends and self.refuse_outside is not None:
            self.refuse_outside(call)
        return self.backend

    @property
    def needs_no_credentials(self) -> bool:
        """Whether a client built now needs no credentials, because no real call can follow, or not yet."""
        return bool(self._backends) or self.refuse_outside is not None or self.defers_credentials()

    def redirects(self, address: str) -> bool:
        """Return whether a fake may answer calls to ``address``, which the user gave to a client."""
        listed = [
            *self.redirected_always,
            *(address for backend in self._backends for address in backend.redirect_endpoints),
        ]
        if not listed:
            return False
        from .http.destinations import is_listed  # few suites have the option

        return is_listed(address, listed)


router = Router()
