from __future__ import annotations

collect_ignore = ["projects", "added"]
"""Suites of their own, which test_projects.py runs."""
