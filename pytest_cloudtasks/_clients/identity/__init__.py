"""The identity of the code under test: tokens, credentials, and the answers of Google's identity services."""
