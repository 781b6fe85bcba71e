"""Matches of tasks: whether a task is the expected one, and if not, where it differs."""
