"""The plugin's inside: how fakes come and go along the tests of a session."""
