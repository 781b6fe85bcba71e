"""``python -m pytest_cloudtasks plan …``."""

from __future__ import annotations

import os
import sys

from ._handle.command_line import main


def run() -> int:
    """The command line's exit code; 1 where whoever reads the output has had enough of it, such as ``head``."""
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush at the end
        return 1
    return code


if __name__ == "__main__":
    sys.exit(run())
