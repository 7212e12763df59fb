"""Many locks at once: nights, tallies, habits, and clients that misbehave."""
