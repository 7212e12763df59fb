"""Fleets of virtual locks: nights, results, calling times, and clients that misbehave."""
