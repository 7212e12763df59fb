"""Releases: staged, activated and retired. Also the workers and hosts that serve them, and when certificates end."""
