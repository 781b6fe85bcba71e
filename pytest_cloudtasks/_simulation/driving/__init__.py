"""Driving a test: the methods that pass time and dispatch tasks, and the deliveries that they run."""
