"""The path to a site: what links reported, and what follows from it. It says nothing about a door."""
