"""Rotations: planned, prepared, validated, and continued as the evidence allows."""
