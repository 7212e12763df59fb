"""``engage alert``: who is told, and how."""
