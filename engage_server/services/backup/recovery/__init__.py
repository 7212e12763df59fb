"""Restoring a backup for use: what comes back, and what must not."""
