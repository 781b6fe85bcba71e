"""Python's own finder for our modules, before pytest's search for assertions to rewrite.

pytest reads every module of a plugin's distribution, with pathlib and ``open``. Most of ours are loaded by the test
that first needs them, which may have replaced just these functions. Then pytest would compile the content of a
replacement, and before 9.2 keep that in its cache. Besides, the search takes nearly as long as the import itself, and
finds nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_OURS = f"{__name__.partition('.')[0]}."


class OwnModules:
    """A finder of imports for this package only."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of Python's own finder for a module of ours."""
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_OURS) else None

    def begin(self) -> None:
        """Insert the finder before pytest's."""
        sys.meta_path.insert(0, self)

    def end(self) -> None:
        """Remove the finder."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
