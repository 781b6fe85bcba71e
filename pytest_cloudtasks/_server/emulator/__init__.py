"""The emulator `serve`: the fake as a server of its own, by the wall clock, with real requests."""
