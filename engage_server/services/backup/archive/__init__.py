"""The archive of a backup: its names, its manifest, and how it is written and read."""
