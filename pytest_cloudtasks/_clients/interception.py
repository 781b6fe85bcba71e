"""Interception: how a call of a real client gets to a fake.

Theory of operation, from import to channel:

1. *Import.* Application code imports the client library whenever it likes, before or after the plugin. `import_watch`
   calls back once a client's module has been executed; until then nothing of Google's is imported.
2. *Patch.* The entries of the client's transport registry are replaced by subclasses of Google's own transports
   (`client_patches`, `transports`). That reaches every client that is built later, under whatever name its class was
   imported, and a user's own patch of the class or of a method still wins. The class itself only gets
   ``from_service_account_…`` constructors that open no key file while no real call can follow.
3. *Construction.* Google's constructor asks the registry for a transport and gets ours: no credentials are looked up,
   and no connection is opened. The real transport is built when a call needs it (`transports.RealTransport`).
4. *Call.* Google's code builds the request, the headers, the time-out, the retry and the log, as ever, and calls its
   channel. Ours (`channel`, `aio_channel`) decides call by call: the `router` names the innermost active fake, and
   without one the call goes to the real transport's channel, or is blocked. Over REST the transport's RPCs do the same.
   So a client that is built at import serves each test's own fake.
5. *Answer.* The fake gets an `RpcCall`, and gives a message or raises an `InProcessRpcError`, grpc's error as Google's
   client knows it: the client makes its exception of that and retries as its policy says (`retry_waits`).

A channel that users open themselves is theirs. Where its address is one that a fake redirects, the stock transport's
constructor puts a deferred channel in front of it. Clients of google-cloud-tasks 1.x have no registry; `legacy` reaches
them. `Interception.uninstall` puts everything back; clients that were built meanwhile go on, to the real service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType

from .http.seams import SEAMS
from .import_watch import import_watch
from .patching import Patch

CLIENT_MODULES = {
    "google.cloud.tasks_v2.services.cloud_tasks.client": "google.cloud.tasks.v2",
    "google.cloud.tasks_v2beta3.services.cloud_tasks.client": "google.cloud.tasks.v2beta3",
    "google.cloud.tasks_v2beta2.services.cloud_tasks.client": "google.cloud.tasks.v2beta2",
    "google.cloud.tasks_v2.gapic.cloud_tasks_client": "google.cloud.tasks.v2",
}
"""The modules that define the clients, and the API each speaks."""


class Interception:
    """Switches interception on and off for the process."""

    def __init__(self) -> None:
        self._users = 0
        self._patch = Patch()
        self._patches: Mapping[str, Callable[[ModuleType], None]] = {
            **dict.fromkeys(CLIENT_MODULES, self._patch_client),
            **{name: partial(self._patch_seam, seam) for name, seam in SEAMS.items()},
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
        """End what `install` began. Clients built in between go on, to the real service."""
        self._users -= 1
        if self._users == 0:
            for name, patch in self._patches.items():
                import_watch.remove(name, patch)
            self._patch.undo()

    def look_again(self) -> None:
        """Intercept clients whose import went past, since a finder of somebody else's found them first."""
        import_watch.look_again()

    def _patch_client(self, module: ModuleType) -> None:
        from .client_patches import patch_client  # loads grpc: only when a client was imported

        patch_client(module, CLIENT_MODULES.get(module.__name__, ""), self._patch)

    def _patch_seam(self, seam: Callable[[ModuleType, Patch], None], module: ModuleType) -> None:
        seam(module, self._patch)


interception = Interception()
