"""Reads the spool for the store."""
