"""``engage key``."""
