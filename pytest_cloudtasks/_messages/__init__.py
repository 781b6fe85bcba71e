"""Google's messages, to and from the service."""
