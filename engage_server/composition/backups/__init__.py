"""Builds what makes backups, and what restores one for a drill."""
