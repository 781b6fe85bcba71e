"""Hypothesis strategies for what the service takes, and for what it refuses."""
