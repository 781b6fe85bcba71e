"""``python -m pytest_cloudtasks._ledger docs/fidelity.md``: update the tables of the page."""

from __future__ import annotations

import sys
from pathlib import Path

from .page import renewed

if __name__ == "__main__":
    for argument in sys.argv[1:]:
        page = Path(argument)
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
