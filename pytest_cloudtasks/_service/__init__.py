"""A model of the Cloud Tasks service: commands and an instant go in, events and results come out.

It uses the standard library only: no clock, no random numbers, no message classes, no test runner and no network. The
caller passes the instant, the new names and the answers of the targets.
"""
