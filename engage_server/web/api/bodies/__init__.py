"""What bodies of several routes have in common."""
