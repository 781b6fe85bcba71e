"""The plugin's parts: fakes and their life during the tests of a session."""
