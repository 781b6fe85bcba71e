"""Targets of tasks: routes, mounted applications and forwards, and the requests that they receive."""
