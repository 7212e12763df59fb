"""``engage backup``."""
