"""Chains that somebody sent along: what is read of them, and where."""
