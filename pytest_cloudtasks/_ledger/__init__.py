"""What the fake does, how that is known, and the case that proves it: data, how it is read, and how it is printed."""
