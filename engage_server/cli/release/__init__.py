"""``engage release``."""
