"""Rotations: planned, prepared, proved, and moved on by the evidence."""
