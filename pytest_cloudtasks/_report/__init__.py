"""The HTML report of a failed test."""
