"""``engage alert``: who gets alerts, and how."""
