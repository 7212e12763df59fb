"""Chains on the disk: builds them, finds the keys of their authorities, and checks them."""
