"""A Hypothesis state machine, to extend with the rules and invariants of an application that uses Cloud Tasks."""

from __future__ import annotations

from ._stateful.machine import CloudTasksMachine

__all__ = ["CloudTasksMachine"]
