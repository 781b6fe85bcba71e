"""Our own modules are found by Python's own means, past pytest's search for assertions to rewrite.

pytest looks into every module of a plugin's distribution, by pathlib and ``open``. Most of ours are loaded by the test
that first needs them, which may have replaced just these; then pytest would compile what the replacement reads, and
before 9.2 keep that in its cache. Besides, the search takes nearly as long as the import itself, and finds nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_OURS = f"{__name__.partition('.')[0]}."


class OwnModules:
    """A finder of imports for this package alone."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What Python's own finder has to say of a module of ours."""
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_OURS) else None

    def begin(self) -> None:
        """Be asked before pytest."""
        sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Be asked no more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
