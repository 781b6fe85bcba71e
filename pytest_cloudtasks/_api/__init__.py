"""What users touch: the control handle, its verbs, assertions and explanations."""
