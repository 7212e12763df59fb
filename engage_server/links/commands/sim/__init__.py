"""``engage sim``: SIMs of sites, at their operator."""
