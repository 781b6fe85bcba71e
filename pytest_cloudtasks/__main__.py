"""``python -m pytest_cloudtasks plan …``."""

from __future__ import annotations

import sys

from ._handle.command_line import main

if __name__ == "__main__":
    sys.exit(main())
