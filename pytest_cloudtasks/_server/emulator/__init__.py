"""The emulator `serve`: the fake as a separate server that uses the wall clock and makes real requests."""
