"""``engage site``."""
