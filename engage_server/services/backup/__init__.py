"""Backups: one archive of an installation, and the drill that proves that it can be restored."""
