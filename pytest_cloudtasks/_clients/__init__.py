"""Access to real clients: interception, transports, channels, credentials and tokens.

Importing this package imports nothing of Google's.
"""
