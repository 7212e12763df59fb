"""``engage device``."""
