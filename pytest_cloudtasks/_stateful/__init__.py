"""A state machine for Hypothesis: rules for the life of queues and tasks, and invariants after each of them."""
