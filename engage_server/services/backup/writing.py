"""Writes an archive: its members, the list of their digests, and the manifest."""
