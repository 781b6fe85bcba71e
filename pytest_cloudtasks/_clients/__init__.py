"""Google's side: messages to and from the model, errors, in-process transports, and interception.

Importing this package imports nothing of Google's.
"""
