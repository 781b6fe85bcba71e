"""``python -m pytest_cloudtasks``, which is also the console script ``pytest-cloudtasks``."""

from __future__ import annotations

import os
import sys

from ._api.cli import main
from ._server.emulator.command_line import add_serve


def run() -> int:
    """Return the command line's exit code; 1 if its output was closed early, for example by ``head``."""
    try:
        code = main(more=[add_serve])
        if sys.stdout is not None:  # it is None if the process was started without one
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush at the end
        return 1
    return code


if __name__ == "__main__":
    sys.exit(run())
