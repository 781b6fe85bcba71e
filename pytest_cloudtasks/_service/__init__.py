"""A model of the Cloud Tasks service: commands and an instant go in, events and results come out.

Standard library only. It reads no clock, draws no random number, and knows no message class, no test runner and no
network: whoever drives it brings the instant, the new names and the answers of the targets.
"""
