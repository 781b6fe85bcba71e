"""What a failure says."""
