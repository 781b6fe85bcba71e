"""One test: its service, clock, targets, faults and history."""
