"""Hypothesis strategies for values that the service accepts, and for those that it rejects."""
