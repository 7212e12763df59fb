"""``engage chain``: needs no installation."""
