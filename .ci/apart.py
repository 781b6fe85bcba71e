"""Fill the current folder with what the sdist has, but for the package: there only an installed one can be imported.

Python looks into the current folder first. What tests start in the checkout would import the checkout's package
instead of the one that is installed and to be tested.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from distribution import PACKAGE, SDIST_FILES, SDIST_FOLDERS

ROOT = Path(__file__).parents[1]
MADE = shutil.ignore_patterns("__pycache__", ".*_cache", "_build")


def main(here: Path) -> None:
    """Copy into ``here``."""
    for name in SDIST_FILES:
        shutil.copy(ROOT / name, here)
    for name in SDIST_FOLDERS:
        if name != PACKAGE:
            shutil.copytree(ROOT / name, here / name, dirs_exist_ok=True, ignore=MADE)


if __name__ == "__main__":
    main(Path.cwd())
