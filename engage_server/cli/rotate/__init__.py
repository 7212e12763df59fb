"""``engage rotate``."""
