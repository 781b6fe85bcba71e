"""Interception: how a call of a real client reaches a fake.

Theory of operation, from import to channel:

1. *Import.* Application code imports grpc and the client library at any time, before or after the plugin.
   `import_watch` calls back once one of these modules has been executed; until then nothing of Google's is imported.
2. *Channels.* ``grpc.secure_channel``, ``grpc.insecure_channel`` and their asyncio twins return a deferred channel for
   an address of Cloud Tasks, or for one that a fake redirects (`grpc_channels`). All clients over gRPC use it, whatever
   their transport and interceptors are: Google's code runs unchanged down to the channel. A user's own patch of a
   client, a transport or a channel still wins.
3. *Credentials.* The constructors of Google's transports look for credentials. While no real call can follow, these
   are deferred (`transports`), and so are those of the client's ``from_service_account_…`` constructors
   (`client_patches`). When a call needs the real service, the transport is built again as the library builds it, and
   the deferred channel uses the channel of that transport.
4. *Call.* Google's code builds the request, the headers, the time-out, the retry and the log as usual, and calls its
   channel. Ours (`channel`, `aio_channel`) decides call by call: the `router` names the innermost active fake. Without
   one the call goes to the real channel, or is blocked. So a client that is built at import serves each test's own
   fake.
5. *Answer.* The fake gets an `IncomingCall`, and returns a message or raises an `InProcessRpcError`, which is grpc's
   error for Google's client: the client turns it into its exception and retries by its policy (`retry_waits`).

HTTP is also intercepted by destination: each library at one public method (`http.seams`), request by request.

`Interception.uninstall` restores everything. Clients that were built meanwhile continue with the real service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType

from .grpc_channels import patch_grpc
from .http.seams import SEAMS
from .identity.application_default import PATCHES
from .import_watch import import_watch
from .patching import Patch

_VERSIONS = ("v2", "v2beta3", "v2beta2")
CLIENT_MODULES = (
    *(f"google.cloud.tasks_{version}.services.cloud_tasks.client" for version in _VERSIONS),
    *(f"google.cloud.tasks_{version}.gapic.cloud_tasks_client" for version in _VERSIONS),
)
"""The modules that define the clients, those of 1.x last."""
TRANSPORT_MODULES = (
    *(f"google.cloud.tasks_{version}.services.cloud_tasks.transports" for version in _VERSIONS),
    *(f"google.cloud.tasks_{version}.gapic.transports.cloud_tasks_grpc_transport" for version in _VERSIONS),
)
"""The modules that offer the transports."""


class Interception:
    """Switches interception on and off for the process."""

    def __init__(self) -> None:
        self._users = 0
        self._patch = Patch()
        self._patches: Mapping[str, Callable[[ModuleType], None]] = {
            **{
                name: partial(self._patch_seam, seam) for name, seam in {"grpc": patch_grpc, **SEAMS, **PATCHES}.items()
            },
            **dict.fromkeys(CLIENT_MODULES, self._patch_client),
            **dict.fromkeys(TRANSPORT_MODULES, self._patch_transports),
        }
        """The modules that are patched once they have been imported, and what patches them."""

    def install(self) -> None:
        """Intercept clients from now on; calls nest."""
        self._users += 1
        if self._users > 1:
            self.look_again()
            return
        for name, patch in self._patches.items():
            import_watch.add(name, patch)

    def uninstall(self) -> None:
        """Undo one `install`. Clients that were built in between continue with the real service."""
        self._users -= 1
        if self._users == 0:
            for name, patch in self._patches.items():
                import_watch.remove(name, patch)
            self._patch.undo()

    def look_again(self) -> None:
        """Intercept clients whose import our finder missed, because another finder found them first."""
        import_watch.look_again()

    def _patch_client(self, module: ModuleType) -> None:
        from .client_patches import patch_client  # loads google.auth and more, which only an imported client needs

        patch_client(module, self._patch)

    def _patch_transports(self, module: ModuleType) -> None:
        from .client_patches import patch_transports  # as above

        patch_transports(module, self._patch)

    def _patch_seam(self, seam: Callable[[ModuleType, Patch], None], module: ModuleType) -> None:
        seam(module, self._patch)


interception = Interception()
