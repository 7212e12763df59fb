"""The whole installation: its first site, all sites at a glance, its disk, and its audit log."""
