"""Calls back when a module has been imported, and leaves every import as it would be without it.

How it works. One finder stands on ``sys.meta_path``. It answers for the watched names alone: it asks the other finders,
in their order, and returns a copy of the spec that they found. The copy has a loader of ours, which wraps theirs. When
the module is executed, our loader first puts theirs into the copy and into the module, executes the module by it, and
calls back. So the module runs with, and keeps, the loader that found it (``inspect``, ``importlib.resources`` and
``pkgutil`` ask for it), and no object that modules share is changed: pytest's assertion rewriter, for one, is a single
loader for all the modules it rewrites.

What can come in between:

- Threads. Python executes a module under the module's own lock, and the callback runs within it: no thread gets a
  watched module before its callback is done. A module that another thread is importing while a watch begins is waited
  for. The names that are being looked for are kept per thread.
- Lazy loaders. A module that `importlib.util.LazyLoader` has put off is not executed yet, and to look at any attribute
  would execute it. Its spec gets our loader in place of the one that executes it later.
- Finders that came to stand before ours, such as typeguard's: a module that they found is missed. `look_again` moves
  our finder back to the front and calls back for what was missed.
- Reloading executes the module again, and calls back again.
- Modules that were put into ``sys.modules`` by hand, which have no spec, belong to the user and are left alone.
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
    """A callback for a module, and the modules that it was called with."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self._seen: weakref.WeakSet[ModuleType] = weakref.WeakSet()

    def executed(self, module: ModuleType) -> None:
        """Call back for a module that has just been executed."""
        self._seen.add(module)
        self.callback(module)

    def present(self, module: ModuleType) -> None:
        """Call back for a module that is there, unless that was done."""
        if module not in self._seen:
            self.executed(module)


class ImportWatch:
    """The finder: asked by Python for every import, it answers for the watched modules."""

    def __init__(self) -> None:
        self._watches: dict[str, list[_Watch]] = {}
        self._local = threading.local()

    def add(self, name: str, callback: Callback) -> None:
        """Call ``callback`` with the module ``name`` now, if it was imported, and whenever it is executed.

        To add the same twice changes nothing.
        """
        self._be_first()
        watches = self._watches.setdefault(name, [])
        if all(watch.callback != callback for watch in watches):
            watches.append(_Watch(callback))
            self._look_at(name, watches[-1:])

    def remove(self, name: str, callback: Callback) -> None:
        """End what `add` began with the same arguments."""
        remaining = [watch for watch in self._watches.pop(name, ()) if watch.callback != callback]
        if remaining:
            self._watches[name] = remaining
        if not self._watches:
            sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def look_again(self) -> None:
        """Be the first finder again, and call back for modules that were found by another one meanwhile."""
        self._be_first()
        for name, watches in list(self._watches.items()):
            self._look_at(name, watches)

    def executed(self, name: str, module: ModuleType) -> None:
        """Call back for a module that has just been executed."""
        for watch in list(self._watches.get(name, ())):
            watch.executed(module)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return what the other finders find for a watched name, with a loader that calls back; None for others."""
        if name not in self._watches:
            return None
        looked_for: set[str] = self._local.__dict__.setdefault("looked_for", set())
        if name in looked_for:  # a finder that asks all the finders, as this one does, asks back
            return None
        looked_for.add(name)
        try:
            found = self._spec_of_others(name, path, target)
        finally:
            looked_for.discard(name)
        if found is None or not hasattr(found.loader, "exec_module"):
            return found
        spec = copy.copy(found)
        spec.loader = _CallingLoader(name, found.loader, self)  # type: ignore[assignment]
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
        """Call back for a module that is there, after whichever thread is executing it."""
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
        except Exception:  # the other thread's import has failed, and so did this one
            return
        for watch in list(watches):
            watch.present(module)

    def follow(self, name: str, module: ModuleType) -> None:
        """Be called by a lazily loaded module when it is executed."""
        spec = object.__getattribute__(module, "__spec__")
        if type(spec.loader) is not _CallingLoader:
            spec.loader = _CallingLoader(name, spec.loader, self)


class _CallingLoader:
    """A loader that calls back after the module's own loader has executed the module; in all else it is that loader."""

    def __init__(self, name: str, loader: Any, watch: ImportWatch) -> None:
        self._module_name = name
        self._loader = loader
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what isinstance() goes by
        return type(self._loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Have the module's own loader make the module, from a spec with that loader."""
        spec.loader = self._loader
        try:
            module: ModuleType | None = self._loader.create_module(spec)
            return module
        finally:
            spec.loader = self  # type: ignore[assignment]

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back its own loader, execute it, and call back."""
        for owner, attribute in ((module, "__loader__"), (getattr(module, "__spec__", None), "loader")):
            if getattr(owner, attribute, None) is self:
                setattr(owner, attribute, self._loader)
        was_lazy = type(module) is _LAZY_MODULE  # from Python 3.14 on it stays so until it has been executed
        self._loader.exec_module(module)
        if type(module) is _LAZY_MODULE and not was_lazy:
            self._watch.follow(self._module_name, module)
        else:
            self._watch.executed(self._module_name, module)


class _NothingToLoad:
    """A loader for a module that nobody executes."""

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


def _lazy_module_type() -> type[ModuleType]:
    """Return the class that a module has between its lazy load and its execution; it has no public name."""
    module = ModuleType("lazy")
    module.__spec__ = ModuleSpec("lazy", None)
    LazyLoader(_NothingToLoad()).exec_module(module)  # type: ignore[arg-type]
    return type(module)


_LAZY_MODULE = _lazy_module_type()

import_watch = ImportWatch()
"""The one of the process."""
