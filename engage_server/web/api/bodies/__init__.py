"""What bodies and queries of several routes have in common."""
