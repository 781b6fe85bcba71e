"""Translation between Google's messages and the service's values."""
