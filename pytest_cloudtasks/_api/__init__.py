"""What users touch: `FakeCloudTasks`, its driving methods, assertions and faults."""
