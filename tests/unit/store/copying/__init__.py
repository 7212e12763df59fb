"""Copies of all tables."""
