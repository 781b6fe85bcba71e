"""A state machine for Hypothesis: rules for the life of queues and tasks, and what must hold after each of them."""
