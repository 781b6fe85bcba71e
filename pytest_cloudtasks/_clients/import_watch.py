"""Callbacks after the import of a module. Imports otherwise work as without them.

How it works. One finder is on ``sys.meta_path`` and handles only the watched names. It asks the other finders, in
order, and returns a copy of their spec. The copy has our loader, which wraps theirs. When the module is executed, our
loader first puts their loader into the copy and into the module, executes the module with it, and calls back. So the
module runs with, and keeps, the loader that found it (``inspect``, ``importlib.resources`` and ``pkgutil`` need it). No
object that modules share is changed: pytest's assertion rewriter, for example, is a single loader for all the modules
it rewrites.

Special cases:

- Threads. Python executes a module under the module's own lock, and the callback runs within it: no thread gets a
  watched module before its callback is done. If another thread is importing a module when a watch begins, the watch
  waits for it. The names that are being looked for are kept per thread.
- Lazy loaders. A module that `importlib.util.LazyLoader` has deferred is not executed yet, and reading any attribute
  would execute it. Its spec gets our loader in place of the one that executes it later.
- Finders that were inserted before ours, such as typeguard's. Our finder misses the modules that they find.
  `look_again` moves our finder back to the front and calls back for missed modules.
- Reloading executes the module again, and calls back again.
- Modules that users have put into ``sys.modules``, which have no spec, are left alone.
"""

from __future__ import annotations

import copy
import importlib
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any

Callback = Callable[[ModuleType], None]


class _Watch:
    """A callback for a module, and the modules for which it was called."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self._seen: weakref.WeakSet[ModuleType] = weakref.WeakSet()

    def executed(self, module: ModuleType) -> None:
        """Call back for a module that was just executed."""
        self._seen.add(module)
        self.callback(module)

    def present(self, module: ModuleType) -> None:
        """Call back for an imported module, unless that was done."""
        if module not in self._seen:
            self.executed(module)


class ImportWatch:
    """The finder. Python asks it for every import, and it handles the watched modules."""

    def __init__(self) -> None:
        self._watches: dict[str, list[_Watch]] = {}
        self._local = threading.local()

    def add(self, name: str, callback: Callback) -> None:
        """Call ``callback`` with the module ``name`` whenever it is executed, and now if it was imported.

        Adding the same callback twice has no effect.
        """
        self._be_first()
        watches = self._watches.setdefault(name, [])
        if all(watch.callback != callback for watch in watches):
            watches.append(_Watch(callback))
            self._look_at(name, watches[-1:])

    def remove(self, name: str, callback: Callback) -> None:
        """Undo `add` for the same arguments."""
        remaining = [watch for watch in self._watches.pop(name, ()) if watch.callback != callback]
        if remaining:
            self._watches[name] = remaining
        if not self._watches:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def look_again(self) -> None:
        """Move the finder to the front again, and call back for modules that other finders have found meanwhile."""
        self._be_first()
        for name, watches in list(self._watches.items()):
            self._look_at(name, watches)

    def executed(self, name: str, module: ModuleType) -> None:
        """Call back for a module that was just executed."""
        for watch in list(self._watches.get(name, ())):
            watch.executed(module)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the other finders' spec of a watched name, with a loader that calls back; None for other names."""
        if name not in self._watches:
            return None
        looked_for: set[str] = self._local.__dict__.setdefault("looked_for", set())
        if name in looked_for:  # another finder that asks all finders asks this one as well
            return None
        looked_for.add(name)
        try:
            spec_of_others = self._spec_of_others(name, path, target)
        finally:
            looked_for.discard(name)
        if spec_of_others is None or not hasattr(spec_of_others.loader, "exec_module"):
            return spec_of_others
        spec = copy.copy(spec_of_others)
        spec.loader = _CallingLoader(name, spec_of_others.loader, self)  # type: ignore[assignment]
        return spec

    def _be_first(self) -> None:
        if sys.meta_path[:1] != [self]:
            sys.meta_path[:] = [self, *(finder for finder in sys.meta_path if finder is not self)]

    def _spec_of_others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                return spec  # type: ignore[no-any-return]
        return None

    def _look_at(self, name: str, watches: list[_Watch]) -> None:
        """Call back for an imported module, once no thread is executing it any more."""
        module = sys.modules.get(name)
        if module is None or not issubclass(type(module), ModuleType):
            return
        if type(module) is _LAZY_MODULE:
            self.follow(name, module)
            return
        if vars(module).get("__spec__") is None:
            return
        try:
            module = importlib.import_module(name)
        except Exception:  # the import failed in the other thread, which called back for nothing
            return
        for watch in list(watches):
            watch.present(module)

    def follow(self, name: str, module: ModuleType) -> None:
        """Replace the loader of a lazily loaded module, so that its execution calls back."""
        spec = object.__getattribute__(module, "__spec__")
        if type(spec.loader) is not _CallingLoader:
            spec.loader = _CallingLoader(name, spec.loader, self)


class _CallingLoader:
    """A loader that calls back after the module's own loader has executed the module.

    Otherwise it equals that loader.
    """

    def __init__(self, name: str, loader: Any, watch: ImportWatch) -> None:
        self._module_name = name
        self._loader = loader
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # isinstance() uses this
        return type(self._loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the module's own loader create the module, from a spec with that loader."""
        spec.loader = self._loader
        try:
            module: ModuleType | None = self._loader.create_module(spec)
            return module
        finally:
            spec.loader = self  # type: ignore[assignment]

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own loader, execute the module, and call back."""
        for owner, attribute in ((module, "__loader__"), (getattr(module, "__spec__", None), "loader")):
            if getattr(owner, attribute, None) is self:
                setattr(owner, attribute, self._loader)
        was_lazy = type(module) is _LAZY_MODULE  # since Python 3.14 it keeps this until it has been executed
        self._loader.exec_module(module)
        if type(module) is _LAZY_MODULE and not was_lazy:
            self._watch.follow(self._module_name, module)
        else:
            self._watch.executed(self._module_name, module)


class _NothingToLoad:
    """A loader for a module that is never executed."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Return None, so that Python creates the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


def _lazy_module_type() -> type[ModuleType]:
    """Return the class of a module between its lazy load and its execution. It has no public name."""
    module = ModuleType("lazy")
    module.__spec__ = ModuleSpec("lazy", None)
    LazyLoader(_NothingToLoad()).exec_module(module)  # type: ignore[arg-type]
    return type(module)


_LAZY_MODULE = _lazy_module_type()

import_watch = ImportWatch()
"""The process's only finder."""
