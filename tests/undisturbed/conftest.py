from __future__ import annotations

collect_ignore = ["projects"]
"""Suites of their own, which test_projects.py runs."""
