"""The whole installation: its first site, the overview of all sites, its checkup, its disk, and its audit log."""
