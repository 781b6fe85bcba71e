"""How long tests wait for something that has to come."""

from __future__ import annotations

PATIENCE = 120
"""Seconds. It is only used up where something has failed: no result depends on how busy the machine is."""
LONGEST_DEADLINE = 30
"""Seconds. The longest deadline that Cloud Tasks accepts for a call; one that is longer is rejected."""
