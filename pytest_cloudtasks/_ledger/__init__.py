"""The fake's behaviours, how each one is known, and the case that proves it: data, its reader, and its page."""
