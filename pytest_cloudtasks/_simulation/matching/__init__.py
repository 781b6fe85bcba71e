"""Matching: whether a task is the one that an assertion means, and if not, where it differs."""
