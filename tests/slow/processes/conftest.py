from __future__ import annotations

import os

collect_ignore = [] if hasattr(os, "fork") else ["test_forks.py"]
