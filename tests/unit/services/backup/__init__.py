"""Backups and their drill."""
