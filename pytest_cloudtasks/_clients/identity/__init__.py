"""The identity of the code under test: tokens, credentials, and what Google's identity services answer."""
