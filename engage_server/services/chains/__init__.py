"""Chains on the disk: building them, finding the keys of their authorities, and checking them."""
