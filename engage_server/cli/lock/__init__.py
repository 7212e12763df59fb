"""``engage lock``: the virtual lock."""
