"""Calls an operator of SIMs by its contract: tokens, return codes, pages, and what was accepted but is not done."""
